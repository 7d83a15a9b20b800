"""What a fault does to a call, to those who wait for it, and to the process that made it."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from penstock.ports import DependencyError
from tests.simulation.coverage import Coverage
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network
from tests.simulation.points import here
from tests.simulation.trace import Trace


class Planned(FaultPlan):
    """Every call meets the same fault, and nothing else is wrong."""

    def __init__(self, fault: Fault | None) -> None:
        super().__init__(0, Random(0), first_within_calls=2)
        self._fault = fault

    def draw(self, point, service, now, allowed):
        return self._fault

    def drags(self, point):
        return False

    def freeze_seconds(self, point=None):
        return 0


class Scene:
    """A process that makes one call; what becomes of it is in ``seen``."""

    def __init__(self, fault: Fault | None, seed: int = 0) -> None:
        self.loop = VirtualLoop(Random(seed))
        self.coverage = Coverage()
        self.network = Network(
            self.loop,
            Random(seed),
            faults=Planned(fault),
            coverage=self.coverage,
            trace=Trace(self.loop.time, on=True),
        )
        self.process = Process("worker", actor="worker", skew_ms=0)
        self.seen: list[str] = []

    async def _call(self) -> None:
        try:
            point = here("worker", "store.put")
            await self.network.call(point, "store", "r", lambda: self.seen.append("took effect"))
            self.seen.append("answered")
        except DependencyError:
            self.seen.append("failed")
        finally:
            self.seen.append("finally")

    async def _play(self) -> list[str]:
        task = self.process.spawn(self._call())
        await asyncio.sleep(60)
        seen = list(self.seen)
        self.network.close()
        self.loop.resume(self.process)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return seen

    def play(self) -> list[str]:
        try:
            return self.loop.run_until_complete(self._play())
        finally:
            self.loop.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, ["took effect", "answered", "finally"]),
        (Fault.LOST, ["took effect", "failed", "finally"]),
        (Fault.THROTTLE, ["failed", "finally"]),
    ],
)
def test_a_call_takes_effect_and_is_answered_as_its_fault_says(fault, expected):
    scene = Scene(fault)
    assert scene.play() == expected
    assert scene.process.alive
    assert scene.coverage.reached.total() == 1
    assert [met for _, met in scene.coverage.met] == [fault] * (fault is not None)


def test_a_crash_ends_the_process_there_and_the_call_may_have_taken_effect_or_not():
    scenes = [Scene(Fault.CRASH, seed) for seed in range(30)]
    assert {tuple(scene.play()) for scene in scenes} == {(), ("took effect",)}
    assert not any(scene.process.alive for scene in scenes)


def test_calls_in_flight_of_a_process_that_dies_may_still_arrive():
    seen = set()
    for seed in range(30):
        scene = Scene(None, seed)
        scene.network.later(0, scene.network.kill, scene.process)
        seen.add(tuple(scene.play()))
    assert seen == {(), ("took effect",)}


def test_a_frozen_process_hears_its_answer_when_it_goes_on():
    scene = Scene(None)
    scene.network.later(0, scene.network.freeze, scene.process, 30)
    told = []
    scene.network.later(29, lambda: told.extend(scene.seen))
    assert scene.play() == ["took effect", "answered", "finally"]
    assert told == ["took effect"]


def test_what_a_service_finds_broken_ends_the_schedule():
    scene = Scene(None)

    def broken() -> None:
        raise ZeroDivisionError

    async def play():
        scene.network.later(1, broken)
        await scene.network.broken

    with pytest.raises(ZeroDivisionError):
        scene.loop.run_until_complete(play())
    scene.loop.close()
