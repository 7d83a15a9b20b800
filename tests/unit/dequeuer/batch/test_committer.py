from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.batch.commits import FinishedBatch
from tests.unit.dequeuer.batch.job_bench import KEY, RECORD, BenchWorker, JobBench
from tests.unit.dequeuer.workbench import ScriptedContainer, until


async def handle_all(bench: JobBench, worker: BenchWorker | None = None) -> None:
    """Run all there is, and leave it to be written."""
    handler = (worker or bench.worker).at_work.handler
    while deliveries := bench.queue.take(10):
        await asyncio.gather(*(handler.handle(delivery) for delivery in deliveries))


def counted_commits(bench: JobBench) -> list[int]:
    """Batches of each commit, noted as they come."""
    sizes: list[int] = []
    commit = bench.parts.commit

    def noting(one):
        sizes.append(len(one.batches))
        return commit(one)

    bench.parts.commit = noting  # type: ignore[method-assign]  # looks on
    return sizes


async def test_ends_are_written_as_many_at_a_time_as_a_transaction_takes():
    bench = JobBench()
    bench.enqueue(*["[1]"] * 150)
    sizes = counted_commits(bench)
    await handle_all(bench)
    await bench.worker.written()
    assert sizes == [97, 53]
    assert (bench.tally.succeeded, len(bench.queue)) == (150, 0)


async def test_failed_ones_take_two_writes_each():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.enqueue(*["[1]"] * 60)
    bench.container.status = 400
    sizes = counted_commits(bench)
    await handle_all(bench)
    await bench.worker.written()
    assert sizes == [48, 12]
    assert len(bench.lines("errors")) == 60


async def test_large_lines_make_a_part_full_sooner():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.container.body = b'"%s"' % (b"x" * 1_000_000)
    bench.enqueue(*["[1]"] * 12)
    sizes = counted_commits(bench)
    await handle_all(bench)
    await bench.worker.written()
    assert sizes == [8, 4]


async def test_while_nothing_can_be_written_no_more_than_memory_allows_is_begun():
    bench = JobBench()
    bench.enqueue(*["[1]"] * 250)
    handler = bench.worker.at_work.handler
    deliveries = [delivery for _ in range(25) for delivery in bench.queue.take(10)]
    handling = [asyncio.create_task(handler.handle(delivery)) for delivery in deliveries]
    await until(lambda: len(bench.container.received) == 250)
    for _ in range(50):
        await asyncio.sleep(0)
    # Those that find no room keep their slots, and nothing is received for them.
    assert handler.running == 250 - 199
    await bench.worker.written()
    await asyncio.gather(*handling)
    assert bench.tally.succeeded == 250


async def test_what_a_commit_refers_to_is_there_before_it_and_messages_go_after_it():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.enqueue("[1]", "[2]")
    commit, looked = bench.parts.commit, []

    def looking(one):
        assert all(part.key in bench.objects.bodies for part in one.parts)
        assert all(end.body_key in bench.objects.bodies for end in one.batches if end.failure)
        looked.append((len(one.parts), len(one.batches), len(bench.queue)))
        return commit(one)

    bench.parts.commit = looking  # type: ignore[method-assign]  # looks on
    [first, second] = bench.queue.take(2)
    await bench.worker.at_work.handler.handle(first)
    bench.container.status = 400
    await bench.worker.at_work.handler.handle(second)
    await bench.worker.written()
    assert looked == [(2, 2, 2)]
    assert len(bench.queue) == 0


async def test_a_lost_answer_of_a_commit_counts_once():
    bench = JobBench()
    bench.enqueue("[1]", "[2]")
    bench.worker.jobs.after["commit"] = 3
    await handle_all(bench)
    await bench.worker.written()
    assert (bench.tally.succeeded, len(bench.queue)) == (2, 0)


async def test_what_another_has_ended_is_left_out_and_rejected_and_the_rest_counts():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.enqueue("[1]", "[2]", "[3]")
    await handle_all(bench)
    bench.parts.batches[KEY]["0-1"] = (
        FinishedBatch(id="0-1", attempt=1, items=1, finished_ms=bench.clock()),
        "other",
    )
    await bench.worker.written()
    assert bench.tally.succeeded == 2
    [part] = bench.parts.stored[KEY].values()
    assert (part.lines, part.rejected) == (3, ("0-1",))
    assert [line["batch"] for line in bench.lines("results")] == ["0-0", "0-2"]
    # Its message is of no use either.
    assert len(bench.queue) == 0


async def test_a_batch_that_this_worker_ran_twice_counts_once():
    """Its hold failed for so long that the queue gave it out again, to the same worker."""
    bench = JobBench()
    bench.enqueue("[1]")
    [first] = bench.queue.take(1)
    await bench.worker.at_work.handler.handle(first)
    bench.clock.advance(31)
    [second] = bench.queue.take(1)
    await bench.worker.at_work.handler.handle(second)
    await bench.worker.written()
    assert len(bench.container.received) == 2
    assert (bench.tally.succeeded, len(bench.queue)) == (1, 0)


async def test_a_store_that_fails_for_long_delays_the_commit_and_loses_nothing():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.enqueue("[1]")
    bench.worker.writes.before["write"] = 5
    bench.worker.jobs.before["commit"] = 5
    await handle_all(bench)
    await bench.worker.written()
    assert (bench.tally.succeeded, len(bench.lines("results")), len(bench.queue)) == (1, 1, 0)


async def test_an_attempt_that_decided_nothing_is_counted_with_one_commit_only():
    bench = JobBench()
    bench.enqueue("[1]", "[2]")
    bench.container.status = 503
    await bench.deliver()
    bench.container.status = 200
    await bench.deliver()
    bench.clock.advance(10)
    await bench.deliver()
    assert bench.tally.attempts == 3


async def test_out_of_time_a_store_that_fails_is_tried_once_and_no_more():
    bench = JobBench()
    bench.enqueue("[1]")
    await handle_all(bench)
    bench.worker.jobs.before["commit"] = 1000
    bench.worker.ends.out_of_time.set()
    await bench.worker.written()
    assert bench.worker.jobs.before["commit"] == 999


async def test_a_bucket_that_takes_no_part_stops_receiving_at_once():
    bench = JobBench(record=replace(RECORD, results=True))
    bench.enqueue("[1]")
    await handle_all(bench)
    bench.worker.writes.before["write"] = 1000
    bench.worker.ends.out_of_time.set()
    await bench.worker.written()
    assert bench.worker.outages.suspects == ["results"]


async def test_a_store_that_fails_for_ever_leaves_the_messages_to_come_back():
    bench = JobBench()
    bench.enqueue("[1]")
    bench.worker.jobs.before["commit"] = 1000
    await handle_all(bench)
    await bench.worker.written()
    assert bench.ended() is None
    bench.clock.advance(31)
    bench.worker.jobs.before.clear()
    await bench.deliver()
    assert (bench.ended().attempt, bench.tally.succeeded) == (2, 1)


@pytest.mark.parametrize("results", [True, False], ids=["results", "no results"])
@settings(max_examples=60)
@given(data=st.data())
def test_however_ends_deaths_and_lost_answers_fall_together_counters_are_the_set_of_ended_batches(
    results, data
):
    asyncio.run(interleaved(results=results, data=data))


async def interleaved(*, results: bool, data: st.DataObject) -> None:
    bench = JobBench(record=replace(RECORD, results=results))
    workers = [bench.worker, bench.new_worker("two", ScriptedContainer())]
    workers[1].container.headers = {"content-type": "application/json"}
    count = data.draw(st.integers(1, 6))
    bench.enqueue(*(f"[{number}]" for number in range(count)))
    for _ in range(data.draw(st.integers(1, 12))):
        worker = data.draw(st.sampled_from(workers))
        worker.container.status = data.draw(st.sampled_from([200, 200, 400, 500]))
        fault = data.draw(st.sampled_from(["none", "before", "after"]))
        if fault != "none":
            getattr(worker.jobs, fault)["commit"] = data.draw(st.integers(1, 3))
        for delivery in bench.queue.take(data.draw(st.integers(1, 4))):
            # Some are lost with their worker, or not in time.
            if data.draw(st.booleans()):
                await worker.at_work.handler.handle(delivery)
        bench.clock.advance(data.draw(st.sampled_from([0, 5, 31])))
        if data.draw(st.booleans()):
            await worker.written()
    for worker in workers:
        await worker.written()
    await in_the_end(bench, workers[0])
    ends = [end for end, _ in bench.parts.batches[KEY].values()]
    failed = {end.id for end in ends if end.failure}
    assert {end.id for end in ends} == {f"0-{number}" for number in range(count)}
    assert (bench.tally.succeeded, bench.tally.failed) == (count - len(failed), len(failed))
    assert all(bench.object(f"failed/{batch}.json") for batch in failed)
    assert len(bench.queue) == 0
    if results:
        assert [line["batch"] for line in bench.lines("errors")] == sorted(failed)
        kept = [line["batch"] for line in bench.lines("results")]
        assert kept == sorted({end.id for end in ends} - failed)


async def in_the_end(bench: JobBench, worker: BenchWorker) -> None:
    """Nothing fails any more."""
    worker.container.status = 200
    worker.jobs.before.clear()
    worker.jobs.after.clear()
    while len(bench.queue):
        bench.clock.advance(31)
        await handle_all(bench, worker)
        await worker.written()
