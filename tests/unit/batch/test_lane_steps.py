from __future__ import annotations

import pytest

from batch_lambda.lane import LaneStep
from penstock.batch.jobs import JobStatus
from penstock.batch.lanes import MOST_DEATHS, Death
from tests.unit.batch.site import KEY, Site, site

DIED = {"Error": "ECS.ClusterNotFoundException", "Cause": "Cluster not found."}
STARVED = {"Error": "States.TaskFailed", "Cause": '{"Containers": [], "StoppedReason": "OutOfMemoryError"}'}
ENDED = sorted(set(JobStatus) - {JobStatus.ENQUEUING, JobStatus.RUNNING, JobStatus.COMPLETING})


def die(here: Site, lane: int, outcome: dict[str, str] = DIED, *, times: int = MOST_DEATHS) -> LaneStep:
    for _ in range(times):
        step = here.lanes.next(KEY, lane, outcome)
    return step


@pytest.mark.parametrize("status", ENDED)
def test_a_lane_ends_when_its_job_is_not_to_be_worked_at(status):
    here = site()
    here.plant(status)

    assert here.lanes.next(KEY, 0, DIED) == LaneStep(again=False)
    assert here.parts.lanes(KEY) == []


def test_a_lane_ends_when_its_job_is_gone():
    assert site().lanes.next(KEY, 0, DIED) == LaneStep(again=False)


def test_a_lost_worker_is_replaced_after_a_wait_and_noted():
    here = site()
    here.plant(JobStatus.ENQUEUING)

    assert here.lanes.next(KEY, 1, DIED) == LaneStep(again=True, wait_seconds=5)
    [lane] = here.parts.lanes(KEY)
    assert (lane.index, lane.last_death, lane.reason) == (
        1,
        Death.ERROR,
        "ECS.ClusterNotFoundException: Cluster not found.",
    )


def test_a_task_that_outlived_step_functions_wait_is_followed_by_another():
    here = site()
    here.plant(JobStatus.RUNNING, total=4)

    assert here.lanes.next(KEY, 0, {"Error": "States.Timeout"}) == LaneStep(again=True)
    assert here.parts.lanes(KEY) == []


def test_one_lane_that_is_over_leaves_the_job_to_the_others():
    here = site()
    here.plant(JobStatus.RUNNING, total=4)

    assert die(here, 0) == LaneStep(again=False)
    assert here.record.status is JobStatus.RUNNING


def test_the_last_lane_that_is_over_stops_the_job_even_while_batches_are_being_made():
    here = site()
    here.plant(JobStatus.ENQUEUING)

    die(here, 0)
    die(here, 1, STARVED)

    assert (here.record.status, here.record.ending) == (JobStatus.STOPPING, JobStatus.WORKER_OOM)
    assert "OutOfMemoryError" in here.record.failure.message


def test_batches_that_end_keep_lanes_from_being_over():
    here = site()
    here.plant(JobStatus.RUNNING, total=100)

    for _ in range(20):
        here.end_batches("w", 1)
        assert here.lanes.next(KEY, 0, DIED).again


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.COMPLETING])
def test_a_job_whose_batches_have_all_ended_is_not_failed_for_its_workers(status):
    here = site()
    here.plant(status, total=2)
    here.end_batches("w", 2)

    die(here, 0)
    die(here, 1)

    assert here.record.status is status
