from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.jobs import JobStatus
from penstock.batch.lanes import (
    MOST_DEATHS,
    Death,
    Lane,
    after_death,
    wait_seconds,
    without_workers,
)
from penstock.batch.tasks import Ended, how_it_ended


def failed(task: dict[str, Any]) -> dict[str, str]:
    """How Step Functions tells of a task whose container exited otherwise than with 0."""
    return {"Error": "States.TaskFailed", "Cause": json.dumps(task)}


def task(
    *containers: dict[str, Any], code: str = "EssentialContainerExited", reason: str = ""
) -> dict[str, Any]:
    return {
        "Attachments": [],
        "Containers": list(containers),
        "LastStatus": "STOPPED",
        "StopCode": code,
        "StoppedReason": reason or "Essential container in task exited",
        "TaskArn": "arn:aws:ecs:eu-west-1:111122223333:task/penstock-shop/1",
    }


DEQUEUER = {"Name": "dequeuer", "ExitCode": 0}
TOLD = [
    pytest.param(
        failed(
            task(
                {"Name": "server", "ExitCode": 137, "Reason": "OutOfMemoryError: Container killed"}, DEQUEUER
            )
        ),
        Death.OUT_OF_MEMORY,
        id="a container was killed for its memory",
    ),
    pytest.param(
        failed(task(DEQUEUER, code="EssentialContainerExited", reason="OutOfMemoryError: task limit")),
        Death.OUT_OF_MEMORY,
        id="the whole task was",
    ),
    pytest.param(
        failed(task(DEQUEUER, code="SpotInterruption", reason="Your Spot Task was interrupted.")),
        Death.INTERRUPTED,
        id="spot",
    ),
    pytest.param(
        # Success: all containers drained and exited with 0. Step Functions gives the task as the result.
        task(DEQUEUER, code="SpotInterruption", reason="Your Spot Task was interrupted."),
        Death.INTERRUPTED,
        id="spot, drained in time",
    ),
    pytest.param(
        failed(task(DEQUEUER, code="UserInitiated", reason="Task stopped by user")),
        Death.INTERRUPTED,
        id="somebody stopped it",
    ),
    pytest.param(
        failed(task({"Name": "server", "ExitCode": 1}, DEQUEUER)), Death.ERROR, id="the server ended"
    ),
    pytest.param(
        task({"Name": "server", "ExitCode": 0}, DEQUEUER), Death.ERROR, id="the server ended with 0"
    ),
    pytest.param(
        failed(
            task(
                {"Name": "server"},
                code="TaskFailedToStart",
                reason="CannotPullContainerError: pull image manifest has been retried 1 time(s)",
            )
        ),
        Death.ERROR,
        id="no image",
    ),
    pytest.param(
        failed(
            task(
                {"Name": "server"},
                code="TaskFailedToStart",
                reason="Capacity is unavailable at this time. Please try again later",
            )
        ),
        Death.NO_CAPACITY,
        id="no Fargate Spot",
    ),
    pytest.param(
        {
            "Error": "AmazonECS.Unknown",
            "Cause": json.dumps({"Failures": [{"Reason": "RESOURCE:GPU"}], "Tasks": []}),
        },
        Death.NO_CAPACITY,
        id="no GPU",
    ),
    pytest.param(
        {"Error": "ECS.ThrottlingException", "Cause": "Rate exceeded (Service: AmazonECS; Status Code: 400)"},
        Death.NO_CAPACITY,
        id="throttled",
    ),
    pytest.param(
        {"Error": "ECS.ClusterNotFoundException", "Cause": "Cluster not found."},
        Death.ERROR,
        id="no cluster",
    ),
    pytest.param(
        {"Error": "ECS.RunTaskFailed", "Cause": "Unable to find it"}, Death.ERROR, id="the emulator"
    ),
    pytest.param(
        {
            "tasks": [
                {
                    "containers": [{"name": "server", "exitCode": 0}],
                    "stopCode": "UserInitiated",
                    "stoppedReason": "Essential container in task exited",
                }
            ],
            "failures": [],
        },
        Death.ERROR,
        id="the emulator, which stops tasks of dead processes",
    ),
    pytest.param({"Error": "States.TaskFailed", "Cause": "{"}, Death.ERROR, id="half a cause"),
    pytest.param({"Error": "States.TaskFailed", "Cause": "[]"}, Death.ERROR, id="another cause"),
    pytest.param(None, Death.ERROR, id="nothing"),
]


@pytest.mark.parametrize(("outcome", "death"), TOLD)
def test_what_killed_a_worker_is_read_from_what_ecs_says(outcome, death):
    ended = how_it_ended(outcome)

    assert isinstance(ended, Ended)
    assert ended.death is death
    assert ended.reason


def test_the_reason_names_the_container_that_exited():
    ended = how_it_ended(failed(task({"Name": "server", "ExitCode": 3}, DEQUEUER)))

    assert ended is not None
    assert ended.reason == "Essential container in task exited; server exited with 3"


def test_a_wait_that_was_too_long_for_step_functions_is_no_death():
    assert how_it_ended({"Error": "States.Timeout", "Cause": "ECS tasks did not complete in time"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["Tasks", "Containers", "Reason"]), inner)
    ),
)


@given(json_values)
def test_whatever_a_cause_holds_it_is_a_death_and_no_fault_of_ours(cause: Any):
    assert how_it_ended({"Error": "States.TaskFailed", "Cause": json.dumps(cause)}) is not None


def died(lane: Lane, death: Death, *, finished: int = 0) -> Lane:
    return after_death(lane, death, reason="because", finished=finished)


def test_a_lane_is_over_after_five_deaths_in_a_row():
    lane = Lane(index=3)
    for _ in range(MOST_DEATHS):
        assert not lane.over
        lane = died(lane, Death.ERROR)

    assert lane.over
    assert (lane.index, lane.last_death, lane.reason) == (3, Death.ERROR, "because")


def test_a_batch_that_ended_in_between_forgives_all_deaths_before():
    lane = Lane(index=0)
    for finished in range(3 * MOST_DEATHS):
        lane = died(lane, Death.OUT_OF_MEMORY, finished=finished)

    assert (lane.deaths, lane.over) == (1, False)


@pytest.mark.parametrize("death", [Death.INTERRUPTED, Death.NO_CAPACITY])
def test_a_lane_waits_for_machines_for_as_long_as_it_takes(death):
    lane = Lane(index=0)
    for _ in range(200):
        lane = died(lane, death)

    assert not lane.over
    assert wait_seconds(lane) == 300


def test_waits_double_from_death_to_death():
    lane = Lane(index=0)
    waits = []
    for _ in range(8):
        lane = died(lane, Death.NO_CAPACITY)
        waits.append(wait_seconds(lane))

    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


def over(index: int, death: Death) -> Lane:
    return Lane(index=index, deaths=5, last_death=death, reason=f"reason {index}", over=True)


def test_a_job_is_without_workers_only_when_each_lane_is_over():
    assert without_workers([over(0, Death.ERROR), Lane(index=1, deaths=4)], workers=2) is None
    assert without_workers([over(0, Death.ERROR)], workers=2) is None


def test_a_job_whose_workers_ran_out_of_memory_says_so():
    verdict = without_workers([over(0, Death.ERROR), over(1, Death.OUT_OF_MEMORY)], workers=2)

    assert verdict is not None
    assert verdict[0] is JobStatus.WORKER_OOM
    assert "reason 1" in verdict[1].message


def test_a_job_whose_workers_died_otherwise_says_of_what():
    verdict = without_workers([over(0, Death.ERROR)], workers=1)

    assert verdict is not None
    assert verdict[0] is JobStatus.WORKER_ERROR
    assert verdict[1].code == "worker_error"
    assert "reason 0" in verdict[1].message
