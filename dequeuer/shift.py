"""When a task must be protected, and when its worker must rest: the decision alone (R19).

Protection follows the work with a delay on both sides. A request that has run for less than the
delay needs none: were its task stopped, the drain would let it finish, or little work would be
lost. So short requests and short gaps cause no call at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How soon protection follows the work, and how long it lasts."""

    #: How long a worker must have been busy, or idle, for protection to follow. A rest is as long: then
    #: each time without protection is as good as one.
    settle_ms: int = 10_000
    #: Longest time under protection before a rest is due.
    shift_ms: int = 15 * 60_000


#: For a rest the worker drains, and slots stand idle until the longest request has ended. The next
#: rest is put off by this multiple of what the last drain cost, so that at most a fifth of the
#: slots' time goes by that way, however long requests are.
COST_FACTOR = 4


class Shift:
    """One worker's busy and idle times."""

    def __init__(self, *, clock: Clock, slots: int, pace: Pace = Pace()) -> None:
        self._clock = clock
        self._slots = slots
        self._pace = pace
        self._busy = False
        self._turned_ms = clock()
        self._protected_since_ms: int | None = None
        self._length_ms = pace.shift_ms

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
        return max(0, self._turned_ms + self._pace.settle_ms - self._clock())

    @property
    def rest_due(self) -> bool:
        """Whether the task has been protected for so long that a deployment may be waiting for it."""
        since_ms = self._protected_since_ms
        return since_ms is not None and self._clock() - since_ms >= self._length_ms

    def rest(self, *, drained_ms: int) -> None:
        """The worker is idle for a rest, and it took so long to become so: protection ends at once."""
        self._protected_since_ms = None
        self._length_ms = _length_ms(drained_ms, slots=self._slots, pace=self._pace)

    @property
    def rest_ms(self) -> int:
        """How long a rest leaves the task unprotected, for ECS to stop it if it wants to."""
        return self._pace.settle_ms

    def _follow(self) -> None:
        if self._clock() - self._turned_ms < self._pace.settle_ms:
            return
        if not self._busy:
            self._protected_since_ms = None
        elif self._protected_since_ms is None:
            self._protected_since_ms = self._turned_ms + self._pace.settle_ms


def _length_ms(drained_ms: int, *, slots: int, pace: Pace) -> int:
    # One slot is never idle: its drain is its request's own run.
    return max(pace.shift_ms, COST_FACTOR * drained_ms * (slots - 1) // slots)


def longest_hold_ms(longest_run_ms: int, *, slots: int, poll_ms: int, pace: Pace = Pace()) -> int:
    """How long a worker that is never idle may keep a deployment from stopping its task.

    ``longest_run_ms`` is the longest time that one request takes up a slot. In the worst case the
    deployment begins when a rest has just ended; when the next one is due, a poll brings one more request.
    """
    drained_ms = poll_ms + longest_run_ms
    return pace.settle_ms + _length_ms(drained_ms, slots=slots, pace=pace) + drained_ms
