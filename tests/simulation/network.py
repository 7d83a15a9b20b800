"""Calls between processes and services: they take time, they are lost, and their callers die.

A call has two legs. On the first one it travels to the service and takes effect there; on the
second one its answer travels back. Both run outside of the calling process, so a call in flight may
take effect after its caller has died or has given it up.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.ports import DependencyError, ObjectChanged, ObjectMissing
from tests.simulation.faults import Fault
from tests.simulation.loop import PROCESS
from tests.simulation.points import here
from tests.simulation.rules import MAX_LEG_MS
from tests.simulation.trace import short, told
from tests.simulation.trip import Trip, Unsettled

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.simulation.coverage import Coverage
    from tests.simulation.faults import FaultPlan
    from tests.simulation.loop import Process, VirtualLoop
    from tests.simulation.points import Point
    from tests.simulation.trace import Trace

T = TypeVar("T")

ALL_FAULTS = tuple(Fault)
#: The only service that no SDK calls.
_CONTAINER = "container"
_REPEAT_RATE = 0.02

#: One leg of an ordinary call, and of one in so many that is slow: that differs from world to world.
_LEG_SECONDS = 0.03
_SLOW_LEG_SECONDS = MAX_LEG_MS / 1000
_SLOW_ONE_IN = (4, 20, 100)


class Network:
    """Carries calls, and kills processes where the plan says so."""

    def __init__(
        self, loop: VirtualLoop, rng: Random, *, faults: FaultPlan, coverage: Coverage, trace: Trace
    ) -> None:
        self._loop = loop
        self._rng = rng
        self._slow_one_in = rng.choice(_SLOW_ONE_IN)
        self._faults = faults
        self._coverage = coverage
        self._trace = trace
        self._outside = contextvars.Context()
        self._trips: dict[Process, dict[Trip, None]] = {}
        self._open = True
        #: Requests that a fault, a death or a call given up may have left something of.
        self.touched: set[str] = set()
        #: Set to what a service raised that is no answer: a broken invariant.
        self.broken: asyncio.Future[None] = loop.create_future()

    def point(self, call: str) -> Point:
        """The place in the product that is making this call; asked for before anything is awaited."""
        process = PROCESS.get()
        return here(process.actor if process else "world", call)

    async def call(
        self,
        point: Point,
        service: str,
        subject: str,
        perform: Callable[[], T | Unsettled],
        *,
        allowed: tuple[Fault, ...] = ALL_FAULTS,
    ) -> T:
        """Have the service perform it, with whatever happens on the way."""
        process = PROCESS.get()
        if not self._open:
            raise asyncio.CancelledError
        assert process is not None, "only processes call"
        fault = self._faults.draw(point, service, self._loop.time(), allowed)
        self._coverage.note(point, fault, allowed)
        process.subjects.add(subject)
        trip = Trip(point, process, service, subject, perform, fault, self._loop.create_future())
        self._trips.setdefault(process, {})[trip] = None
        if fault is not None:
            self.touched.add(subject)
            self._note(trip, f"will meet {fault}")
        self._depart(trip)
        if seconds := self._faults.freeze_seconds(point):
            self.later(0, self.freeze, process, seconds)
        try:
            return await trip.answer
        except asyncio.CancelledError:
            self._give_up(trip)
            raise

    def kill(self, process: Process) -> None:
        """End a process between two instructions."""
        if not process.alive:
            return
        process.alive = process.running = False
        # Nothing else may refer to them by now, and the collector would run their ``finally``.
        process.unfinished = asyncio.all_tasks(self._loop)
        self.touched |= process.subjects
        for trip in self._trips.pop(process, {}):
            self._orphan(trip)
        self._trace.note(process.name, "DIES")
        for tell in process.on_death:
            tell()

    def kill_soon(self, process: Process) -> None:
        """End it from inside of one of its own tasks, which thus is never run again."""
        self.later(0, self.kill, process)

    def freeze(self, process: Process, seconds: float) -> None:
        """Stop it for a while, as a starved machine does; its clock and its calls go on."""
        if not process.running:
            return
        process.running = False
        self.touched |= process.subjects
        self._trace.note(process.name, f"freezes for {seconds:.0f} s")
        self.later(seconds, self._thaw, process)

    def _thaw(self, process: Process) -> None:
        if process.alive:
            self._trace.note(process.name, "goes on")
            self._loop.resume(process)

    def close(self) -> None:
        """Take no calls any more."""
        self._open = False

    def later(self, seconds: float, do: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """Have a service do something after a while, whoever dies meanwhile."""
        return self._loop.call_later(seconds, self._guarded, do, *args, context=self._outside)

    def _guarded(self, do: Callable[..., Any], *args: Any) -> None:
        try:
            do(*args)
        except Exception as error:  # noqa: BLE001 - it is raised again where the schedule is awaited
            if not self.broken.done():
                self.broken.set_exception(error)

    def _leg_seconds(self, point: Point) -> float:
        slow = not self._faults.ended and not self._rng.randrange(self._slow_one_in)
        return self._rng.random() * (_SLOW_LEG_SECONDS if slow or self._faults.drags(point) else _LEG_SECONDS)

    def _depart(self, trip: Trip) -> None:
        if trip.fault is Fault.CRASH and self._rng.random() < 1 / 3:
            # Dead before the call arrives; it may arrive all the same.
            trip.leg = self.later(self._leg_seconds(trip.point), self._arrive, trip)
            self.kill_soon(trip.process)
            return
        trip.leg = self.later(self._leg_seconds(trip.point), self._arrive, trip)

    def _arrive(self, trip: Trip) -> None:
        trip.arrived = True
        if trip.fault is Fault.THROTTLE:
            self._answer(trip, DependencyError("throttled"))
            return
        if trip.fault is Fault.CRASH and trip.process.alive and self._rng.random() < 1 / 2:
            self._note(trip, "never arrives")
            self.kill(trip.process)
            return
        try:
            if trip.service != _CONTAINER and self._faults.chance(_REPEAT_RATE):
                # The first answer was lost, and the SDK made the call again: it meets its own effect.
                self.touched.add(trip.subject)
                self._note(trip, "takes effect twice")
                trip.perform()
            value = trip.perform()
        except (ObjectMissing, ObjectChanged) as error:
            value = error
        if isinstance(value, Unsettled):
            value.answer = lambda late: self._guarded(self._settled, trip, late)
            return
        self._settled(trip, value)

    def _settled(self, trip: Trip, value: Any) -> None:
        if self._trace.on:
            self._note(trip, f"→ {told(value)}")
        if trip.fault is Fault.CRASH:
            self.kill(trip.process)
            return
        lost = trip.fault is Fault.LOST
        self._answer(trip, DependencyError("the answer was lost") if lost else value)

    def _answer(self, trip: Trip, value: Any) -> None:
        trip.leg = self.later(self._leg_seconds(trip.point), self._return, trip, value)

    def _return(self, trip: Trip, value: Any) -> None:
        self._trips.get(trip.process, {}).pop(trip, None)
        if trip.answer.done() or not trip.process.alive:
            return
        if isinstance(value, Exception):
            trip.answer.set_exception(value)
        else:
            trip.answer.set_result(value)

    def _give_up(self, trip: Trip) -> None:
        trips = self._trips.get(trip.process, {})
        if trip in trips:
            del trips[trip]
            self._orphan(trip)

    def _orphan(self, trip: Trip) -> None:
        """Nobody waits for it any more, so nobody removes what it leaves; it may never arrive."""
        self.touched.add(trip.subject)
        if not trip.arrived and trip.leg is not None and self._rng.random() < 1 / 2:
            trip.leg.cancel()

    def _note(self, trip: Trip, what: str) -> None:
        if self._trace.on:
            point = trip.point
            self._trace.note(
                trip.process.name,
                f"{point.call} {short(trip.subject)}  [{point.function}:{point.line}] {what}",
            )
