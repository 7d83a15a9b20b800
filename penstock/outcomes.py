"""What an attempt's end means for its request: the one place that decides (R6, R7, R11).

2xx completes the request. Any other end of the attempt is tried again if the API's policy says so,
and fails the request if not. An attempt that never reached the container is none: its request goes
back to the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from penstock.records import Failure
from penstock.retries import Cause, RetryPolicy


class Trouble(StrEnum):
    """Ways in which a container gives no complete response; the values are failure codes."""

    #: Nothing listens: the connection was refused.
    UNREACHABLE = "container_unreachable"
    #: The connection ended before the answer did, or what came was no HTTP.
    INCOMPLETE = "incomplete_response"
    #: The run limit passed.
    TIMEOUT = "timeout"
    #: The payload object is gone, so there is nothing to send.
    PAYLOAD_MISSING = "payload_missing"
    #: Another object lies under the payload's name than the one that was submitted.
    PAYLOAD_CHANGED = "payload_changed"


#: Failure code for a complete response outside 2xx.
CONTAINER_ERROR = "container_error"

#: Failure of a request whose attempts were used up without an outcome.
WORKER_LOST = Failure(
    code="worker_lost",
    message="Workers were lost, or had to give the request back, until no attempt was left.",
)

#: Failure of a request whose worker was lost when no other attempt was allowed to start.
WORKER_LOST_LATE = Failure(
    code=WORKER_LOST.code,
    message="The worker was lost after the request's deadline, and no attempt may start after that.",
)

#: Failure of a request whose message ended in the dead-letter queue (R14).
UNDELIVERABLE = Failure(
    code="undeliverable",
    message="The queue gave the request out too often without an outcome, and gave up on it.",
)


#: All that a failed request's code can be.
FAILURE_CODES = frozenset(
    {
        CONTAINER_ERROR,
        WORKER_LOST.code,
        UNDELIVERABLE.code,
        Trouble.INCOMPLETE,
        Trouble.TIMEOUT,
        Trouble.PAYLOAD_MISSING,
        Trouble.PAYLOAD_CHANGED,
    }
)


#: The troubles that another attempt may not meet.
_CAUSES = {Trouble.INCOMPLETE: Cause.TRANSPORT, Trouble.TIMEOUT: Cause.TIMEOUT}


@dataclass(frozen=True, slots=True)
class Answered:
    """The container answered with this status; the body may still be on its way."""

    status_code: int
    #: What the container asks for with ``Retry-After``, if it does.
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The container sent no answer, or half of one."""

    trouble: Trouble
    detail: str


@dataclass(frozen=True, slots=True)
class End:
    """The request ends: completed, or failed with this failure."""

    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Retry:
    """The attempt failed, and counts; another one starts after the wait."""

    failure: Failure
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The request goes back, and the attempt does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What besides the answer decides."""

    policy: RetryPolicy
    #: Number of the attempt, from 1.
    attempt: int
    #: Until the deadline after which no attempt may start.
    remaining_seconds: float
    #: A random number from 0 to 1.
    jitter: float


def verdict_on(answer: Answered | Unanswered, situation: Situation) -> End | Retry | GiveBack:
    """Decide what becomes of the request."""
    match answer:
        case Answered(status_code) if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
            return End(None)
        case Answered(status_code, retry_after_seconds):
            failure = Failure(code=CONTAINER_ERROR, message=f"The container answered {status_code}.")
            return _after(status_code, failure, situation, retry_after_seconds=retry_after_seconds)
        case Unanswered(Trouble.UNREACHABLE):
            return GiveBack()
        case Unanswered(trouble, detail):
            failure = Failure(code=trouble, message=detail)
            return _after(_CAUSES.get(trouble), failure, situation, retry_after_seconds=None)


def _after(
    cause: Cause | int | None,
    failure: Failure,
    situation: Situation,
    *,
    retry_after_seconds: float | None,
) -> End | Retry:
    if cause is None:
        return End(failure)
    wait_seconds = situation.policy.wait_seconds(
        cause,
        attempt=situation.attempt,
        retry_after_seconds=retry_after_seconds,
        jitter=situation.jitter,
    )
    # What may not start any more at its time would only wait to expire, and hide why it failed.
    if wait_seconds is None or wait_seconds >= situation.remaining_seconds:
        return End(failure)
    return Retry(failure, wait_seconds)
