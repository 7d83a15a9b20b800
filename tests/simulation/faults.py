"""Which call meets which fault: a function of the seed."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.points import Point


class Fault(StrEnum):
    """What can happen to a call."""

    #: The calling process dies; whether the call takes effect is left to chance.
    CRASH = "crash"
    #: The call takes effect, the caller is told that it failed.
    LOST = "lost answer"
    #: The call fails without effect.
    THROTTLE = "throttle"


#: One point in so many is hit nearly every time, so that rare ones are hit at all.
_FOCUS_ONE_IN = 8
_FOCUS_RATE = 0.6
#: Chance that a service is out for a while.
_OUTAGE_RATE = 0.15
_LONGEST_OUTAGE_SECONDS = 240
#: The first fault comes at one of the first calls at the latest.
_FIRST_WITHIN_CALLS = 40


class FaultPlan:
    """Decides call by call, until ``end``; each schedule has one fault at least."""

    def __init__(self, seed: int, rng: Random) -> None:
        self._seed = seed
        self._rng = rng
        self._rate = rng.choice((0.0, 0.01, 0.05))
        self._most = rng.choice((1, 2, 3, 5, 8, 13))
        self._first_by = rng.randrange(1, _FIRST_WITHIN_CALLS)
        self._focus: dict[Point, bool] = {}
        self._calls = 0
        self._ended = False
        self.hits = 0
        self._outage_of, self._outage_until = "", 0.0
        if rng.random() < _OUTAGE_RATE:
            self._outage_of = rng.choice(("records", "queue", "objects"))
            self._outage_from = rng.uniform(0, 40)
            self._outage_until = self._outage_from + rng.uniform(1, _LONGEST_OUTAGE_SECONDS)

    @property
    def outage(self) -> str:
        """What is out and when, for the trace."""
        if not self._outage_of:
            return "none"
        return f"{self._outage_of} from {self._outage_from:.0f} s to {self._outage_until:.0f} s"

    def end(self) -> None:
        """No faults any more: from here on, everything must come right."""
        self._ended = True

    @property
    def ended(self) -> bool:
        """Whether ``end`` was called."""
        return self._ended

    def chance(self, probability: float) -> bool:
        """Whether something that goes wrong at times goes wrong now."""
        return not self._ended and self._rng.random() < probability

    def draw(self, point: Point, service: str, now: float, allowed: tuple[Fault, ...]) -> Fault | None:
        """The fault that this call meets."""
        if self._ended:
            return None
        self._calls += 1
        if service == self._outage_of and self._outage_from <= now < self._outage_until:
            return self._hit(Fault.THROTTLE)
        if self.hits >= self._most:
            return None
        overdue = not self.hits and self._calls >= self._first_by
        rate = _FOCUS_RATE if self._focused(point) else self._rate
        if overdue or self._rng.random() < rate:
            return self._hit(self._rng.choice(allowed))
        return None

    def _hit(self, fault: Fault) -> Fault:
        self.hits += 1
        return fault

    def _focused(self, point: Point) -> bool:
        if point not in self._focus:
            digest = zlib.crc32(f"{self._seed} {point.key}".encode())
            self._focus[point] = digest % _FOCUS_ONE_IN == 0
        return self._focus[point]
