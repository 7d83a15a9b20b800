"""A request's record as callers see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.inlining import json_text
from penstock.moments import rfc3339
from penstock.records import Status

if TYPE_CHECKING:
    from penstock.records import Failure, RequestRecord


def links(record: RequestRecord, endpoint: str) -> dict[str, str]:
    """Where to go on, as paths below the API's base URL."""
    own = f"/async/{endpoint}/{record.id}"
    further = {"retry": f"{own}/retry"} if record.retryable else {}
    return {
        "status": own,
        "result": f"{own}/result",
        "cancel": own,
        "deliveries": f"/webhooks/{endpoint}?request={record.id}",
        **further,
    }


def accepted(record: RequestRecord, endpoint: str) -> dict[str, Any]:
    """The answer to a submission."""
    return {"id": record.id, "status": record.status.value, "links": links(record, endpoint)}


def status(record: RequestRecord, endpoint: str, *, result_url: str | None) -> dict[str, Any]:
    """The answer to a poll, without the inline result; members that are unknown yet are left out."""
    waits = record.status is Status.IN_QUEUE
    content = {
        "id": record.id,
        "api": record.api,
        "status": record.status.value,
        "attempt": record.attempt,
        "retry_of": record.retry_of,
        "created_at": _moment(record.created_ms),
        "started_at": _moment(record.started_ms),
        "finished_at": _moment(record.finished_ms),
        "timestamp": _moment(record.finished_ms),
        "queued_seconds": _seconds(record.created_ms, record.started_ms),
        "processing_seconds": _seconds(record.started_ms, record.finished_ms),
        "next_attempt_at": _moment(record.not_before_ms or None) if waits else None,
        "deadline_at": _moment(record.deadline_ms) if waits else None,
        "error": _failure(record.failure),
        "last_error": _failure(record.last_failure),
        "result_url": result_url,
        "links": links(record, endpoint),
    }
    if record.result:
        content |= {
            "status_code": record.result.status_code,
            "result_content_type": record.result.content_type,
            "result_size_bytes": record.result.size_bytes,
        }
    return {name: value for name, value in content.items() if value is not None}


def with_result(content: dict[str, Any], result: bytes) -> bytes | None:
    """The status with the result spliced in as it was written, or None if it is not JSON after all."""
    text = json_text(result)
    if text is None:
        return None
    return f'{json.dumps(content)[:-1]}, "result": {text}}}'.encode()


def _failure(failure: Failure | None) -> dict[str, str] | None:
    return {"code": failure.code, "message": failure.message} if failure else None


def _moment(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _seconds(start_ms: int | None, end_ms: int | None) -> float | None:
    return None if start_ms is None or end_ms is None else max(0, end_ms - start_ms) / 1000
