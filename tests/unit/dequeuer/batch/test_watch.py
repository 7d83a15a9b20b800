"""What goes on beside the work, and before it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dequeuer.batch.despair import Despair
from dequeuer.batch.start import NoSuchJob, begun
from dequeuer.health import Health
from penstock.batch.jobs import JobKey, JobStatus
from penstock.ports import DependencyError
from tests.unit.dequeuer.batch.job_bench import KEY, RECORD, JobBench
from tests.unit.dequeuer.manual_time import ManualTime, settle


@pytest.fixture
def bench() -> JobBench:
    return JobBench()


@pytest.fixture
async def watching(bench):
    """The watch of a worker, on the bench's clock."""
    watch = bench.worker.at_work._watch
    watch._sleep = bench.clock.sleep
    task = asyncio.create_task(watch.run())
    yield
    task.cancel()


async def test_a_worker_gives_a_sign_of_life_every_ten_seconds(bench, watching):
    await bench.clock.goes_on(1)
    [tally] = bench.parts.tallies(KEY)
    arrived = tally.started_ms
    assert tally.at_work(bench.clock())
    await bench.clock.goes_on(600)
    [tally] = bench.parts.tallies(KEY)
    assert tally.started_ms == arrived
    assert bench.clock() - tally.seen_ms <= 10_000


@pytest.mark.parametrize("end", ["stopped", "ended", "gone"])
async def test_it_sees_within_five_seconds_that_its_job_is_over(bench, watching, end):
    await bench.clock.goes_on(12)
    assert not bench.worker.ends.over.is_set()
    if end == "gone":
        del bench.memory.rows[KEY]
    else:
        status = JobStatus.STOPPING if end == "stopped" else JobStatus.SUCCEEDED
        bench.memory.rows[KEY] = replace(bench.now, status=status)
    await bench.clock.goes_on(5)
    assert bench.worker.ends.over.is_set()


async def test_a_table_that_is_down_is_looked_at_again(bench, watching):
    bench.worker.jobs.before |= {"get": 3, "alive": 3}
    await bench.clock.goes_on(60)
    bench.stop()
    await bench.clock.goes_on(5)
    assert bench.worker.ends.over.is_set()


class TestStart:
    async def test_a_job_that_has_not_begun_is_waited_for(self, bench):
        bench.memory.rows[KEY] = replace(RECORD, status=JobStatus.PENDING)
        waiting = asyncio.create_task(begun(bench.worker.jobs, KEY, sleep=bench.clock.sleep))
        await bench.clock.goes_on(20)
        assert not waiting.done()
        bench.memory.rows[KEY] = RECORD
        await bench.clock.goes_on(2)
        assert waiting.result() == RECORD

    @pytest.mark.parametrize("status", [JobStatus.STOPPING, JobStatus.STOPPED, JobStatus.SUCCEEDED])
    async def test_a_job_that_is_over_is_nothing_to_do(self, bench, status):
        bench.memory.rows[KEY] = replace(RECORD, status=status)
        assert await begun(bench.worker.jobs, KEY, sleep=bench.clock.sleep) is None

    @pytest.mark.parametrize("pending", [True, False], ids=["pending", "unknown"])
    async def test_one_that_never_begins_is_named_after_a_minute(self, bench, pending):
        key = KEY if pending else JobKey(api="sum", id="0" * 16)
        bench.memory.rows[KEY] = replace(RECORD, status=JobStatus.PENDING)
        waiting = asyncio.create_task(begun(bench.worker.jobs, key, sleep=bench.clock.sleep))
        await bench.clock.goes_on(60)
        with pytest.raises(NoSuchJob, match=key.id):
            waiting.result()

    async def test_a_table_that_is_down_is_tried_again_and_named_in_the_end(self, bench):
        bench.worker.jobs.before["get"] = 29
        waiting = asyncio.create_task(begun(bench.worker.jobs, KEY, sleep=bench.clock.sleep))
        await bench.clock.goes_on(60)
        assert waiting.result() == RECORD
        bench.worker.jobs.before["get"] = 30
        waiting = asyncio.create_task(begun(bench.worker.jobs, KEY, sleep=bench.clock.sleep))
        await bench.clock.goes_on(60)
        with pytest.raises(DependencyError):
            waiting.result()


async def test_a_container_that_is_not_ready_for_half_an_hour_is_given_up():
    time, stopped = ManualTime(), asyncio.Event()
    state = SimpleNamespace(
        worker=SimpleNamespace(stopping_since_ms=None, idle_since_ms=time()),
        readiness=SimpleNamespace(unready_since_ms=time()),
        outages=SimpleNamespace(suspects=[], since_ms=0),
    )
    health = Health(**cast("Any", vars(state)), clock=time, wall_clock=time)
    despair = Despair(health, stop=stopped.set, sleep=time.sleep)
    running = asyncio.create_task(despair.run())
    await time.goes_on(29 * 60)
    assert not despair.came
    await time.goes_on(2 * 60)
    await settle()
    assert despair.came
    assert stopped.is_set()
    await running


async def test_while_ends_cannot_be_written_nothing_is_received(bench):
    """One commit stands for many batches: its fault is not put down to one of them."""
    bench.enqueue("[1]")
    bench.worker.jobs.before["commit"] = 1
    [delivery] = bench.queue.take(1)
    await bench.worker.at_work.handler.handle(delivery)
    committing = asyncio.create_task(bench.worker.at_work._committer.run())
    for _ in range(20):
        await asyncio.sleep(0)
        if bench.worker.outages.suspects:
            break
    assert bench.worker.outages.suspects == ["table"]
    await bench.worker.at_work._committer.close()
    committing.cancel()
    assert bench.worker.outages.suspects == []
