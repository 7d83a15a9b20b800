"""From the last batch to the job's end (J5, J6), and a worker's leaving."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from dequeuer.container import NoAnswer
from penstock import keys
from penstock.batch import objects
from penstock.batch.commits import Part, PartKind
from penstock.batch.jobs import Hook, JobStatus
from penstock.batch.manifest import manifest
from penstock.outcomes import WORKER_LOST, Trouble
from tests.unit.dequeuer.batch.job_bench import KEY, RECORD, JobBench
from tests.unit.dequeuer.workbench import ScriptedContainer, until


@pytest.fixture
def bench() -> JobBench:
    return JobBench()


async def test_whoever_writes_the_last_end_sends_the_last_message(bench):
    bench.enqueue("[1]", "[2]")
    bench.seal()
    await bench.deliver()
    assert (bench.now.status, len(bench.queue)) == (JobStatus.RUNNING, 1)
    await bench.deliver()
    assert (bench.now.status, len(bench.queue)) == (JobStatus.COMPLETING, 1)


async def test_before_all_is_enqueued_no_count_is_the_last(bench):
    bench.enqueue("[1]")
    await bench.deliver()
    assert (bench.now.status, len(bench.queue)) == (JobStatus.ENQUEUING, 0)
    bench.seal()
    await bench.worker.at_work.source.receive(limit=1, wait_seconds=0)
    assert (bench.now.status, len(bench.queue)) == (JobStatus.COMPLETING, 1)


async def test_a_worker_that_dies_before_it_sends_is_stood_in_for(bench):
    bench.enqueue("[1]")
    bench.seal()
    bench.worker.sender.before["send"] = 1
    await bench.deliver()
    assert (bench.now.status, len(bench.queue)) == (JobStatus.COMPLETING, 0)
    other = bench.new_worker("two")
    await other.at_work.source.receive(limit=1, wait_seconds=0)
    assert len(bench.queue) == 1


async def test_who_finds_the_job_completing_sends_again_after_a_minute_and_not_before(bench):
    bench.completing()
    sent, put = [], bench.queue.put

    def noting(body, **ids):
        sent.append(bench.clock())
        put(body, **ids)

    bench.queue.put = noting
    started = bench.clock()
    bench.queue.take(1)
    for _ in range(13):
        await bench.worker.at_work.source.receive(limit=1, wait_seconds=0)
        bench.clock.advance(5)
        bench.queue.take(1)
    assert [at - started for at in sent] == [0, 60_000]


async def test_the_hook_is_told_the_figures_and_then_the_job_has_ended(bench):
    bench.enqueue("[1]", "[2]")
    bench.seal()

    async def takes_long():
        bench.clock.advance(3)

    bench.container.act = takes_long
    await bench.deliver()
    bench.container.status = 400
    await bench.deliver()
    bench.container.act, bench.container.status = None, 200
    await bench.deliver()
    outgoing, body = bench.container.outgoing[-1], json.loads(bench.container.received[-1])
    assert (outgoing.method, outgoing.path) == ("POST", "/on-job-complete")
    assert outgoing.headers["X-Penstock-Batch-ID"] == "complete"
    assert outgoing.headers["X-Penstock-Job-ID"] == outgoing.headers["X-Cortex-Job-ID"] == KEY.id
    assert {name: body[name] for name in ("job_id", "api_name", "status", "config", "results")} == {
        "job_id": KEY.id,
        "api_name": "sum",
        "status": "completed_with_failures",
        "config": {"model": "small"},
        "results": None,
    }
    counts = ("total_batch_count", "succeeded", "failed", "attempts")
    assert [body[name] for name in counts] == [2, 1, 1, 2]
    assert body["time_per_batch_ms"]["average"] == 3000
    assert 2700 < body["time_per_batch_ms"]["p99"] < 3600
    assert body["started"] == "2023-11-14T22:13:21.000Z"
    assert (bench.now.status, bench.now.succeeded, bench.now.failed) == (
        JobStatus.COMPLETED_WITH_FAILURES,
        1,
        1,
    )
    assert bench.now.hook == Hook(attempts=1, status_code=200)
    assert len(bench.queue) == 0
    assert bench.worker.ends.over.is_set()


async def test_the_manifest_is_there_before_the_hook_is_called():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.enqueue("[1]")
    bench.seal()
    await bench.deliver()
    seen = []

    async def look():
        seen.append(bench.object(objects.MANIFEST))

    bench.container.act = look
    await bench.deliver()
    [part] = bench.parts.stored[KEY].values()
    [line] = [json.loads(line) for line in seen[0].splitlines()]
    assert (line["kind"], line["key"], line["lines"]) == ("results", part.key, 1)
    told = json.loads(bench.container.received[-1])["results"]
    assert told == {"bucket": "b", "manifest_key": keys.job_object(KEY, objects.MANIFEST)}


async def test_a_manifest_of_many_pages_is_the_same_as_one_of_all_parts():
    bench = JobBench(record=replace(RECORD, results=True))
    made = [
        Part(id=f"{number:03}", kind=kind, key=f"{kind}/{number}", size_bytes=1, lines=1)
        for number in range(150)
        for kind in PartKind
    ]
    bench.parts.stored[KEY] = {f"{part.kind}{part.id}": part for part in made}
    bench.completing()
    await bench.deliver()
    assert bench.object(objects.MANIFEST) == manifest(made)


async def test_a_container_without_the_route_does_not_want_to_be_told(bench):
    bench.completing()
    bench.container.status = 404
    await bench.deliver()
    assert (bench.now.status, bench.now.hook) == (
        JobStatus.SUCCEEDED,
        Hook(attempts=1, status_code=404),
    )


async def test_a_hook_that_fails_is_called_again_and_may_succeed_then(bench):
    bench.completing()
    for status in (500, 503, 200):
        bench.container.status = status
        await bench.deliver()
        bench.clock.advance(10)
    assert [call.headers["X-Penstock-Attempt"] for call in bench.container.outgoing] == ["1", "2", "3"]
    assert (bench.now.status, bench.now.hook) == (JobStatus.SUCCEEDED, Hook(attempts=3, status_code=200))


async def test_a_hook_that_fails_for_good_ends_the_job_all_the_same_and_is_told_of(bench):
    bench.completing()
    bench.container.status = 500
    for _ in range(3):
        await bench.deliver()
        bench.clock.advance(10)
    hook = bench.now.hook
    assert (bench.now.status, hook.attempts, hook.status_code) == (JobStatus.SUCCEEDED, 3, 500)
    assert hook.failure.code == "container_error"
    assert len(bench.queue) == 0


async def test_workers_that_die_in_the_hook_use_its_attempts_up(bench):
    bench.completing()
    for _ in range(3):
        bench.queue.take(1)
        bench.clock.advance(31)
    await bench.deliver()
    assert bench.container.received == []
    assert (bench.now.status, bench.now.hook) == (
        JobStatus.SUCCEEDED,
        Hook(attempts=3, failure=WORKER_LOST),
    )


async def test_their_job_has_a_manifest_all_the_same():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.completing()
    for _ in range(3):
        bench.queue.take(1)
        bench.clock.advance(31)
    await bench.deliver()
    assert bench.object(objects.MANIFEST) == b""


async def test_an_unreachable_container_leaves_the_hook_to_others_at_no_cost(bench):
    async def refuse():
        raise NoAnswer(Trouble.UNREACHABLE, "Nothing listens.")

    bench.completing()
    bench.container.act = refuse
    await bench.deliver()
    bench.clock.advance(5)
    await bench.new_worker("two", ScriptedContainer()).deliver()
    assert bench.now.hook == Hook(attempts=1, status_code=200)


async def test_a_submission_that_is_gone_fails_the_hook_and_not_the_job(bench):
    bench.completing()
    bench.objects.bodies.clear()
    await bench.deliver()
    assert (bench.now.status, bench.now.hook.failure.code) == (JobStatus.SUCCEEDED, "payload_missing")


async def test_a_lost_answer_to_the_jobs_end_is_found_to_have_been_given(bench):
    bench.completing()
    bench.worker.jobs.after["apply:finish"] = 2
    await bench.deliver()
    assert (bench.now.status, len(bench.queue)) == (JobStatus.SUCCEEDED, 0)


async def test_a_last_message_of_a_job_that_was_stopped_calls_nobody(bench):
    bench.completing()
    bench.stop()
    await bench.deliver()
    assert bench.container.received == []
    assert (bench.now.status, len(bench.queue)) == (JobStatus.STOPPING, 0)
    assert bench.worker.ends.over.is_set()


async def test_a_worker_drains_its_job_ends_it_and_leaves(bench):
    bench.enqueue(*["[1]"] * 20)
    bench.seal()
    async with asyncio.timeout(20):
        await bench.worker.run()
    assert (bench.now.status, bench.now.succeeded) == (JobStatus.SUCCEEDED, 20)
    assert len(bench.queue) == 0
    [tally] = bench.parts.tallies(KEY)
    assert tally.started_ms == tally.seen_ms == bench.clock()


async def test_other_workers_leave_when_it_has_ended(bench):
    bench.enqueue("[1]")
    bench.seal()
    other = bench.new_worker("two", ScriptedContainer())
    async with asyncio.timeout(20):
        await asyncio.gather(bench.worker.run(), other.run())
    assert (bench.now.status, bench.now.succeeded) == (JobStatus.SUCCEEDED, 1)


async def test_a_worker_that_waits_for_a_message_does_not_keep_a_job_that_is_over():
    bench = JobBench(settings=replace(JobBench().settings, poll_seconds=60))
    bench.worker.at_work._watch._sleep = bench.clock.sleep
    running = asyncio.create_task(bench.worker.run())
    await bench.clock.goes_on(12)
    bench.stop()
    await bench.clock.goes_on(5)
    async with asyncio.timeout(5):
        await running


async def test_a_stop_aborts_what_runs_and_writes_what_was_finished(bench):
    bench.enqueue("[1]", "[2]")
    bench.seal()
    bench.worker = bench.new_worker("one", ScriptedContainer())
    first = asyncio.Event()

    async def second_hangs():
        if first.is_set():
            await asyncio.Event().wait()
        first.set()

    bench.worker.container.act = second_hangs
    running = asyncio.create_task(bench.worker.run())
    await until(lambda: len(bench.worker.container.received) == 2)
    bench.stop()
    async with asyncio.timeout(20):
        await running
    assert bench.worker.container.aborted == 1
    assert (bench.tally.finished, bench.now.status) == (1, JobStatus.STOPPING)
    # It is nobody's fault, and nobody's turn: it is not even given back.
    assert not bench.parts.given_back


async def test_a_drain_writes_what_was_finished_and_gives_the_rest_back():
    bench = JobBench(settings=replace(JobBench().settings, drain_seconds=0, max_concurrency=2))
    bench.enqueue("[1]", "[2]")

    async def second_hangs():
        if bench.container.received[-1] == b"[2]":
            await asyncio.Event().wait()

    bench.container.act = second_hangs
    running = asyncio.create_task(bench.worker.run())
    await until(lambda: len(bench.container.received) == 2)
    bench.worker.worker.stop()
    async with asyncio.timeout(20):
        await running
    assert (bench.tally.succeeded, len(bench.queue)) == (1, 1)
    bench.container.act = None
    await bench.new_worker("two").deliver()
    assert bench.ended("0-1").attempt == 1
