"""A delivery as callers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.moments import rfc3339
from penstock.webhooks.deliveries import State
from penstock.webhooks.events import Kind

if TYPE_CHECKING:
    from penstock.webhooks.deliveries import Attempt, Delivery

#: What an event is about, by its kind; a test is about nothing.
_SUBJECT = {Kind.REQUEST: "request_id", Kind.JOB: "job_id", Kind.TEST: "request_id"}


def summary(delivery: Delivery, endpoint: str) -> dict[str, Any]:
    """Its place in a list; members that are unknown are left out."""
    last = delivery.attempts[-1] if delivery.attempts else None
    pending = delivery.state is State.PENDING
    own = f"/webhooks/{endpoint}/{delivery.key}"
    content = {
        "id": str(delivery.key),
        "api": delivery.api,
        "event": delivery.type,
        "event_id": delivery.event_id,
        _SUBJECT[delivery.kind]: delivery.subject or None,
        "url": delivery.url,
        "state": delivery.state.value,
        "reason": delivery.reason,
        "attempt": delivery.attempt,
        "replays": delivery.round,
        "created_at": rfc3339(delivery.created_ms),
        "next_attempt_at": rfc3339(delivery.next_attempt_ms) if pending else None,
        "last_attempt": _attempt(last) if last else None,
        "links": {"self": own, "replay": f"{own}/replay"},
    }
    return {name: value for name, value in content.items() if value is not None}


def whole(delivery: Delivery, endpoint: str) -> dict[str, Any]:
    """All of it: the event, what is sent in its place, and every attempt."""
    return {
        **summary(delivery, endpoint),
        "body": delivery.body,
        **_answer(delivery),
        "attempts": [_attempt(attempt) for attempt in delivery.attempts],
    }


def _answer(delivery: Delivery) -> dict[str, Any]:
    answer = delivery.answer
    if answer is None:
        return {}
    return {"answer": {"headers": answer.sent_headers, "size_bytes": answer.size_bytes}}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    content = {
        "at": rfc3339(attempt.at_ms),
        "latency_ms": attempt.latency_ms,
        "status_code": attempt.status_code,
        "error": attempt.error,
    }
    return {name: value for name, value in content.items() if value is not None}
