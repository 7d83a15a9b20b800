from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from dequeuer.protect import Protection
from dequeuer.shift import Shift
from dequeuer.worker import UPGRADE_SECONDS, Worker
from penstock.messages import Message
from penstock.ports import DependencyError
from penstock.records import RequestKey, Status
from penstock.testing import ManualClock, MemoryOutbox, MemoryQueue, MemorySource
from penstock.versions import UnknownVersion
from tests.examples import NOW_MS
from tests.unit.dequeuer.manual_time import ManualTime, settle
from tests.unit.dequeuer.workbench import SETTINGS, Workbench, outages_on, until

if TYPE_CHECKING:
    from dequeuer.outages import Outages


class AlwaysReady:
    async def wait(self) -> None:
        return


class Recorder:
    """Stands for the attempts: notes what it is given and finishes when told."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.gate = asyncio.Event()
        self.most = 0
        self.put_aside: list[str] = []
        self._now = 0

    async def handle(self, delivery) -> None:
        self.started.append(delivery.message_id)
        self._now += 1
        self.most = max(self.most, self._now)
        await self.gate.wait()
        self._now -= 1

    async def put_back(self, delivery) -> None:
        self.put_aside.append(delivery.message_id)


def fill(queue, count) -> None:
    for number in range(count):
        key = RequestKey(
            api="a", id="abcdefghijklmnopqrstuvwx" + "abcdefghij"[number // 10] + "abcdefghij"[number % 10]
        )
        MemoryOutbox(queue).send(Message(key))


def worker_of(
    source: Any,
    attempts: Any,
    *,
    readiness: Any = None,
    out_of_time=None,
    time: ManualTime | None = None,
    outages: Outages | None = None,
    agent: Any = None,
    **settings,
) -> Worker:
    time = time or ManualTime()
    wanted = replace(SETTINGS, **{"poll_seconds": 5, **settings})
    shift = Shift(clock=time, slots=wanted.max_concurrency)
    return Worker(
        wanted,
        source=source,
        handler=attempts,
        readiness=AlwaysReady() if readiness is None else readiness,  # type: ignore[arg-type]  # its one method
        outages=outages or outages_on(time),
        protection=Protection(agent, shift, clock=time, sleep=time.sleep),
        out_of_time=out_of_time or asyncio.Event(),
        clock=time,
    )


async def test_it_takes_only_what_it_has_free_slots_for():
    queue = MemoryQueue(ManualClock(NOW_MS))
    fill(queue, 20)
    attempts = Recorder()
    worker = worker_of(MemorySource(queue), attempts, max_concurrency=3)
    running = asyncio.create_task(worker.run())
    await settle()
    assert len(attempts.started) == 3
    attempts.gate.set()
    await until(lambda: len(attempts.started) == 20)
    assert attempts.most == 3
    worker.stop()
    fill(queue, 1)
    await running


async def test_it_asks_the_queue_for_nothing_until_the_container_is_ready():
    queue = MemoryQueue(ManualClock(NOW_MS))
    fill(queue, 1)
    ready = asyncio.Event()

    class Readiness:
        async def wait(self) -> None:
            await ready.wait()

    attempts = Recorder()
    worker = worker_of(MemorySource(queue), attempts, readiness=Readiness())
    running = asyncio.create_task(worker.run())
    await settle()
    assert attempts.started == []
    ready.set()
    await settle()
    assert len(attempts.started) == 1
    attempts.gate.set()
    worker.stop()
    await running


async def test_a_container_that_dies_with_its_request_is_sent_no_other():
    """What frees the slot may be the container's end: readiness is asked for after it."""
    bench = Workbench()
    queue = bench.queue
    fill(queue, 3)

    class Readiness:
        def __init__(self) -> None:
            self.event = asyncio.Event()
            self.event.set()

        async def wait(self) -> None:
            await self.event.wait()

    class Dying(Recorder):
        async def handle(self, delivery) -> None:
            self.started.append(delivery.message_id)
            await settle()
            readiness.event.clear()

    readiness, attempts = Readiness(), Dying()
    worker = worker_of(MemorySource(queue), attempts, readiness=readiness, max_concurrency=1)
    running = asyncio.create_task(worker.run())
    await until(lambda: not readiness.event.is_set())
    await settle()
    assert len(attempts.started) == 1
    worker.stop()
    await running


async def test_a_stop_during_a_long_poll_lets_it_return_and_puts_back_what_it_brought():
    class Slow(MemorySource):
        def __init__(self, queue) -> None:
            super().__init__(queue)
            self.gate = asyncio.Event()
            self.cancelled = False

        async def receive(self, *, limit, wait_seconds):
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            return await super().receive(limit=limit, wait_seconds=0)

    queue = MemoryQueue(ManualClock(NOW_MS))
    fill(queue, 2)
    source, attempts = Slow(queue), Recorder()
    worker = worker_of(source, attempts, max_concurrency=5)
    running = asyncio.create_task(worker.run())
    await settle()
    worker.stop()
    await settle()
    assert not running.done()
    source.gate.set()
    await running
    assert not source.cancelled
    assert attempts.started == []
    assert len(attempts.put_aside) == 2


async def test_a_stop_lets_running_work_finish():
    bench = Workbench()
    bench.submit()
    gate = asyncio.Event()
    bench.container.act = gate.wait
    worker = worker_of(bench.source, bench.attempts, out_of_time=bench.out_of_time)
    running = asyncio.create_task(worker.run())
    await settle()
    worker.stop()
    await settle()
    assert not running.done()
    gate.set()
    await running
    assert bench.now.status is Status.COMPLETED


async def test_the_drains_time_also_ends_what_is_written_after_the_last_request():
    bench = Workbench()
    worker = worker_of(bench.source, bench.attempts, out_of_time=bench.out_of_time, drain_seconds=0)
    worker.stop()
    await worker.run()
    async with asyncio.timeout(5):
        await bench.out_of_time.wait()


async def test_when_the_drain_budget_is_used_up_unfinished_work_is_given_back():
    bench = Workbench()
    bench.submit()
    bench.container.act = asyncio.Event().wait
    worker = worker_of(bench.source, bench.attempts, out_of_time=bench.out_of_time, drain_seconds=0)
    running = asyncio.create_task(worker.run())
    await settle()
    worker.stop()
    await running
    assert (bench.now.status, bench.now.attempt) == (Status.IN_QUEUE, 0)


async def test_a_receive_that_fails_is_paused_after_longer_each_time_and_tried_again(caplog):
    time = ManualTime()
    queue = MemoryQueue(ManualClock(NOW_MS))
    fill(queue, 1)
    calls = []

    class Flaky(MemorySource):
        async def receive(self, *, limit, wait_seconds):
            calls.append(time())
            if len(calls) < 8:
                raise DependencyError("down")
            return await super().receive(limit=limit, wait_seconds=5)

    attempts = Recorder()
    attempts.gate.set()
    worker = worker_of(Flaky(queue), attempts, time=time)
    with caplog.at_level("INFO"):
        running = asyncio.create_task(worker.run())
        await time.goes_on(121)
    assert [(later - call) / 1000 for call, later in pairwise(calls[:8])] == [1, 2, 4, 8, 16, 30, 30]
    assert len(attempts.started) == 1
    assert [line for line in caplog.messages if "receiving" in line] == [
        "receiving paused",
        "receiving again",
    ]
    worker.stop()
    fill(queue, 2)
    await running


@pytest.mark.parametrize("error", [DependencyError("down"), ZeroDivisionError()])
async def test_one_requests_surprise_does_not_end_the_others(error):
    queue = MemoryQueue(ManualClock(NOW_MS))
    fill(queue, 2)

    class Faulty(Recorder):
        async def handle(self, delivery) -> None:
            self.started.append(delivery.message_id)
            if len(self.started) == 1:
                raise error

    attempts = Faulty()
    worker = worker_of(MemorySource(queue), attempts)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(attempts.started) == 2)
    worker.stop()
    fill(queue, 3)
    await running


async def test_what_is_for_another_version_is_given_back_for_the_time_of_an_upgrade():
    clock = ManualClock(NOW_MS)
    queue = MemoryQueue(clock)
    fill(queue, 1)
    source = MemorySource(queue)

    class Handler:
        async def handle(self, _delivery) -> None:
            raise UnknownVersion("the message has version 2")

        async def put_back(self, _delivery) -> None:
            raise AssertionError("it was not told to stop")

    worker = worker_of(source, Handler())
    running = asyncio.create_task(worker.run())
    await settle()
    worker.stop()
    await running

    clock.advance(UPGRADE_SECONDS - 1)
    assert await source.receive(limit=10, wait_seconds=0) == []
    clock.advance(1)
    assert len(await source.receive(limit=10, wait_seconds=0)) == 1
