from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.batch.closing import Closer
from penstock.kinds import Kind
from penstock.messages import Message
from penstock.ports import DependencyError, Refused
from penstock.records import RequestKey, Status
from penstock.testing import (
    ManualClock,
    MemoryJobOutbox,
    MemoryJobParts,
    MemoryJobs,
    MemoryObjects,
    MemoryQueue,
    MemoryRecords,
)
from recovery_lambda.job_recorder import JobRecorder
from recovery_lambda.letters import DeadLetter
from recovery_lambda.recorder import Recorder, StillOpen
from tests.examples import KEY, NOW_MS, record
from tests.unit.recovery.test_sweeper import entry

QUEUE = "penstock-demo-word-count-dlq.fifo"
JOBS_QUEUE = "penstock-demo-sum-dlq.fifo"


class Desk:
    def __init__(self) -> None:
        self.records, self.objects = MemoryRecords(), MemoryObjects()
        self.clock = ManualClock(NOW_MS)
        self.jobs, self.parts = MemoryJobs(), MemoryJobParts()
        self.outbox = MemoryJobOutbox({"q": MemoryQueue(self.clock)})
        self.malformed: list[str] = []
        self.undeliverable: list[str] = []
        self.recorder = Recorder(
            records=self.records,
            objects=self.objects,
            job_recorder=JobRecorder(
                jobs=self.jobs,
                parts=self.parts,
                bodies=self.objects,
                closer=Closer(jobs=self.jobs, parts=self.parts, outbox=self.outbox, clock=self.clock),
                clock=self.clock,
                on_undeliverable=self.undeliverable.append,
            ),
            clock=self.clock,
            owner={QUEUE: entry("word-count"), JOBS_QUEUE: replace(entry("sum"), kind=Kind.BATCH)}.get,
            on_malformed=self.malformed.append,
            on_undeliverable=self.undeliverable.append,
        )

    def plant(self, **changes) -> None:
        self.records.rows[KEY] = record(**changes)

    def record(self, body: str = Message(KEY).encode()) -> None:
        self.recorder.record(DeadLetter(queue=QUEUE, message_id="m-1", group="g-1", body=body))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_request_of_a_dead_letter_fails_and_is_counted(desk):
    desk.plant()
    desk.record()
    ended = desk.records.rows[KEY]
    assert (ended.status, ended.failure.code) == (Status.FAILED, "undeliverable")
    assert ended.expires_at == NOW_MS // 1000 + 600
    assert (desk.undeliverable, desk.malformed) == (["word-count"], [])


def test_a_dead_letter_that_is_given_out_again_changes_nothing(desk):
    desk.plant()
    desk.record()
    ended = desk.records.rows[KEY]
    desk.clock.advance(180)
    desk.record()
    assert desk.records.rows[KEY] == ended
    assert desk.undeliverable == ["word-count"]


def test_a_dead_letter_whose_worker_is_alive_stays_until_the_lease_is_dead(desk):
    desk.plant(status=Status.IN_PROGRESS, attempt=1, lease="x", lease_until_ms=NOW_MS + 5000)
    with pytest.raises(StillOpen):
        desk.record()
    assert desk.records.rows[KEY].status is Status.IN_PROGRESS
    desk.clock.advance(6)
    desk.record()
    assert desk.records.rows[KEY].status is Status.FAILED


def test_a_dead_letter_without_a_record_creates_none(desk):
    desk.record()
    assert desk.records.rows == {}


def test_a_request_that_a_worker_takes_up_meanwhile_is_left_to_it(desk):
    desk.plant()
    running = record(status=Status.IN_PROGRESS, lease="x", lease_until_ms=NOW_MS + 5000)
    desk.records.apply = lambda *_: Refused(running)
    with pytest.raises(StillOpen):
        desk.record()
    assert desk.undeliverable == []


OTHERS = Message(RequestKey(api="thumbnail", id=KEY.id)).encode()


@pytest.mark.parametrize("body", ["garbage", "", "\ud800", '{"v": 1}', OTHERS])
def test_what_is_no_request_of_the_api_is_kept_counted_and_done_with(desk, body):
    desk.plant()
    for _ in range(2):
        desk.record(body)
    kept = desk.objects.bodies
    assert list(kept) == ["malformed/word-count/m-1"]
    assert kept["malformed/word-count/m-1"].decode(errors="surrogatepass") == body
    assert desk.malformed == ["word-count", "word-count"]
    assert desk.records.rows[KEY] == record()


def test_what_cannot_be_kept_stays_in_the_queue(desk):
    def fail(*_args, **_kwargs):
        raise DependencyError("no bucket")

    desk.objects.put = fail
    with pytest.raises(DependencyError):
        desk.record("garbage")
    assert desk.malformed == []
