"""The breaker of each receiving host: a bad one must not hold up the others (N6).

Deliveries have two lanes with a bounded number of calls each. A host that failed several times in a
row has its first tries in the lane of the retries; and in either lane one host holds only some of the
places, so that one that hangs cannot take them all before it is known to be bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Failures in a row after which a host's first tries leave the fast lane.
FAILURES = 3

_SHORTEST_SECONDS = 30
_LONGEST_SECONDS = 15 * 60
_MOST_DOUBLINGS = 10


class Lane(StrEnum):
    """Where a delivery's message waits."""

    #: First tries.
    FIRST = "first"
    #: Retries, and first tries to hosts in trouble.
    LATER = "later"


#: Calls that one lane makes at once, over all hosts.
LANE_CALLS = {Lane.FIRST: 20, Lane.LATER: 20}

#: Calls to one host that a lane makes at once. To a stranger few, since it may hang; to one that has
#: just answered half of the lane, since all of an API's webhooks may go to one host.
_STRANGERS_CALLS = {Lane.FIRST: 2, Lane.LATER: 5}
_KNOWN_CALLS = {Lane.FIRST: 10, Lane.LATER: 10}

#: How long an answer speaks for a host.
_KNOWN_SECONDS = 10 * 60
#: An answer is noted again after this long: not each one, which would cost a write.
_NOTED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a host."""

    #: Failures since its last answer.
    failures: int = 0
    failed_ms: int = 0
    #: An answer, at most a minute older than the last one.
    answered_ms: int = 0

    def troubled(self, now_ms: int) -> bool:
        """Whether first tries should go the other way; longer with each failure, at most 15 min."""
        if self.failures < FAILURES:
            return False
        doublings = min(self.failures - FAILURES, _MOST_DOUBLINGS)
        pause_seconds = min(_SHORTEST_SECONDS << doublings, _LONGEST_SECONDS)
        return now_ms < self.failed_ms + pause_seconds * 1000

    def calls(self, lane: Lane, now_ms: int) -> int:
        """How many calls the lane may make to it at once."""
        known = not self.failures and now_ms < self.answered_ms + _KNOWN_SECONDS * 1000
        return (_KNOWN_CALLS if known else _STRANGERS_CALLS)[lane]

    def worth_noting(self, now_ms: int) -> bool:
        """Whether another answer should be noted."""
        return self.failures > 0 or now_ms >= self.answered_ms + _NOTED_SECONDS * 1000
