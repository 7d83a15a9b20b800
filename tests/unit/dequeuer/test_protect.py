from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from dequeuer.ecs_agent import NotProtected
from dequeuer.protect import Protection
from dequeuer.shift import Shift, longest_hold_ms
from dequeuer.worker import Worker
from penstock.testing import MemorySource
from tests.unit.dequeuer.manual_time import ManualTime
from tests.unit.dequeuer.workbench import SETTINGS, Workbench, outages_on

MINUTE = 60


class Agent:
    """Notes what it is told and when, in seconds; fails as often as a test wants."""

    def __init__(self, time: ManualTime) -> None:
        self._time = time
        self._start_ms = time()
        self.calls: list[tuple[float, bool]] = []
        self.failures = 0

    async def protect(self, *, minutes: int) -> None:
        assert minutes == 15
        await self._note(on=True)

    async def expose(self) -> None:
        await self._note(on=False)

    async def _note(self, *, on: bool) -> None:
        self.calls.append(((self._time() - self._start_ms) / 1000, on))
        if self.failures:
            self.failures -= 1
            raise NotProtected("400: ThrottlingException")


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def agent(time) -> Agent:
    return Agent(time)


@pytest.fixture
async def protection(time, agent):
    protection = Protection(agent, Shift(clock=time, slots=1), clock=time, sleep=time.sleep)
    running = asyncio.create_task(protection.run())
    yield protection
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_long_work_is_protected_renewed_and_exposed_when_it_is_over(time, agent, protection):
    protection.holds(1)
    await time.goes_on(16 * MINUTE)
    protection.holds(0)
    await time.goes_on(60 * MINUTE)
    assert agent.calls == [(10, True), (310, True), (610, True), (910, True), (970, False)]


async def test_an_idle_worker_asks_nothing_of_the_agent(time, agent, protection):
    await time.goes_on(24 * 60 * MINUTE)
    assert agent.calls == []


async def test_a_hundred_short_requests_cost_no_call(time, agent, protection):
    for _ in range(100):
        protection.holds(1)
        await time.goes_on(0.3)
        protection.holds(0)
        await time.goes_on(0.1)
    assert agent.calls == []


async def test_a_failure_is_said_once_and_tried_again_until_it_is_granted(time, agent, protection, caplog):
    agent.failures = 6
    protection.holds(1)
    await time.goes_on(4 * MINUTE)
    # 5, 10, 20, 40, 60 and 60 s between them.
    assert [at for at, _ in agent.calls] == [10, 15, 25, 45, 85, 145, 205]
    assert caplog.messages == ["protection not set"]


async def test_an_exposure_that_failed_is_tried_again(time, agent, protection):
    protection.holds(1)
    await time.goes_on(20)
    protection.holds(0)
    agent.failures = 2
    await time.goes_on(MINUTE)
    assert agent.calls == [(10, True), (30, False), (35, False), (45, False)]


async def test_what_a_failed_call_did_is_unknown_so_idle_workers_expose_themselves_all_the_same(
    time, agent, protection
):
    agent.failures = 1
    protection.holds(1)
    await time.goes_on(12)
    protection.holds(0)
    await time.goes_on(MINUTE)
    # The second call comes before the idle time has lasted long enough to count.
    assert agent.calls == [(10, True), (15, True), (22, False)]


class Saturated:
    """A worker that always finds another request, each of which takes a minute unless said otherwise."""

    def __init__(
        self,
        time: ManualTime,
        agent: Agent | None,
        *,
        slots: int = 2,
        run_seconds: Callable[[], float] = lambda: MINUTE,
    ) -> None:
        self.bench = Workbench()
        self._time = time
        self.begun: list[float] = []
        self._start_ms = time()
        settings = replace(SETTINGS, max_concurrency=slots)
        shift = Shift(clock=time, slots=slots)
        self._run_seconds = run_seconds
        self.protection = Protection(agent, shift, clock=time, sleep=time.sleep)  # type: ignore[arg-type]  # its methods
        self.worker = Worker(
            settings,
            source=self,  # type: ignore[arg-type]  # its one method
            handler=self,  # type: ignore[arg-type]  # its one method
            readiness=self,  # type: ignore[arg-type]  # its one method
            outages=outages_on(time),
            protection=self.protection,
            out_of_time=asyncio.Event(),
            clock=time,
        )

    async def wait(self) -> None:
        return

    async def receive(self, *, limit: int, wait_seconds: int):
        self.bench.queue.put("{}", group=str(len(self.begun)), deduplication_id=str(len(self.begun)))
        return await MemorySource(self.bench.queue).receive(limit=1, wait_seconds=0)

    async def handle(self, _delivery) -> None:
        self.begun.append((self._time() - self._start_ms) / 1000)
        await self._time.sleep(self._run_seconds())


async def test_a_worker_that_is_never_idle_rests_every_quarter_of_an_hour(time, agent):
    scene = Saturated(time, agent)
    tasks = [asyncio.create_task(scene.worker.run()), asyncio.create_task(scene.protection.run())]
    await time.goes_on(17 * MINUTE)
    exposed = [at for at, on in agent.calls if not on]
    # Ten seconds to be protected, fifteen minutes, and what the running requests still took.
    assert exposed == [960]
    assert 900 in scene.begun
    # Nothing was received until the rest was over, and then it went on.
    assert min(at for at in scene.begun if at > 900) == 970
    scene.worker.stop()
    await time.goes_on(2 * MINUTE)
    assert tasks[0].done()
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("slots", "longest_run_minutes", "hold_minutes"),
    [
        # Short requests: a quarter of an hour and one of them.
        (8, 1, 16),
        # The longest request there may be: one slot drains by its own run.
        (1, 11 * 60 + 48, 15 + 11 * 60 + 48),
        # Five runs, less what one slot of three does itself.
        (3, 60, 4 * 40 + 60),
    ],
)
async def test_no_deployment_waits_longer_for_a_worker_than_the_documented_limit(
    time, agent, slots, longest_run_minutes, hold_minutes
):
    chance = random.Random(slots)
    longest_seconds = longest_run_minutes * MINUTE
    # Each second request takes as long as it may.
    run_seconds = lambda: chance.choice((longest_seconds, chance.uniform(0, longest_seconds)))  # noqa: E731 - once
    scene = Saturated(time, agent, slots=slots, run_seconds=run_seconds)
    tasks = [asyncio.create_task(scene.worker.run()), asyncio.create_task(scene.protection.run())]
    await time.goes_on(6 * hold_minutes * MINUTE)
    exposed = [0, *(at for at, on in agent.calls if not on)]
    limit_seconds = longest_hold_ms(longest_seconds * 1000, slots=slots, poll_ms=20_000) / 1000
    rest_seconds = 10
    assert len(exposed) > 5
    assert max(later - earlier for earlier, later in pairwise(exposed)) <= limit_seconds + rest_seconds
    # What the pages say, plus less than two minutes.
    assert hold_minutes * MINUTE <= limit_seconds < (hold_minutes + 2) * MINUTE
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_rest_that_the_agent_does_not_grant_is_given_up(time, agent):
    scene = Saturated(time, agent)
    tasks = [asyncio.create_task(scene.worker.run()), asyncio.create_task(scene.protection.run())]
    await time.goes_on(15 * MINUTE)
    agent.failures = 100
    await time.goes_on(3 * MINUTE)
    assert min(at for at in scene.begun if at > 900) == 990
    scene.worker.stop()
    await time.goes_on(2 * MINUTE)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_stop_during_the_rest_is_not_kept_waiting(time, agent):
    scene = Saturated(time, agent)
    tasks = [asyncio.create_task(scene.worker.run()), asyncio.create_task(scene.protection.run())]
    await time.goes_on(962)
    scene.worker.stop()
    await time.goes_on(0)
    assert tasks[0].done()
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_stop_while_it_drains_for_a_rest_lets_the_running_work_finish(time, agent):
    scene = Saturated(time, agent)
    tasks = [asyncio.create_task(scene.worker.run()), asyncio.create_task(scene.protection.run())]
    await time.goes_on(950)
    scene.worker.stop()
    await time.goes_on(0)
    assert not tasks[0].done()
    await time.goes_on(10)
    assert tasks[0].done()
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_outside_ecs_nothing_is_protected_and_nobody_rests(time):
    scene = Saturated(time, None)
    tasks = [asyncio.create_task(scene.worker.run()), asyncio.create_task(scene.protection.run())]
    await time.goes_on(60 * MINUTE)
    assert {round(at) % 60 for at in scene.begun} == {0}
    scene.worker.stop()
    await time.goes_on(MINUTE)
    await asyncio.gather(*tasks)
