"""Which call meets which fault: a function of the seed."""

from __future__ import annotations

import hashlib
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


#: One point in so many is in focus: it is hit nearly every time, up to so often, whatever else is.
#: Points that are rarely reached would not be hit otherwise.
_FOCUS_ONE_IN = 3
_FOCUS_RATE = 0.8
_FOCUS_HITS = 1
#: And one function in so many: its calls are slow at times, or their process freezes.
_DRAG_RATE = 0.4
_FREEZE_RATE = 0.15
_FREEZES_SECONDS = (15, 90)
#: Chance that a service is out for a while.
_OUTAGE_RATE = 0.15
_LONGEST_OUTAGE_SECONDS = 240


def in_focus(seed: int, *place: object) -> bool:
    """Whether this seed aims at a point, by its key, or at a function, by its file and name."""
    digest = hashlib.blake2b(f"{seed} {place}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % _FOCUS_ONE_IN == 0


class FaultPlan:
    """Decides call by call, until ``end``; each schedule has one fault at least."""

    def __init__(self, seed: int, rng: Random, *, first_within_calls: int) -> None:
        """The first fault comes at one of so many calls at the latest."""
        self._seed = seed
        self._rng = rng
        self._rate = rng.choice((0.0, 0.01, 0.05))
        self._most = rng.choice((1, 2, 3, 5, 8, 13))
        self._first_by = rng.randrange(1, first_within_calls)
        self._chosen: dict[tuple[object, ...], bool] = {}
        #: By point: how often it will still be hit because it is in focus.
        self._focus: dict[Point, int] = {}
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
        if self._hits_left(point) and self._rng.random() < _FOCUS_RATE:
            self._focus[point] -= 1
            return self._hit(self._rng.choice(allowed))
        overdue = not self.hits and self._calls >= self._first_by
        if overdue or (self.hits < self._most and self._rng.random() < self._rate):
            return self._hit(self._rng.choice(allowed))
        return None

    def _hit(self, fault: Fault) -> Fault:
        self.hits += 1
        return fault

    def drags(self, point: Point) -> bool:
        """Whether a call that meets no fault is slow all the same."""
        if self._ended or not self._in_focus(point.file, point.function):
            return False
        return self._rng.random() < _DRAG_RATE

    def freeze_seconds(self, point: Point | None = None) -> float:
        """How long a process stands still: one that makes this call, if it does, or any."""
        if self._ended:
            return 0
        if point is not None and not self._in_focus(point.file, point.function):
            return 0
        if point is not None and self._rng.random() >= _FREEZE_RATE:
            return 0
        return self._rng.choice(_FREEZES_SECONDS) * self._rng.random()

    def _hits_left(self, point: Point) -> int:
        if point not in self._focus:
            self._focus[point] = _FOCUS_HITS if self._in_focus(*point.key) else 0
        return self._focus[point]

    def _in_focus(self, *place: object) -> bool:
        if place not in self._chosen:
            self._chosen[place] = in_focus(self._seed, *place)
        return self._chosen[place]
