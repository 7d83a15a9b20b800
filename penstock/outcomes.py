"""What an attempt's end means for its request: the one place that decides.

Today every answer ends the request: 2xx completes it, anything else fails it.
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


#: Failure code for a complete response outside 2xx.
CONTAINER_ERROR = "container_error"

#: Failure of a request whose workers died under it until its attempts were used up.
WORKER_LOST = Failure(
    code="worker_lost", message="Every worker that ran this request was lost before it could answer."
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


def failure_of(ending: Answered | Unanswered) -> Failure | None:
    """Why the request failed, or None if it is completed."""
    match ending:
        case Answered(status_code) if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
            return None
        case Answered(status_code):
            return Failure(code=CONTAINER_ERROR, message=f"The container answered {status_code}.")
        case Unanswered(trouble, detail):
            return Failure(code=trouble, message=detail)
