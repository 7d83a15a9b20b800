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

#: Calls to one host that a lane makes at once: with less a good host would be slow, with more a bad
#: one would take too much of the lane.
HOST_CALLS = {Lane.FIRST: 2, Lane.LATER: 5}


@dataclass(frozen=True, slots=True)
class Health:
    """A host that has failed, since its last success."""

    failures: int
    failed_ms: int

    def troubled(self, now_ms: int) -> bool:
        """Whether first tries should go the other way; longer with each failure, at most 15 min."""
        if self.failures < FAILURES:
            return False
        doublings = min(self.failures - FAILURES, _MOST_DOUBLINGS)
        pause_seconds = min(_SHORTEST_SECONDS << doublings, _LONGEST_SECONDS)
        return now_ms < self.failed_ms + pause_seconds * 1000
