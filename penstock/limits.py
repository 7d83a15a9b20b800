"""How long a request may run, and how long it may wait, as its caller sets it (R13, R20)."""

from __future__ import annotations

from dataclasses import dataclass

#: Longest time in the queue (R13): a day less than SQS keeps a message.
QUEUE_DEADLINE_SECONDS = 13 * 24 * 3600

TIMEOUT_HEADER = "X-Timeout-Seconds"
DEADLINE_HEADER = "X-Deadline-Seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The caller's own limits; None leaves it to the API's."""

    #: Longest run of one attempt; at most the API's.
    timeout_seconds: int | None = None
    #: Time from the submission after which no attempt may start.
    deadline_seconds: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a submission that say so, names in lower case."""
        given = {TIMEOUT_HEADER: self.timeout_seconds, DEADLINE_HEADER: self.deadline_seconds}
        return {name.lower(): str(seconds) for name, seconds in given.items() if seconds is not None}

    def deadline_ms(self, now_ms: int) -> int:
        """When a request that is submitted now must have started."""
        return now_ms + (self.deadline_seconds or QUEUE_DEADLINE_SECONDS) * 1000


NO_LIMITS = Limits()
