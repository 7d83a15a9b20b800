from __future__ import annotations

import asyncio

import pytest

from dequeuer.container import NoAnswer
from penstock import transitions
from penstock.messages import Message
from penstock.outcomes import Trouble
from penstock.ports import DependencyError
from penstock.records import Failure, PayloadRef, RequestKey, Status
from penstock.testing import MemoryObjects
from tests.examples import KEY, NOW_MS
from tests.unit.dequeuer.workbench import Workbench, until


@pytest.fixture
def bench() -> Workbench:
    return Workbench()


async def test_a_request_runs_its_result_is_stored_and_nothing_is_left_over(bench):
    bench.submit()
    await bench.deliver()
    assert bench.container.received == [b"hello"]
    assert bench.now.status is Status.COMPLETED
    assert bench.results == {bench.now.result.key: b"result"}
    assert (bench.now.result.status_code, bench.now.result.content_type) == (200, "text/plain")
    assert (bench.now.result.size_bytes, bench.now.attempt) == (6, 1)
    assert bench.payloads == {}
    assert len(bench.queue) == 0


async def test_an_empty_payload_and_an_empty_answer_are_a_result_too(bench):
    bench.submit(b"")
    bench.container.body, bench.container.status, bench.container.headers = b"", 204, {}
    await bench.deliver()
    assert bench.now.status is Status.COMPLETED
    assert list(bench.results.values()) == [b""]


@pytest.mark.parametrize(("status", "attempt"), [(404, 0), (500, 2)])
async def test_an_answer_that_is_final_fails_the_request_and_keeps_answer_and_payload(bench, status, attempt):
    bench.submit(attempt=attempt)
    bench.container.status, bench.container.body = status, b"boom"
    await bench.deliver()
    assert (bench.now.status, bench.now.failure.code) == (Status.FAILED, "container_error")
    assert list(bench.results.values()) == [b"boom"]
    assert list(bench.payloads.values()) == [b"hello"]
    assert len(bench.queue) == 0


@pytest.mark.parametrize("trouble", [Trouble.INCOMPLETE, Trouble.TIMEOUT])
async def test_no_complete_answer_to_the_last_attempt_fails_the_request_with_its_kind(bench, trouble):
    async def break_off():
        raise NoAnswer(trouble, "it broke off")

    bench.submit(attempt=2)
    bench.container.act = break_off
    await bench.deliver()
    assert (bench.now.status, bench.now.failure.code) == (Status.FAILED, trouble)
    assert bench.results == {}


async def test_a_request_that_is_put_back_is_there_for_others_at_once_and_has_lost_nothing(bench):
    bench.submit()
    [delivery] = bench.queue.take(1)
    await bench.attempts.put_back(delivery)
    assert (bench.now.attempt, bench.now.releases) == (0, 0)
    await bench.deliver()
    assert bench.now.status is Status.COMPLETED


async def test_a_failed_attempt_is_tried_again_after_its_wait_and_leaves_nothing_but_its_error(bench):
    bench.submit()
    bench.container.status, bench.container.headers["retry-after"] = 503, "20"
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt, bench.now.releases) == (Status.IN_QUEUE, 1, 0)
    assert bench.now.last_failure == Failure(code="container_error", message="The container answered 503.")
    assert bench.now.not_before_ms == NOW_MS + 20_000
    assert bench.results == {}
    assert list(bench.payloads.values()) == [b"hello"]
    bench.clock.advance(19)
    assert bench.queue.take(1) == []
    bench.clock.advance(1)
    bench.container.status = 200
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.COMPLETED, 2)


async def test_a_request_that_always_fails_runs_as_often_as_it_may_and_not_once_more(bench):
    bench.submit()
    bench.container.status = 500
    while len(bench.queue):
        for delivery in bench.queue.take(1):
            await bench.attempts.handle(delivery)
        await bench.cleaner.flush()
        bench.clock.advance(1)
    assert len(bench.container.received) == 3
    assert (bench.now.status, bench.now.attempt) == (Status.FAILED, 3)
    assert list(bench.results.values()) == [b"result"]


async def test_a_request_whose_deadline_comes_before_its_next_attempt_fails_with_its_own_error(bench):
    bench.submit(deadline_ms=NOW_MS + 500)
    bench.container.status = 500
    await bench.deliver()
    assert (bench.now.status, bench.now.failure.code) == (Status.FAILED, "container_error")
    assert list(bench.results.values()) == [b"result"]


async def test_a_message_that_comes_back_before_the_wait_is_over_starts_nothing(bench):
    """As if the worker had died between the record and the message: the wait stands in the record (R11)."""
    bench.submit()
    bench.container.status, bench.container.headers["retry-after"] = 503, "60"
    bench.source.before["release"] = 1
    with pytest.raises(DependencyError):
        await bench.deliver()
    bench.clock.advance(31)
    await bench.deliver()
    assert len(bench.container.received) == 1
    assert bench.now.not_before_ms == NOW_MS + 60_000
    assert bench.queue.take(1) == [], "hidden for the rest of the wait"
    bench.clock.advance(30)
    bench.container.status = 200
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.COMPLETED, 2)


async def test_a_retry_whose_answer_was_lost_is_recognised_as_our_own(bench):
    bench.submit()
    bench.container.status = 500
    bench.ledger.after["apply:retry"] = 1
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.now.status is Status.IN_QUEUE)
    bench.beats.release()
    await running
    assert (bench.now.attempt, bench.now.releases) == (1, 0)
    assert bench.queue.take(1) == [], "hidden until the next attempt"
    bench.clock.advance(2)
    bench.container.status = 200
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.COMPLETED, 2)


async def test_a_request_that_nobody_listened_to_goes_back_and_the_container_is_doubted(bench):
    async def refuse():
        raise NoAnswer(Trouble.UNREACHABLE, "nothing listens")

    bench.submit()
    bench.container.act = refuse
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.IN_QUEUE, 0)
    assert bench.doubted.is_set()
    assert bench.queue.take(1) == []
    bench.clock.advance(5)
    assert len(bench.queue.take(1)) == 1


async def test_a_payload_that_is_gone_fails_the_request(bench):
    bench.submit()
    bench.objects.bodies.clear()
    await bench.deliver()
    assert bench.now.failure.code == "payload_missing"
    assert bench.container.received == []


async def test_credentials_in_a_response_are_not_stored(bench):
    bench.submit()
    bench.container.headers = {"set-cookie": "secret", "etag": "1", "content-type": "text/plain"}
    await bench.deliver()
    assert bench.now.result.headers == {"etag": "1"}


async def test_a_duplicate_delivery_does_not_disturb_running_work(bench):
    bench.submit(status=Status.IN_PROGRESS, lease="theirs", lease_until_ms=NOW_MS + 20_000, attempt=1)
    before = bench.now
    await bench.deliver()
    assert bench.now == before
    assert bench.container.received == []
    bench.clock.advance(19)
    assert bench.queue.take(1) == []
    bench.clock.advance(2)
    assert len(bench.queue.take(1)) == 1


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED])
async def test_the_message_of_an_ended_request_is_deleted_without_a_run(bench, status):
    bench.submit(status=status)
    await bench.deliver()
    assert bench.container.received == []
    assert len(bench.queue) == 0


async def test_the_message_of_an_unknown_request_is_deleted_and_creates_no_record(bench):
    bench.submit()
    bench.records.rows.clear()
    await bench.deliver()
    assert bench.records.rows == {}
    assert len(bench.queue) == 0


OTHERS = Message(RequestKey(api="thumbnail", id="a" * 26)).encode()


@pytest.mark.parametrize("text", ["garbage", "{}", OTHERS])
async def test_a_malformed_message_moves_to_the_dead_letter_queue_at_once(bench, text):
    bench.queue.put(text, group="g", deduplication_id="g")
    await bench.deliver()
    assert len(bench.queue) == 0
    assert [letter.body for letter in bench.dead_letters.take(10)] == [text]


async def test_a_malformed_message_that_cannot_be_moved_stays(bench):
    bench.queue.put("garbage", group="g", deduplication_id="g")
    bench.source.before["reject"] = 1
    with pytest.raises(DependencyError):
        await bench.deliver()
    assert (len(bench.queue), len(bench.dead_letters)) == (1, 0)
    bench.clock.advance(31)
    await bench.deliver()
    assert (len(bench.queue), len(bench.dead_letters)) == (0, 1)


async def test_a_dead_workers_request_runs_again(bench):
    bench.submit(status=Status.IN_PROGRESS, lease="dead", lease_until_ms=NOW_MS - 1, attempt=1)
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.COMPLETED, 2)


async def test_a_request_that_kills_its_workers_is_given_up_after_its_attempts(bench):
    bench.submit(status=Status.IN_PROGRESS, lease="dead", lease_until_ms=NOW_MS - 1, attempt=3)
    await bench.deliver()
    assert (bench.now.status, bench.now.failure.code) == (Status.FAILED, "worker_lost")
    assert bench.container.received == []
    assert len(bench.queue) == 0


async def test_a_request_past_its_deadline_never_starts(bench):
    bench.submit(deadline_ms=NOW_MS)
    await bench.deliver()
    assert bench.now.status is Status.EXPIRED
    assert bench.container.received == []


async def test_cancelling_aborts_the_call_at_the_next_heartbeat(bench):
    bench.submit()
    bench.container.act = asyncio.Event().wait
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.container.received)
    bench.records.apply(KEY, transitions.cancel(now_ms=bench.clock(), retention_seconds=600))
    bench.beats.release()
    await running
    assert bench.container.aborted == 1
    assert bench.now.status is Status.CANCELLED
    assert len(bench.queue) == 0


async def test_each_heartbeat_extends_lease_and_message_by_the_same_however_long_it_ran(bench):
    bench.submit()
    bench.container.act = asyncio.Event().wait
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.container.received)
    for _ in range(400):
        bench.clock.advance(10)
        bench.beats.release()
        await until(lambda: bench.now.lease_until_ms == bench.clock() + 30_000)
        assert bench.queue.take(1) == []
    bench.clock.advance(31)
    assert len(bench.queue.take(1)) == 1, "a dead worker's message is back after one lease"
    bench.out_of_time.set()
    await running


async def test_a_stale_workers_late_result_loses(bench):
    """Frozen past its lease; another worker finishes; then the first one wakes up."""

    async def somebody_else_wins():
        bench.clock.advance(31)
        bench.records.apply(
            KEY, transitions.claim(lease="b", now_ms=bench.clock(), lease_until_ms=2**50, max_attempts=3)
        )
        bench.objects.bodies["results/winner"] = b"winner"

    bench.submit()
    bench.container.act = somebody_else_wins
    await bench.deliver()
    assert (bench.now.status, bench.now.lease) == (Status.IN_PROGRESS, "b")
    assert bench.results == {"results/winner": b"winner"}
    assert list(bench.payloads.values()) == [b"hello"]
    assert len(bench.queue) == 1, "the winner's message is not deleted"


async def test_when_time_runs_out_the_request_goes_back_with_its_attempt(bench):
    bench.submit()
    bench.container.act = asyncio.Event().wait
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.container.received)
    bench.out_of_time.set()
    await running
    assert bench.container.aborted == 1
    assert (bench.now.status, bench.now.attempt, bench.now.releases) == (Status.IN_QUEUE, 0, 1)
    assert len(bench.queue.take(1)) == 1, "others may take it at once"


async def test_a_failing_result_store_gives_the_request_back_after_a_pause(bench):
    class Down(MemoryObjects):
        def put(self, key, body, *, content_type):
            raise DependencyError("down")

    bench.objects = Down()
    bench.__post_init__()
    bench.submit()
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.IN_QUEUE, 0)
    assert bench.queue.take(1) == []
    bench.clock.advance(5)
    assert len(bench.queue.take(1)) == 1
    assert list(bench.payloads.values()) == [b"hello"]


async def test_an_hours_outage_of_the_result_store_ends_no_request(bench):
    class Down(MemoryObjects):
        down = True

        def put(self, key, body, *, content_type):
            if self.down:
                raise DependencyError("down")
            super().put(key, body, content_type=content_type)

    bench.objects = Down()
    bench.__post_init__()
    bench.submit()
    start_ms = bench.clock()
    while bench.clock() - start_ms < 3600 * 1000:
        for delivery in bench.queue.take(1):
            await bench.attempts.handle(delivery)
        bench.clock.advance(1)
    assert bench.now.status is Status.IN_QUEUE
    assert len(bench.container.received) < 25
    bench.objects.down = False
    bench.clock.advance(300)
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.COMPLETED, 1)


async def test_an_outcome_whose_answer_was_lost_is_recognised_as_our_own(bench):
    bench.submit()
    bench.ledger.after["apply:complete"] = 1
    await bench.deliver()
    assert bench.now.status is Status.COMPLETED
    assert list(bench.results.values()) == [b"result"]
    assert len(bench.queue) == 0


async def test_finished_work_is_committed_when_the_table_answers_again(bench, monkeypatch):
    monkeypatch.setattr("dequeuer.pauses.MAX_COMMIT_PAUSE_SECONDS", 0)
    bench.submit()
    bench.ledger.before["apply:complete"] = 3
    await bench.deliver()
    assert bench.now.status is Status.COMPLETED
    assert bench.container.received == [b"hello"], "the container ran once"


@pytest.mark.parametrize(
    ("claim_seconds", "first_wait_seconds"),
    [
        (0, 10),
        (7, 3),
        # The lease has less left than the beats that it must outlast.
        (25, 0),
        # The machine's clock was set back.
        (-60, 10),
    ],
)
async def test_what_a_claim_takes_is_made_up_for_by_the_first_heartbeat(
    bench, claim_seconds, first_wait_seconds
):
    bench.submit()
    apply = bench.records.apply

    def slow(key, transition):
        answer = apply(key, transition)
        if transition.move is transitions.Move.CLAIM:
            bench.clock.advance(claim_seconds)
        return answer

    bench.records.apply = slow
    gate = asyncio.Event()
    bench.container.act = gate.wait
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.container.received)
    bench.beats.release()
    await until(lambda: len(bench.beat_waits) == 2)
    assert bench.beat_waits == [first_wait_seconds, 10]
    gate.set()
    await running


async def test_a_heartbeat_that_cannot_extend_the_message_does_not_stop_the_work(bench):
    bench.submit()
    gate = asyncio.Event()
    bench.container.act = gate.wait
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.container.received)
    bench.source.before["extend"] = 1
    bench.beats.release()
    await until(lambda: bench.source.before["extend"] == 0)
    gate.set()
    await running
    assert bench.now.status is Status.COMPLETED


async def test_a_heartbeat_that_cannot_reach_the_table_proves_nothing(bench):
    bench.submit()
    gate = asyncio.Event()
    bench.container.act = gate.wait
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.container.received)
    bench.ledger.before["apply:renew"] = 2
    for _ in range(2):
        bench.beats.release()
    await until(lambda: bench.ledger.before["apply:renew"] == 0)
    gate.set()
    await running
    assert bench.now.status is Status.COMPLETED


async def test_a_claim_whose_answer_was_lost_finds_itself_and_costs_no_attempt(bench):
    bench.submit()
    bench.ledger.after["apply:claim"] = 1
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.COMPLETED, 1)


async def test_an_outcome_met_by_the_heartbeat_after_its_answer_was_lost_is_our_own(bench, caplog):
    caplog.set_level("INFO")
    bench.submit()
    bench.ledger.after["apply:complete"] = 1
    running = asyncio.create_task(bench.deliver())
    await until(lambda: bench.now.status is Status.COMPLETED)
    bench.beats.release()
    await running
    assert bench.results == {bench.now.result.key: b"result"}
    assert (bench.payloads, len(bench.queue)) == ({}, 0)
    assert "request ended" in caplog.messages


async def test_a_payload_left_by_a_crash_is_deleted_by_the_redelivery(bench):
    bench.submit(status=Status.COMPLETED)
    await bench.deliver()
    assert (bench.payloads, len(bench.queue)) == ({}, 0)


async def test_a_claim_that_is_tried_again_is_made_as_of_then(bench, monkeypatch):
    """The first try may have taken long to fail: the deadline may be over by now."""
    bench.submit(deadline_ms=NOW_MS + 5000)
    apply = bench.ledger.apply

    async def slow(key, transition):
        if transition.move is transitions.Move.CLAIM and bench.clock() == NOW_MS:
            bench.clock.advance(10)
            raise DependencyError("claim failed")
        return await apply(key, transition)

    monkeypatch.setattr(bench.ledger, "apply", slow, raising=False)
    await bench.deliver()
    assert bench.now.status is Status.EXPIRED
    assert bench.container.received == []


async def test_a_claim_that_cannot_be_settled_is_taken_up_by_the_next_delivery(bench):
    bench.submit()
    bench.ledger.after["apply:claim"] = 2
    with pytest.raises(DependencyError):
        await bench.deliver()
    bench.clock.advance(31)
    await bench.deliver()
    assert (bench.now.status, bench.now.attempt) == (Status.COMPLETED, 2)


async def test_a_failed_clean_up_costs_only_another_delivery(bench):
    bench.submit()
    bench.source.before["ack"] = 1
    await bench.deliver()
    assert len(bench.queue) == 1
    bench.clock.advance(31)
    await bench.deliver()
    assert len(bench.queue) == 0
    assert bench.container.received == [b"hello"]


THEIRS = PayloadRef(key="clip.mp4", size_bytes=5, bucket="theirs", etag='"5d41402abc4b2a76b9719d911017c592"')


async def test_a_payload_of_the_users_is_read_and_never_deleted(bench):
    bench.submit(payload=THEIRS)
    bench.objects.bodies.clear()
    bench.objects.foreign["theirs", "clip.mp4"] = b"hello"
    # Under the same key in our bucket lies somebody else's object.
    bench.objects.bodies["clip.mp4"] = b"not this one"
    await bench.deliver()
    assert bench.container.received == [b"hello"]
    assert bench.now.status is Status.COMPLETED
    assert bench.objects.foreign == {("theirs", "clip.mp4"): b"hello"}
    assert bench.objects.bodies["clip.mp4"] == b"not this one"
    assert len(bench.queue) == 0


async def test_the_message_of_a_completed_request_is_deleted_and_the_users_object_is_not(bench):
    bench.submit(payload=THEIRS, status=Status.COMPLETED)
    bench.objects.foreign["theirs", "clip.mp4"] = b"hello"
    await bench.deliver()
    assert bench.objects.foreign == {("theirs", "clip.mp4"): b"hello"}
    assert "clip.mp4" in bench.objects.bodies
    assert len(bench.queue) == 0


@pytest.mark.parametrize(
    ("found", "code"), [({("theirs", "clip.mp4"): b"other"}, "payload_changed"), ({}, "payload_missing")]
)
async def test_a_payload_that_was_replaced_or_removed_after_the_submission_fails_the_request(
    bench, found, code
):
    bench.submit(payload=THEIRS)
    bench.objects.foreign |= found
    await bench.deliver()
    assert (bench.now.status, bench.now.failure.code) == (Status.FAILED, code)
    assert bench.container.received == []
    assert bench.results == {}
    assert bench.objects.foreign == found
