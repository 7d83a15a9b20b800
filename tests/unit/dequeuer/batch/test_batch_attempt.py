from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace

import pytest

from dequeuer.container import NoAnswer
from penstock import keys
from penstock.batch import objects
from penstock.batch.commits import FinishedBatch
from penstock.batch.jobs import JobStatus
from penstock.outcomes import Trouble
from penstock.ports import DependencyError
from penstock.versions import VERSION, UnknownVersion
from tests.unit.dequeuer.batch.job_bench import KEY, RECORD, JobBench
from tests.unit.dequeuer.manual_time import settle
from tests.unit.dequeuer.workbench import until


@pytest.fixture
def bench() -> JobBench:
    return JobBench()


async def test_a_batch_runs_and_its_end_and_its_count_are_written_and_its_message_is_gone(bench):
    bench.enqueue("[1, 2]")
    await bench.deliver()
    assert bench.container.received == [b"[1, 2]"]
    ended = bench.ended()
    assert (ended.failure, ended.attempt, ended.items, ended.status_code) == (None, 1, 2, 200)
    assert (bench.tally.succeeded, bench.tally.failed, bench.tally.attempts) == (1, 0, 1)
    assert len(bench.queue) == 0


async def test_the_container_is_told_job_batch_and_attempt(bench):
    bench.enqueue("[1]")
    await bench.deliver()
    [outgoing] = bench.container.outgoing
    assert (outgoing.method, outgoing.path) == ("POST", "/")
    assert outgoing.headers == {
        "Content-Type": "application/json",
        "X-Penstock-Job-ID": KEY.id,
        "X-Penstock-Batch-ID": "0-0",
        "X-Penstock-Attempt": "1",
        "X-Cortex-Job-ID": KEY.id,
    }


async def test_a_body_that_lies_in_the_bucket_is_read_from_there(bench):
    bench.enqueue("[1, 2, 3]", key="jobs/sum/x/bodies/0-0.json")
    await bench.deliver()
    assert bench.container.received == [b"[1, 2, 3]"]
    assert bench.tally.succeeded == 1


async def test_a_body_that_is_gone_fails_its_batch_and_says_so(bench):
    bench.enqueue("[1]", key="jobs/sum/x/bodies/0-0.json")
    bench.objects.bodies.pop("jobs/sum/x/bodies/0-0.json")
    await bench.deliver()
    assert bench.ended().failure.code == "payload_missing"
    assert bench.ended().body_key == "jobs/sum/x/bodies/0-0.json"


async def test_what_may_pass_is_tried_again_after_its_wait_and_writes_nothing(bench):
    bench.enqueue("[1]")
    bench.container.status, bench.container.headers["retry-after"] = 503, "20"
    await bench.deliver()
    assert bench.ended() is None
    bench.clock.advance(19)
    assert bench.queue.take(1) == []
    bench.clock.advance(1)
    bench.container.status = 200
    await bench.deliver()
    assert [call.headers["X-Penstock-Attempt"] for call in bench.container.outgoing] == ["1", "2"]
    # The first one counts too, once the worker has something to write.
    assert (bench.ended().attempt, bench.tally.attempts) == (2, 2)


async def test_the_last_attempt_of_as_many_as_the_job_allows_fails_it_and_its_body_is_kept():
    bench = JobBench(record=replace(RECORD, max_attempts=2))
    bench.enqueue("[1]")
    bench.container.status = 500
    await bench.deliver()
    bench.clock.advance(4)
    await bench.deliver()
    ended = bench.ended()
    assert (ended.failure.code, ended.attempt, ended.status_code) == ("container_error", 2, 500)
    assert ended.body_key == keys.job_object(KEY, objects.failed("0-0"))
    assert bench.object("failed/0-0.json") == b"[1]"
    assert (bench.tally.failed, len(bench.queue)) == (1, 0)


async def test_a_failed_batchs_body_from_the_bucket_is_kept_as_well(bench):
    bench.enqueue("[1]", key="jobs/sum/x/bodies/0-0.json")
    bench.container.status = 400
    await bench.deliver()
    assert bench.object("failed/0-0.json") == b"[1]"


async def test_a_final_status_fails_it_at_once(bench):
    bench.enqueue("[1]")
    bench.container.status = 404
    await bench.deliver()
    assert (bench.ended().failure.code, bench.ended().attempt) == ("container_error", 1)


async def test_the_body_is_kept_before_the_end_is_written_however_long_that_takes(bench):
    bench.enqueue("[1]")
    bench.container.status = 400
    bench.worker.writes.before["write"] = 5
    await bench.deliver()
    assert bench.object("failed/0-0.json") == b"[1]"
    assert bench.tally.failed == 1
    assert len(bench.container.received) == 1


async def test_workers_that_die_use_the_attempts_up_and_then_it_fails_without_another_run(bench):
    bench.enqueue("[1]")
    for _ in range(3):
        assert len(bench.queue.take(1)) == 1
        bench.clock.advance(31)
    await bench.deliver()
    assert bench.container.received == []
    assert (bench.ended().failure.code, bench.ended().attempt) == ("worker_lost", 3)
    assert bench.object("failed/0-0.json") == b"[1]"


async def test_a_batch_that_comes_again_after_its_end_is_not_run_and_its_message_goes(bench):
    bench.enqueue("[1]")
    bench.queue.take(1)
    bench.clock.advance(31)
    bench.parts.batches[KEY]["0-0"] = (
        FinishedBatch(id="0-0", attempt=1, items=1, finished_ms=bench.clock()),
        "somebody's",
    )
    await bench.deliver()
    assert bench.container.received == []
    assert len(bench.queue) == 0
    assert bench.tally.finished == 0


@pytest.mark.parametrize("trouble", [Trouble.INCOMPLETE, Trouble.TIMEOUT])
async def test_no_complete_answer_is_tried_again_like_any_other_failure(bench, trouble):
    async def break_off():
        raise NoAnswer(trouble, "it broke off")

    bench.enqueue("[1]")
    bench.container.act = break_off
    for _ in range(3):
        await bench.deliver()
        bench.clock.advance(10)
    assert (bench.ended().failure.code, bench.ended().status_code) == (trouble, None)


async def test_an_unreachable_container_gives_the_batch_back_at_no_cost_and_is_doubted(bench):
    async def refuse():
        raise NoAnswer(Trouble.UNREACHABLE, "Nothing listens.")

    bench.enqueue("[1]")
    bench.container.act = refuse
    for pause in (5, 10, 20):
        await bench.deliver()
        bench.clock.advance(pause - 1)
        assert bench.queue.take(1) == [], "the pause grows"
        bench.clock.advance(1)
    assert bench.worker.doubted.is_set()
    bench.container.act = None
    await bench.deliver()
    assert [call.headers["X-Penstock-Attempt"] for call in bench.container.outgoing] == ["1"] * 4
    assert bench.ended().attempt == 1


async def test_only_twenty_times_is_it_given_back_at_no_cost(bench):
    async def refuse():
        raise NoAnswer(Trouble.UNREACHABLE, "Nothing listens.")

    bench.enqueue("[1]")
    bench.container.act = refuse
    for _ in range(23):
        await bench.deliver()
        bench.clock.advance(301)
    assert [call.headers["X-Penstock-Attempt"] for call in bench.container.outgoing[-3:]] == ["1", "2", "3"]
    await bench.deliver()
    assert (len(bench.container.outgoing), bench.ended().failure.code) == (23, "worker_lost")


async def test_while_the_table_is_down_a_redelivered_batch_waits_here_and_loses_no_attempt(bench):
    bench.enqueue("[1]")
    bench.queue.take(1)
    bench.clock.advance(31)
    bench.worker.jobs.before |= {"ended": 7, "releases": 7}
    await bench.deliver()
    assert bench.ended().attempt == 2


async def test_its_message_stays_hidden_until_its_end_is_written(bench):
    bench.enqueue("[1]")
    gate = asyncio.Event()
    bench.container.act = gate.wait
    (delivery,) = bench.queue.take(1)
    handling = asyncio.create_task(bench.worker.at_work.handler.handle(delivery))
    await until(lambda: bench.container.received)
    for _ in range(5):
        bench.clock.advance(20)
        bench.worker.beats.release()
        await until(bench.worker.beats.locked)
        await asyncio.sleep(0)
    gate.set()
    await handling
    # Nobody commits yet: it is held on.
    bench.clock.advance(20)
    bench.worker.beats.release()
    await until(bench.worker.beats.locked)
    await asyncio.sleep(0)
    bench.clock.advance(20)
    assert bench.queue.take(1) == []
    await bench.worker.written()
    assert (bench.tally.succeeded, len(bench.queue)) == (1, 0)


async def test_a_batch_that_waits_for_its_next_attempt_is_held_no_longer(bench):
    bench.enqueue("[1]")
    bench.container.status, bench.container.headers["retry-after"] = 503, "20"
    await bench.deliver()
    bench.clock.advance(15)
    bench.worker.beats.release()
    await settle()
    bench.clock.advance(5)
    assert len(bench.queue.take(1)) == 1


async def test_out_of_time_the_call_is_aborted_and_the_batch_goes_back_at_no_cost(bench):
    bench.enqueue("[1]")
    bench.container.act = asyncio.Event().wait
    (delivery,) = bench.queue.take(1)
    handling = asyncio.create_task(bench.worker.at_work.handler.handle(delivery))
    await until(lambda: bench.container.received)
    bench.worker.ends.out_of_time.set()
    await handling
    assert bench.container.aborted == 1
    bench.container.act = None
    other = bench.new_worker("two")
    await other.deliver()
    assert bench.ended().attempt == 1


async def test_a_batch_that_is_put_back_unopened_has_lost_no_attempt(bench):
    bench.enqueue("[1]")
    (delivery,) = bench.queue.take(1)
    await bench.worker.at_work.handler.put_back(delivery)
    await bench.deliver()
    assert bench.ended().attempt == 1


async def test_a_batch_that_older_workers_cannot_read_has_lost_no_attempt(bench):
    bench.enqueue("[1]")
    (entry,) = bench.queue._entries
    mine, entry.body = entry.body, entry.body.replace('"v":1', f'"v":{VERSION + 1}')
    for put_back in (False, True, False):
        (delivery,) = bench.queue.take(1)
        if put_back:
            await bench.worker.at_work.handler.put_back(delivery)
        else:
            with pytest.raises(UnknownVersion):
                await bench.worker.at_work.handler.handle(delivery)
            await bench.worker.source.release(delivery, delay_seconds=0)
    # Now a worker that can read it.
    entry.body = mine
    await bench.deliver()
    assert bench.ended().attempt == 1


@pytest.mark.parametrize("text", ["hello", '{"v":1,"api":"sum","job":"0000000000000000","complete":true}'])
async def test_a_message_that_is_not_the_jobs_goes_to_the_dead_letters(bench, text):
    bench.queue.put(text, group="g", deduplication_id="d")
    await bench.deliver()
    assert len(bench.queue) == 0
    assert len(bench.worker.source._whole.dead_letters) == 1


class TestResults:
    @pytest.fixture
    def bench(self) -> JobBench:
        return JobBench(record=replace(RECORD, results=True))

    async def test_an_answer_is_kept_with_its_own_text(self, bench):
        bench.enqueue("[1]")
        bench.container.body = b'{\n  "sum": 1.50, "big": 12345678901234567890.0\r\n}'
        await bench.deliver()
        [part] = bench.parts.stored[KEY].values()
        assert bench.objects.bodies[part.key] == (
            b'{"batch": "0-0", "status_code": 200, "content_type": "application/json", '
            b'"result": {   "sum": 1.50, "big": 12345678901234567890.0  }}\n'
        )
        assert (part.kind, part.lines, part.size_bytes) == ("results", 1, len(bench.objects.bodies[part.key]))

    @pytest.mark.parametrize(
        "body", [b"\xff\x00", b"plain", b"", b"NaN"], ids=["bytes", "text", "empty", "nan"]
    )
    async def test_what_is_no_json_is_kept_byte_for_byte(self, bench, body):
        bench.enqueue("[1]")
        bench.container.body, bench.container.headers = body, {}
        await bench.deliver()
        [line] = bench.lines("results")
        assert line["result_base64"] == base64.b64encode(body).decode()
        assert line["content_type"] is None

    async def test_a_large_answer_has_an_object_of_its_own_which_its_line_names(self, bench):
        bench.enqueue("[1]")
        bench.container.body = json.dumps("x" * 2_000_000).encode()
        await bench.deliver()
        [line] = bench.lines("results")
        assert bench.objects.bodies[line["result_key"]] == bench.container.body
        assert line["size_bytes"] == len(bench.container.body)

    async def test_errors_have_parts_of_their_own_with_reason_and_answer(self, bench):
        bench.enqueue("[1]", "[2]")
        await bench.deliver()
        bench.container.status, bench.container.body = 400, b'{"why": "odd"}'
        await bench.deliver()
        [line] = bench.lines("errors")
        assert line == {
            "batch": "0-1",
            "failure": {"code": "container_error", "message": "The container answered 400."},
            "attempt": 1,
            "status_code": 400,
            "content_type": "application/json",
            "result": {"why": "odd"},
        }
        assert [line["batch"] for line in bench.lines("results")] == ["0-0"]

    async def test_of_a_long_error_the_beginning_is_kept(self, bench):
        bench.enqueue("[1]")
        bench.container.status, bench.container.body = 400, b"x" * 100_000
        await bench.deliver()
        [line] = bench.lines("errors")
        assert (line["truncated"], line["size_bytes"], len(line["result_base64"])) == (True, 100_000, 87384)

    async def test_an_error_without_an_answer_has_a_line_too(self, bench):
        bench.enqueue("[1]")
        for _ in range(3):
            bench.queue.take(1)
            bench.clock.advance(31)
        await bench.deliver()
        [line] = bench.lines("errors")
        assert (line["failure"]["code"], "status_code" in line) == ("worker_lost", False)

    async def test_while_the_bucket_takes_no_large_answer_the_batch_goes_back_at_no_cost(self, bench):
        bench.enqueue("[1]")
        bench.container.body = json.dumps("x" * 2_000_000).encode()
        bench.worker.writes.before["write"] = 1
        await bench.deliver()
        assert bench.ended() is None
        bench.clock.advance(5)
        await bench.deliver()
        assert bench.ended().attempt == 1


async def test_without_results_nothing_of_the_answer_is_kept(bench):
    bench.enqueue("[1]")
    await bench.deliver()
    assert not bench.parts.stored[KEY]
    assert not [key for key in bench.objects.bodies if "/results/" in key]


async def test_a_failing_store_that_outlasts_the_patience_leaves_the_message_to_its_time(bench):
    bench.enqueue("[1]")
    bench.queue.take(1)
    bench.clock.advance(31)
    bench.worker.jobs.before["ended"] = 1000
    (delivery,) = bench.queue.take(1)
    with pytest.raises(DependencyError):
        await bench.worker.at_work.handler.handle(delivery)
    assert bench.now.status is JobStatus.ENQUEUING
    bench.clock.advance(31)
    assert len(bench.queue.take(1)) == 1
