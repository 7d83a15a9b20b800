"""Requests that a bench puts in place by itself."""

from __future__ import annotations

import time
from dataclasses import replace

from penstock import ids, keys
from penstock.records import Call, PayloadRef, RequestKey, RequestRecord, ResultRef, Status

#: Longer than any bench runs.
_DEADLINE_MS = 24 * 3600 * 1000


def queued(api: str, *, size_bytes: int, query: str = "") -> RequestRecord:
    """A request in the queue whose payload of zeros the stand-in makes up as it is read."""
    key = RequestKey(api=api, id=ids.new_request_id())
    now_ms = time.time_ns() // 1_000_000
    return RequestRecord(
        api=api,
        id=key.id,
        status=Status.IN_QUEUE,
        call=Call(query=query, content_type="application/octet-stream"),
        payload=PayloadRef(key=keys.payload(key, nonce=f"synthetic-{size_bytes}"), size_bytes=size_bytes),
        caller="bench",
        fingerprint="bench",
        created_ms=now_ms,
        deadline_ms=now_ms + _DEADLINE_MS,
    )


def completed(api: str, *, result_bytes: int) -> RequestRecord:
    """A finished request whose JSON result has so many bytes."""
    record = queued(api, size_bytes=0)
    result = ResultRef(
        key=keys.result(record.key, lease="bench"),
        size_bytes=result_bytes,
        status_code=200,
        content_type="application/json",
    )
    return replace(
        record,
        status=Status.COMPLETED,
        attempt=1,
        started_ms=record.created_ms,
        finished_ms=record.created_ms,
        result=result,
        expires_at=record.created_ms // 1000 + 86_400,
    )
