"""Events of batch jobs: one when a job starts, one when it ends; as thin as those of requests (N1, N4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock import ids
from penstock.batch.jobs import JobStatus
from penstock.moments import rfc3339
from penstock.webhooks.events import SCHEMA_VERSION, Event, Kind, document

if TYPE_CHECKING:
    from penstock.batch.jobs import Hook, JobRecord
    from penstock.records import Failure

#: What stands in place of a status when a job has just begun.
STARTED = "started"


def told(record: JobRecord, *, deployment: str, endpoint: str, base_url: str) -> Event:
    """The event of a job that has just started or ended; ``base_url`` is that of the HTTP API."""
    status, moment_ms = _moment(record)
    link = f"{base_url}/batch/{endpoint}/{record.id}"
    data = {
        "version": SCHEMA_VERSION,
        "kind": Kind.JOB.value,
        "deployment": deployment,
        "api": record.api,
        "id": record.id,
        "status": status,
        "created_at": rfc3339(record.created_ms),
        "started_at": None if record.started_ms is None else rfc3339(record.started_ms),
        "finished_at": None if record.finished_ms is None else rfc3339(record.finished_ms),
        "retry_of": record.retry_of,
        "workers": record.workers,
        "total_batch_count": record.total,
        "succeeded": record.succeeded,
        "failed": record.failed,
        "cancelled": record.cancelled,
        "error": _error(record.failure),
        "hook": None if record.hook is None else _hook(record.hook),
        "links": {"status": link, "failed": f"{link}/failed"},
    }
    return Event(
        id=event_id(record, deployment=deployment, status=status),
        kind=Kind.JOB,
        api=record.api,
        subject=record.id,
        status=status,
        body=document(f"{Kind.JOB}.{status}", moment_ms, data),
    )


def event_id(record: JobRecord, *, deployment: str, status: str) -> str:
    """The id of the event that the job started, or ended so: always the same, whoever computes it."""
    return ids.event_id(
        deployment=deployment,
        api=record.api,
        subject=record.id,
        created_ms=record.created_ms,
        status=status,
    )


def event_ids(record: JobRecord, *, deployment: str) -> list[str]:
    """The ids of all events that there can be of the job by now."""
    statuses = [STARTED, *([record.status.value] if record.status.terminal else [])]
    return [event_id(record, deployment=deployment, status=status) for status in statuses]


def _moment(record: JobRecord) -> tuple[str, int]:
    if record.status.terminal and record.finished_ms is not None:
        return record.status.value, record.finished_ms
    if record.status is JobStatus.ENQUEUING and record.started_ms is not None:
        return STARTED, record.started_ms
    raise ValueError(f"job {record.id} is {record.status}: it has neither just started nor ended")


def _error(failure: Failure | None) -> dict[str, str] | None:
    return {"code": failure.code, "message": failure.message} if failure else None


def _hook(hook: Hook) -> dict[str, Any]:
    found = {"attempts": hook.attempts, "status_code": hook.status_code, "error": _error(hook.failure)}
    return {name: value for name, value in found.items() if value is not None}
