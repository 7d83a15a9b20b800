"""Dead letters of jobs: what no worker sees to its end is counted all the same, so that the job ends."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from penstock import keys
from penstock.batch.commits import Commit, FinishedBatch, Part, PartKind
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.messages import BatchMessage, CompleteMessage, JobMessage, decode
from penstock.batch.objects import MANIFEST
from penstock.batch.tallies import total
from penstock.ports import DependencyError
from recovery_lambda.letters import DeadLetter
from tests.examples import NOW_MS
from tests.unit.recovery.test_recorder import JOBS_QUEUE, Desk

JOB = JobRecord(
    api="sum",
    id="7fff000000000000",
    status=JobStatus.RUNNING,
    workers=2,
    caller="anonymous",
    fingerprint="f",
    created_ms=NOW_MS,
    max_attempts=3,
    queue_url="q",
    total=2,
)
BATCH = BatchMessage(job=JOB.key, batch="0-1", items=2, body="[1,2]")
COMPLETE = CompleteMessage(job=JOB.key)


class JobDesk(Desk):
    def plant_job(self, **changes: Any) -> None:
        self.jobs.rows[JOB.key] = replace(JOB, **changes)

    @property
    def job(self) -> JobRecord:
        return self.jobs.rows[JOB.key]

    def give(self, message: JobMessage = BATCH, *, message_id: str = "m-1", group: str | None = None) -> None:
        self.give_text(message.encode(), message_id=message_id, group=group or message.group)

    def give_text(self, body: str, *, message_id: str = "m-1", group: str = "g") -> None:
        self.recorder.record(DeadLetter(queue=JOBS_QUEUE, message_id=message_id, group=group, body=body))

    def worker_ends(self, batch: str, token: str = "w", part: Part | None = None) -> frozenset[str]:
        ended = FinishedBatch(id=batch, attempt=1, duration_ms=5, items=2, finished_ms=NOW_MS)
        return self.parts.commit(
            Commit(
                key=JOB.key,
                worker="w",
                token=token,
                batches=(ended,),
                parts=(part,) if part else (),
                expires_at=NOW_MS // 1000 + 9,
            )
        )

    @property
    def counted(self) -> tuple[int, int]:
        tally = total(self.parts.tallies(JOB.key))
        return tally.succeeded, tally.failed

    @property
    def sent(self) -> list[JobMessage]:
        return [decode(entry.body) for entry in self.outbox.queues["q"]._entries]


@pytest.fixture
def desk() -> JobDesk:
    return JobDesk()


def test_a_batch_of_a_dead_letter_counts_as_failed_and_can_be_run_again_from_its_body(desk):
    desk.plant_job()
    desk.give()
    (failed,) = desk.parts.failed(JOB.key, after=None, limit=9)
    assert (failed.id, failed.failure.code, failed.items) == ("0-1", "undeliverable", 2)
    assert desk.objects.bodies[failed.body_key] == b"[1,2]"
    assert failed.body_key == "jobs/sum/7fff000000000000/failed/0-1.json"
    assert desk.counted == (0, 1)
    assert desk.undeliverable == ["sum"]


def test_the_body_is_stored_before_the_batch_is_recorded(desk):
    desk.plant_job()

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise DependencyError("no bucket")

    desk.objects.put = fail
    with pytest.raises(DependencyError):
        desk.give()
    assert desk.counted == (0, 0)


def test_a_body_that_lies_in_s3_stays_where_it_is(desk):
    desk.plant_job()
    key = "jobs/sum/7fff000000000000/bodies/0-1.json"
    desk.give(BatchMessage(job=JOB.key, batch="0-1", items=2, body_key=key))
    assert desk.parts.failed_batch(JOB.key, "0-1").body_key == key
    assert desk.objects.bodies == {}


def test_a_batch_that_a_worker_ended_first_keeps_its_end_whatever_the_recorder_finds(desk):
    desk.plant_job()
    desk.worker_ends("0-1")
    desk.give()
    assert desk.counted == (1, 0)
    assert desk.undeliverable == []


def test_a_worker_that_comes_later_than_the_recorder_is_told_so(desk):
    desk.plant_job()
    desk.give()
    assert desk.worker_ends("0-1") == {"0-1"}
    assert desk.counted == (0, 1)


def test_a_dead_letter_given_out_again_or_sent_twice_counts_once(desk):
    desk.plant_job()
    desk.give()
    desk.give()
    desk.give(message_id="m-2")
    assert desk.counted == (0, 1)


def test_the_last_batch_that_the_recorder_counts_closes_the_job(desk):
    desk.plant_job()
    desk.worker_ends("0-0")
    desk.give()
    assert desk.job.status is JobStatus.COMPLETING
    assert desk.sent == [COMPLETE]


def test_a_recorder_that_died_before_it_closed_the_job_closes_it_when_it_gets_the_letter_again(desk):
    desk.plant_job(total=1)
    desk.give()
    desk.plant_job(total=1)  # as it was before the close
    desk.give()
    assert desk.job.status is JobStatus.COMPLETING


def test_a_job_that_is_not_sealed_goes_on(desk):
    desk.plant_job(status=JobStatus.ENQUEUING, total=None)
    desk.give()
    assert desk.counted == (0, 1)
    assert desk.job.status is JobStatus.ENQUEUING
    assert desk.sent == []


def test_a_job_whose_queue_is_gone_when_its_last_message_is_due_is_no_fault(desk):
    desk.plant_job(total=1)
    desk.outbox.queues.clear()
    desk.give()
    assert desk.counted == (0, 1)


@pytest.mark.parametrize("status", [JobStatus.STOPPED, JobStatus.SUCCEEDED, None])
@pytest.mark.parametrize("message", [BATCH, COMPLETE], ids=["batch", "complete"])
def test_dead_letters_of_a_job_that_has_ended_or_is_unknown_change_nothing(desk, status, message):
    if status:
        desk.plant_job(status=status)
    before = dict(desk.jobs.rows)
    desk.give(message)
    assert desk.jobs.rows == before
    assert desk.counted == (0, 0)
    assert desk.objects.bodies == {}
    assert desk.undeliverable == []


def test_a_job_whose_last_message_is_dead_ends_with_the_hook_s_failure(desk):
    desk.plant_job(status=JobStatus.COMPLETING)
    desk.worker_ends("0-0")
    desk.give(BATCH)
    desk.give(COMPLETE)
    assert desk.job.status is JobStatus.COMPLETED_WITH_FAILURES
    assert desk.job.hook.failure.code == "undeliverable"
    assert (desk.job.succeeded, desk.job.failed, desk.job.cancelled) == (1, 1, 0)
    assert desk.job.expires_at == NOW_MS // 1000 + 600


def test_results_of_a_job_whose_last_message_is_dead_have_a_manifest(desk):
    desk.plant_job(status=JobStatus.COMPLETING, results=True)
    part = Part(id="p", kind=PartKind.RESULTS, key="p.jsonl", size_bytes=9, lines=1)
    desk.worker_ends("0-0", part=part)
    desk.give(BATCH)
    desk.give(COMPLETE)
    [line] = desk.objects.bodies[keys.job_object(JOB.key, MANIFEST)].decode().splitlines()
    assert json.loads(line)["key"] == "p.jsonl"


def test_a_dead_last_message_does_not_end_a_job_that_is_being_stopped(desk):
    desk.plant_job(status=JobStatus.STOPPING, ending=JobStatus.STOPPED)
    desk.give(COMPLETE)
    assert desk.job.status is JobStatus.STOPPING
    assert desk.undeliverable == []


MALFORMED = {
    "no JSON": "garbage",
    "a request": json.dumps({"v": 1, "api": "sum", "id": "a" * 26}),
    "another API, whose name begins alike": replace(BATCH, job=JobKey(api="sum-2", id=JOB.id)).encode(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_message_of_the_api_s_jobs_is_kept_for_somebody_to_look_at(desk, name):
    desk.plant_job()
    desk.give_text(MALFORMED[name], group="0-1")
    assert desk.objects.bodies == {"malformed/sum/m-1": MALFORMED[name].encode()}
    assert (desk.malformed, desk.undeliverable) == (["sum"], [])
    assert desk.counted == (0, 0)


def test_what_a_worker_rejected_from_another_job_s_queue_fails_no_batch(desk):
    desk.plant_job()
    desk.give(group="id-of-the-rejected-message")
    assert desk.counted == (0, 0)
    assert list(desk.objects.bodies) == ["malformed/sum/m-1"]
