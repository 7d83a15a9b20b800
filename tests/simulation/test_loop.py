from __future__ import annotations

import asyncio
import time
from random import Random

import pytest

from tests.simulation.loop import Deadlock, Process, VirtualLoop


@pytest.fixture
def loop():
    loop = VirtualLoop(Random(1))
    yield loop
    loop.close()


def test_time_jumps_to_the_next_timer_and_nobody_waits(loop):
    async def sleep_long():
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert loop.run_until_complete(sleep_long()) == pytest.approx(3600, abs=0.001)
    assert time.monotonic() - began < 60


def test_a_cancelled_timer_does_not_move_the_clock(loop):
    async def give_up():
        asyncio.get_running_loop().call_later(3600, lambda: None).cancel()
        await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    assert loop.run_until_complete(give_up()) == pytest.approx(1, abs=0.001)


def test_waiting_for_what_nobody_will_do_is_told_at_once(loop):
    async def wait():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock):
        loop.run_until_complete(wait())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))


@pytest.mark.parametrize("seed", range(3))
def test_timers_of_one_moment_go_in_the_order_of_the_seed(seed):
    def order():
        loop, seen = VirtualLoop(Random(seed)), []

        async def together():
            async def one(number):
                await asyncio.sleep(1)
                seen.append(number)

            await asyncio.gather(*map(one, range(8)))

        loop.run_until_complete(together())
        loop.close()
        return seen

    assert order() == order() != list(range(8))


def test_a_process_that_stops_runs_nothing_not_even_what_should_be_run_finally(loop):
    process, seen = Process("worker", actor="worker", skew_ms=0), []

    async def work():
        try:
            await asyncio.sleep(1)
            seen.append("worked")
        finally:
            seen.append("finally")

    async def world():
        task = process.spawn(work())
        await asyncio.sleep(0.5)
        process.running = False
        await asyncio.sleep(10)
        stopped = list(seen)
        loop.resume(process)
        await task
        return stopped

    assert loop.run_until_complete(world()) == []
    assert seen == ["worked", "finally"]


def test_tasks_that_a_process_makes_are_its_own(loop):
    process, seen = Process("worker", actor="worker", skew_ms=0), []

    async def child():
        await asyncio.sleep(1)
        seen.append("child")

    async def parent():
        await asyncio.gather(child(), child())

    async def world():
        process.spawn(parent())
        await asyncio.sleep(0.5)
        process.running = False
        await asyncio.sleep(10)
        stopped = list(seen)
        loop.resume(process)
        await asyncio.sleep(1)
        return stopped

    assert loop.run_until_complete(world()) == []
    assert seen == ["child", "child"]
