"""The end of a job, whoever brings it about, and whatever crashes on the way."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from batch_lambda.finish import MOST_LAST_WORKERS, PATIENCE_MS, Next, Step
from penstock.batch import stops
from penstock.batch.jobs import Hook, JobStatus
from penstock.batch.lanes import Death, Lane
from penstock.ports import DependencyError
from tests.unit.batch.site import ARN, KEY, RETENTION_SECONDS, Site, site

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = "jobs/sum/63ffffffffffffff/manifest.jsonl"


def counts(here: Site) -> tuple[int | None, int | None, int | None]:
    return here.record.succeeded, here.record.failed, here.record.cancelled


def nothing_left(here: Site) -> bool:
    return not here.queues.urls and not here.timers.due


def test_a_job_that_ended_by_itself_is_only_cleaned_up_after():
    here = site()
    before = here.plant(JobStatus.SUCCEEDED, succeeded=3, failed=0, cancelled=0)
    here.timers.set(KEY, at_ms=1)

    assert here.finish() == Step(Next.DONE)
    assert here.record == before
    assert nothing_left(here)


def test_what_a_job_left_behind_goes_even_when_its_record_is_gone():
    here = site()
    here.queues.create(KEY)
    here.timers.set(KEY, at_ms=1)

    assert here.finish() == Step(Next.DONE)
    assert nothing_left(here)


def test_a_stopped_job_ends_when_its_workers_are_gone():
    here = site()
    here.plant(JobStatus.STOPPING, total=10)
    here.end_batches("a", 3, 1)
    here.work("a")

    assert here.finish() == Step(Next.WAIT, wait_seconds=5)
    assert not here.record.status.terminal

    here.work("a", left=True)
    assert here.finish() == Step(Next.DONE)
    assert here.record.status is JobStatus.STOPPED
    assert counts(here) == (3, 1, 6)
    assert here.record.expires_at == here.clock() // 1000 + RETENTION_SECONDS
    assert nothing_left(here)


def test_a_killed_worker_is_waited_for_until_it_counts_as_lost():
    here = site()
    here.plant(JobStatus.STOPPING, total=1)
    here.work("killed")

    here.clock.advance(60)
    assert here.finish().next is Next.WAIT
    here.clock.advance(1)
    assert here.finish().next is Next.DONE


def test_a_worker_that_does_not_leave_is_not_waited_for_for_ever():
    here = site()
    here.plant(JobStatus.STOPPING, total=1)
    started_ms = here.clock()
    here.work("stubborn")

    while here.finish().next is Next.WAIT:
        here.clock.advance(5)
        here.work("stubborn")

    assert here.clock() - started_ms == PATIENCE_MS
    assert here.record.status is JobStatus.STOPPED


def test_what_a_worker_counts_after_the_end_changes_nothing():
    here = site()
    here.plant(JobStatus.STOPPING, total=5)
    here.finish()
    here.end_batches("late", 2)
    before = here.record

    here.finish()

    assert here.record == before
    assert counts(here) == (0, 0, 5)


def test_a_job_stopped_during_enqueuing_cancels_what_was_enqueued():
    here = site()
    here.plant(JobStatus.STOPPING)
    here.enqueue(4, 3)
    here.end_batches("a", 2)

    here.finish()

    assert counts(here) == (2, 0, 5)


@pytest.mark.parametrize("ending", [JobStatus.STOPPED, JobStatus.TIMED_OUT, JobStatus.ENQUEUE_FAILED])
def test_stopping_twice_keeps_the_first_reason(ending):
    here = site()
    here.plant(JobStatus.RUNNING, total=1)

    here.stopper.stop(KEY, ending=ending, failure=stops.TIMED_OUT)
    here.stopper.stop(KEY, ending=JobStatus.STOPPED, failure=stops.NO_WORKERS)
    here.finish()
    here.stopper.stop(KEY, ending=JobStatus.STOPPED, failure=stops.NO_WORKERS)

    assert here.record.status is ending
    assert here.record.failure == stops.TIMED_OUT


def test_a_stop_of_a_job_that_is_gone_is_no_error():
    site().stopper.stop(KEY, ending=JobStatus.STOPPED, failure=stops.NO_WORKERS)


def test_results_up_to_an_early_end_have_a_manifest():
    here = site()
    here.plant(JobStatus.STOPPING, total=9, results=True)
    here.end_batches("a", 2, results=True)

    here.finish()

    [line] = here.bodies.bodies[MANIFEST].decode().splitlines()
    assert json.loads(line)["key"] == "a-0.jsonl"


def test_a_job_that_keeps_no_results_has_no_manifest():
    here = site()
    here.plant(JobStatus.STOPPING, total=9)

    here.finish()

    assert MANIFEST not in here.bodies.bodies


def test_a_job_whose_lanes_ended_before_its_batches_is_a_workers_error():
    here = site()
    here.plant(JobStatus.RUNNING, total=2)
    here.end_batches("a", 1)

    here.finish()

    assert here.record.status is JobStatus.WORKER_ERROR
    assert here.record.failure == stops.NO_WORKERS
    assert counts(here) == (1, 0, 1)


def test_a_job_whose_lanes_are_over_says_what_its_workers_died_of():
    here = site()
    here.plant(JobStatus.RUNNING, total=2, workers=1)
    lane = Lane(index=0, over=True, last_death=Death.OUT_OF_MEMORY, reason="OutOfMemoryError")
    here.parts.put_lane(KEY, lane, expires_at=0)

    here.finish()

    assert here.record.status is JobStatus.WORKER_OOM


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.ENQUEUING])
def test_a_job_that_never_got_all_its_batches_is_an_enqueuing_error_with_its_cause(status):
    here = site()
    here.plant(status)
    cause = json.dumps({"errorType": "DependencyError", "errorMessage": "no more queues"})

    here.finish(fault={"Error": "DependencyError", "Cause": cause})

    assert here.record.status is JobStatus.ENQUEUE_FAILED
    assert here.record.failure.message == "The job's batches could not be made: no more queues"


def test_a_job_whose_workers_died_after_its_last_batch_gets_another_one_for_the_last_call():
    here = site()
    here.plant(JobStatus.RUNNING, total=2)
    here.end_batches("a", 2)

    step = here.finish()

    assert step == Step(Next.WORK, last_workers=1)
    assert here.record.status is JobStatus.COMPLETING
    [queue] = here.messages.values()
    assert len(queue) == 1


def test_a_last_call_that_no_worker_makes_is_given_up_and_told():
    here = site()
    here.plant(JobStatus.RUNNING, total=3, results=True)
    here.end_batches("a", 2, 1, results=True)
    asked = 0
    step = here.finish()
    while step.next is Next.WORK:
        asked += 1
        step = here.finish(last_workers=step.last_workers)

    assert asked == MOST_LAST_WORKERS
    assert step.next is Next.DONE
    assert here.record.status is JobStatus.COMPLETED_WITH_FAILURES
    assert here.record.hook == Hook(attempts=0, failure=stops.HOOK_UNCALLED)
    assert counts(here) == (2, 1, 0)
    assert MANIFEST in here.bodies.bodies


def test_a_queue_that_somebody_deleted_does_not_keep_a_job_from_ending():
    here = site()
    here.plant(JobStatus.COMPLETING)
    here.messages.clear()

    here.run_to_the_end()

    assert here.record.status is JobStatus.SUCCEEDED
    assert here.record.hook.failure == stops.HOOK_UNCALLED


def test_an_execution_that_was_aborted_stops_its_job():
    here = site()
    here.plant(JobStatus.ENQUEUING)
    here.enqueue(4)
    here.work("a")

    assert here.finish(execution="ABORTED").next is Next.WAIT
    here.work("a", left=True)
    assert here.finish(execution="ABORTED").next is Next.DONE

    assert here.record.status is JobStatus.STOPPED
    assert counts(here) == (0, 0, 4)
    assert nothing_left(here)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_an_execution_that_failed_fails_its_job(status):
    here = site()
    here.plant(JobStatus.RUNNING, total=4)

    assert here.finish(execution=status).next is Next.DONE
    assert here.record.status is JobStatus.WORKER_ERROR
    assert status in here.record.failure.message


def test_a_job_whose_execution_is_gone_waits_for_the_worker_that_makes_the_last_call():
    here = site()
    here.plant(JobStatus.COMPLETING)
    here.work("a")

    assert here.finish(execution="ABORTED").next is Next.WAIT
    here.clock.advance(61)
    assert here.finish(execution="ABORTED").next is Next.DONE
    assert here.record.status is JobStatus.SUCCEEDED


def stopped(here: Site) -> None:
    here.plant(JobStatus.STOPPING, total=9, results=True, dead_letter_arn=ARN)
    here.timers.set(KEY, at_ms=1)


def over(here: Site) -> None:
    here.plant(JobStatus.RUNNING, total=9, results=True, dead_letter_arn=ARN)


def done(here: Site) -> None:
    here.plant(JobStatus.RUNNING, total=5, results=True, dead_letter_arn=ARN)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("plant", "status", "cancelled"),
    [
        pytest.param(stopped, JobStatus.STOPPED, 4, id="stopped"),
        pytest.param(over, JobStatus.WORKER_ERROR, 4, id="without workers"),
        pytest.param(done, JobStatus.COMPLETED_WITH_FAILURES, 0, id="without the last call"),
    ],
)
def test_a_crash_at_any_call_changes_nothing_of_the_end(
    plant: Callable[[Site], None], status: JobStatus, cancelled: int, *, after: bool
):
    for at in itertools.count(1):
        here = site()
        plant(here)
        here.end_batches("a", 2, 3, results=True)
        here.fuse.blows_at, here.fuse.after = at, after
        try:
            here.run_to_the_end()
        except DependencyError:
            here.run_to_the_end()
        assert here.record.status is status
        assert counts(here) == (2, 3, cancelled)
        assert nothing_left(here)
        assert len(here.dead_letters.received[ARN]) == 3
        if here.fuse.calls < at:
            assert at > 15
            return


def test_execution_and_event_may_finish_a_job_at_the_same_time():
    """One of the two stops after each of its calls, and the other runs from beginning to end there."""
    for at in itertools.count(1):
        here = site()
        stopped(here)
        here.end_batches("a", 2, 3, results=True)
        meanwhile(here, at, partial(here.finish, execution="ABORTED"))

        here.run_to_the_end()

        assert here.record.status is JobStatus.STOPPED
        assert counts(here) == (2, 3, 4)
        assert nothing_left(here)
        assert len(here.dead_letters.received[ARN]) == 3
        if here.fuse.calls < at:
            return


def meanwhile(here: Site, at: int, other: Callable[[], object]) -> None:
    through = here.fuse.through

    def stepping(call):
        answer = through(call)
        if here.fuse.calls == at:
            here.fuse.through = through  # type: ignore[method-assign]  # the other one is not interrupted
            other()
        return answer

    here.fuse.through = stepping  # type: ignore[method-assign]  # where one call ends and the next begins
