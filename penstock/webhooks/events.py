"""Events: one for each end of a request, with an id that never depends on how often it is told (N1).

Those of jobs are in ``penstock.webhooks.job_events``.

The document follows Standard Webhooks: ``type``, ``timestamp`` and ``data``. It is thin: links point
at our own API, which makes presigned URLs per read (N4).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock import ids
from penstock.moments import rfc3339

if TYPE_CHECKING:
    from penstock.records import RequestRecord, Status

#: Raised when a member of ``data`` changes its meaning or goes; new members do not raise it.
SCHEMA_VERSION = 1

#: Longest result that may be part of an event: receivers are promised bodies below about 20 kB.
MOST_INLINE_BYTES = 16_384


class Kind(StrEnum):
    """What an event is about."""

    REQUEST = "request"
    #: Batch jobs.
    JOB = "job"
    #: Asked for by an operator, to see that a receiver works.
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, and the facts that subscribers filter by."""

    id: str
    kind: Kind
    api: str
    #: Id of the request or job; empty for a test.
    subject: str
    status: str
    #: JSON text.
    body: str

    @property
    def type(self) -> str:
        """Name of the event, such as ``request.completed``."""
        return f"{self.kind}.{self.status}"


def ended(
    record: RequestRecord, *, deployment: str, endpoint: str, base_url: str, result: str | None = None
) -> Event:
    """The event of a request's end.

    ``base_url`` is that of the HTTP API, ``result`` the JSON text of the result if it goes inline.
    """
    if record.finished_ms is None:
        raise ValueError(f"request {record.id} is {record.status} and has not ended")
    link = url_of(record, endpoint=endpoint, base_url=base_url)
    data = {
        "version": SCHEMA_VERSION,
        "kind": Kind.REQUEST.value,
        "deployment": deployment,
        "api": record.api,
        "id": record.id,
        "status": record.status.value,
        "attempt": record.attempt,
        "created_at": rfc3339(record.created_ms),
        "started_at": rfc3339(record.started_ms) if record.started_ms is not None else None,
        "finished_at": rfc3339(record.finished_ms),
        "retry_of": record.retry_of,
        "error": _error(record),
        "links": {"status": link, "result": f"{link}/result"},
        **_result(record),
    }
    return Event(
        id=event_id(record, deployment=deployment),
        kind=Kind.REQUEST,
        api=record.api,
        subject=record.id,
        status=record.status.value,
        body=document(f"{Kind.REQUEST}.{record.status}", record.finished_ms, data, result=result),
    )


def url_of(record: RequestRecord, *, endpoint: str, base_url: str) -> str:
    """Where our API tells of the request; its result is at ``…/result``."""
    return f"{base_url}/async/{endpoint}/{record.id}"


def trial(api: str, *, deployment: str, now_ms: int) -> Event:
    """An event that says nothing but that it was sent."""
    data = {"version": SCHEMA_VERSION, "kind": Kind.TEST.value, "deployment": deployment, "api": api}
    return Event(
        id=ids.new_request_id(),
        kind=Kind.TEST,
        api=api,
        subject="",
        status="sent",
        body=document(f"{Kind.TEST}.sent", now_ms, data),
    )


def event_id(record: RequestRecord, *, deployment: str, status: Status | None = None) -> str:
    """The id of the event of a record's end: always the same, whoever computes it (N1).

    The time of creation is part of it: a key that is used again after its request's retention
    stands for another request, whose event is another one.
    """
    return ids.event_id(
        deployment=deployment,
        api=record.api,
        subject=record.id,
        created_ms=record.created_ms,
        status=status or record.status,
    )


def document(name: str, moment_ms: int, data: dict[str, Any], *, result: str | None = None) -> str:
    """JSON text of an event, without members that are None; ``result`` is JSON text already."""
    head = {"type": name, "timestamp": rfc3339(moment_ms)}
    told = json.dumps({key: value for key, value in data.items() if value is not None})
    if result is not None:
        told = f'{told[:-1]}, "result": {result}}}'
    return f'{json.dumps(head)[:-1]}, "data": {told}}}'


def _error(record: RequestRecord) -> dict[str, str] | None:
    if record.failure is None:
        return None
    return {"code": record.failure.code, "message": record.failure.message}


def _result(record: RequestRecord) -> dict[str, str | int | None]:
    if record.result is None:
        return {}
    return {
        "status_code": record.result.status_code,
        "result_content_type": record.result.content_type,
        "result_size_bytes": record.result.size_bytes,
    }
