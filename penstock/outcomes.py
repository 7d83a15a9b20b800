"""What an attempt's end means for its request: the one place that decides.

Every answer ends the request: 2xx completes it, anything else fails it. An attempt that never
reached the container is none: its request goes back to the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from penstock.records import Failure


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


#: All that a failed request's code can be.
FAILURE_CODES = frozenset(
    {
        CONTAINER_ERROR,
        WORKER_LOST.code,
        Trouble.INCOMPLETE,
        Trouble.TIMEOUT,
        Trouble.PAYLOAD_MISSING,
        Trouble.PAYLOAD_CHANGED,
    }
)


@dataclass(frozen=True, slots=True)
class Answered:
    """The container sent a complete response."""

    status_code: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The container sent none, or half of one."""

    trouble: Trouble
    detail: str


@dataclass(frozen=True, slots=True)
class End:
    """The request ends: completed, or failed with this failure."""

    failure: Failure | None


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The request goes back, and the attempt does not count."""


def verdict_on(answer: Answered | Unanswered) -> End | GiveBack:
    """Decide what becomes of the request."""
    match answer:
        case Answered(status_code) if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
            return End(None)
        case Answered(status_code):
            return End(Failure(code=CONTAINER_ERROR, message=f"The container answered {status_code}."))
        case Unanswered(Trouble.UNREACHABLE):
            return GiveBack()
        case Unanswered(trouble, detail):
            return End(Failure(code=trouble, message=detail))
