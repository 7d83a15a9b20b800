"""What an attempt's answer means for its delivery: the one place that decides (N5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

_MINUTE, _HOUR = 60, 3600

#: Waits before the second, third, … attempt: those of the Standard Webhooks specification.
DEFAULT_WAITS_SECONDS = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)

#: A receiver that asks for more is tried again by then.
LONGEST_WAIT_SECONDS = 24 * _HOUR

#: Waits are longer by up to this share, so that what failed together does not come back together.
JITTER = 0.2

#: Answers that ask to be called less: the wait is that of one step further on.
_SLOW_DOWN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})


class Trouble(StrEnum):
    """Ways in which a receiver gives no answer; besides them, codes of the guard's refusals."""

    #: No connection could be made.
    UNREACHABLE = "unreachable"
    #: The certificate is not one for this name, or TLS failed otherwise.
    TLS = "tls_failed"
    #: No answer came in time.
    TIMEOUT = "timeout"
    #: The connection ended before the answer did, or what came was no HTTP.
    INCOMPLETE = "incomplete_response"


@dataclass(frozen=True, slots=True)
class Answer:
    """A receiver's answer."""

    status_code: int
    #: What it asks for with ``Retry-After``, if it does.
    retry_after_seconds: float | None = None

    @property
    def accepted(self) -> bool:
        """Only 2xx is success: a redirect would lose the body, and lead anywhere."""
        return HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """There was none: a ``Trouble``, or the code with which the guard refused the address."""

    code: str


class Verdict(StrEnum):
    """What becomes of a delivery besides another attempt."""

    DELIVERED = "delivered"
    #: No attempt is left.
    EXHAUSTED = "exhausted"
    #: The receiver said 410: it wants no more events.
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt after the wait."""

    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """The waits between attempts."""

    waits_seconds: tuple[int, ...] = DEFAULT_WAITS_SECONDS

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read a list such as ``5,300``; ``ValueError``."""
        return cls(tuple(int(word) for word in text.split(",") if word))

    def __str__(self) -> str:
        return ",".join(map(str, self.waits_seconds))

    def after(self, answer: Answer | NoAnswer, *, attempt: int, jitter: float) -> Verdict | Again:
        """Decide. ``attempt`` is the number of the one that was answered, from 1; jitter is from 0 to 1."""
        if isinstance(answer, Answer):
            if answer.accepted:
                return Verdict.DELIVERED
            if answer.status_code == HTTPStatus.GONE:
                return Verdict.DISABLED
        if attempt > len(self.waits_seconds):
            return Verdict.EXHAUSTED
        step, asked = attempt - 1, 0.0
        if isinstance(answer, Answer):
            asked = min(answer.retry_after_seconds or 0.0, LONGEST_WAIT_SECONDS)
            if answer.status_code in _SLOW_DOWN:
                step = min(attempt, len(self.waits_seconds) - 1)
        return Again(max(self.waits_seconds[step] * (1 + JITTER * jitter), asked))


def is_the_hosts_fault(answer: Answer | NoAnswer) -> bool:
    """Whether the host is in trouble, and its first tries should keep out of others' way (N6)."""
    if isinstance(answer, Answer):
        too_much = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        return too_much or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return answer.code in list(Trouble)
