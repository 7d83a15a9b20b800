"""OpenFaaS's names for what a call and its end are: the headers of its gateway and of its callback.

A function is an API, and a call of one is a request that also has a call id. What is told here is a
function of the record alone, so that an answer to a caller who waits, and a callback that is tried
again for days, say the same.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.records import RequestRecord

CALL_ID = "X-Call-Id"
START_TIME = "X-Start-Time"

#: What the function's own word may not replace, in lower case: Penstock tells it both.
OWN_HEADERS = frozenset({CALL_ID.lower(), START_TIME.lower()})

#: What ``X-Function-Status`` says of a function that gave no complete answer.
NO_ANSWER = HTTPStatus.SERVICE_UNAVAILABLE


def call_headers(call_id: str, record: RequestRecord) -> dict[str, str]:
    """What caller and function are told of a call: its id, and when it was accepted (Unix, ns)."""
    return {CALL_ID: call_id, START_TIME: str(record.created_ms * 1_000_000)}


def outcome_headers(call_id: str, record: RequestRecord, *, function: str) -> dict[str, str]:
    """The headers that go with the function's body once the request has ended.

    First the function's own, as far as they are kept (``penstock.headers``), then those that
    describe the call; the function cannot replace these. ``function`` is the name it was called by.
    Without a complete answer there is no body, and the status is ``NO_ANSWER``.
    """
    result = record.result
    kept = dict(result.headers) if result else {}
    if result and result.content_type is not None:
        kept["Content-Type"] = result.content_type
    return {
        **kept,
        **call_headers(call_id, record),
        "X-Function-Name": function,
        "X-Function-Status": str(int(result.status_code if result else NO_ANSWER)),
        "X-Duration-Seconds": f"{_duration_seconds(record):.6f}",
    }


def _duration_seconds(record: RequestRecord) -> float:
    """How long the last attempt took; 0 if none was started."""
    if record.started_ms is None or record.finished_ms is None:
        return 0.0
    return max(0, record.finished_ms - record.started_ms) / 1000
