"""Values that many tests need one of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from penstock.records import Call, PayloadRef, RequestKey, RequestRecord, Status

NOW_MS = 1_700_000_000_000
KEY = RequestKey(api="word-count", id="a" * 26)

_RECORD = RequestRecord(
    api=KEY.api,
    id=KEY.id,
    status=Status.IN_QUEUE,
    call=Call(content_type="text/plain", query="top=3", headers={"accept": "*/*"}),
    payload=PayloadRef(key="payloads/word-count/a/1", size_bytes=5),
    caller="anonymous",
    fingerprint="f" * 64,
    created_ms=NOW_MS,
    deadline_ms=NOW_MS + 13 * 24 * 3600 * 1000,
    due_ms=NOW_MS + 13 * 24 * 3600 * 1000,
)


def record(**changes: Any) -> RequestRecord:
    """A request that was just accepted, with changes."""
    return replace(_RECORD, **changes)
