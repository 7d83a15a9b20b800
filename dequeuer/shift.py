"""When a task must be protected, and when its worker must rest: the decision alone (R19).

Protection follows the work with a delay on both sides. A request that has run for less than the
delay needs none: were its task stopped, the drain would let it finish, or little work would be
lost. So short requests and short gaps cause no call at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.ports import Clock

#: How long a worker must have been busy, or idle, for protection to follow.
SETTLE_MS = 10_000

#: How long a rest leaves the task unprotected, for ECS to stop it if it wants to. Not longer than
#: ``SETTLE_MS``: then each time without protection is as good as a rest.
REST_MS = 10_000

#: Longest time under protection before a rest is due.
SHIFT_MS = 15 * 60_000

#: For a rest the worker drains, and slots stand idle until the longest request has ended. The next
#: rest is put off by this multiple of what the last drain cost, so that at most a fifth of the
#: slots' time goes by that way, however long requests are.
COST_FACTOR = 4


class Shift:
    """One worker's busy and idle times."""

    def __init__(self, *, clock: Clock, slots: int) -> None:
        self._clock = clock
        self._slots = slots
        self._busy = False
        self._turned_ms = clock()
        self._protected_since_ms: int | None = None
        self._length_ms = SHIFT_MS

    def holds(self, count: int) -> bool:
        """The worker now holds so many requests; whether it became busy or idle by that."""
        if bool(count) is self._busy:
            return False
        # What was decided up to now must not be decided by the new state.
        self._follow()
        self._busy = bool(count)
        self._turned_ms = self._clock()
        return True

    @property
    def protected(self) -> bool:
        """Whether the task should be protected now."""
        self._follow()
        return self._protected_since_ms is not None

    @property
    def undecided_ms(self) -> int | None:
        """How long until the answer may become another; None if only a turn can change it."""
        if self.protected is self._busy:
            return None
        return max(0, self._turned_ms + SETTLE_MS - self._clock())

    @property
    def rest_due(self) -> bool:
        """Whether the task has been protected for so long that a deployment may be waiting for it."""
        since_ms = self._protected_since_ms
        return since_ms is not None and self._clock() - since_ms >= self._length_ms

    def rest(self, *, drained_ms: int) -> None:
        """The worker is idle for a rest, and it took so long to become so: protection ends at once."""
        self._protected_since_ms = None
        # One slot is never idle: its drain is its request's own run.
        cost_ms = drained_ms * (self._slots - 1) // self._slots
        self._length_ms = max(SHIFT_MS, COST_FACTOR * cost_ms)

    def _follow(self) -> None:
        if self._clock() - self._turned_ms < SETTLE_MS:
            return
        if not self._busy:
            self._protected_since_ms = None
        elif self._protected_since_ms is None:
            self._protected_since_ms = self._turned_ms + SETTLE_MS
