"""What ECS says of tasks, and what people are told: the words are those of ECS's documentation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.descriptions import service_view, task_view
from penstock.workers import STALLED_AFTER_MS, ContainerView, TaskView, WorkerState, worker_of
from tests.ecs_events import task_stopped

NOW_MS = 1_700_000_000_000
EXITED = "Essential container in task exited"

RUNNING = TaskView(id="t", of_service=True, last_status="RUNNING", desired_status="RUNNING")


def stopped(reason: str, code: str, *containers: ContainerView, of_service: bool = True) -> TaskView:
    return TaskView(
        id="t",
        of_service=of_service,
        last_status="STOPPED",
        desired_status="STOPPED",
        stopped_reason=reason,
        stop_code=code,
        stopped_ms=NOW_MS,
        containers=containers,
    )


def server(exit_code: int | None = None, reason: str = "") -> ContainerView:
    return ContainerView(name="server", exit_code=exit_code, reason=reason)


@pytest.mark.parametrize(
    ("task", "state"),
    [
        # "Stopped tasks error messages", with the platform's further words.
        (
            stopped(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve",
                "TaskFailedToStart",
            ),
            WorkerState.IMAGE_PULL_ERROR,
        ),
        (
            stopped("CannotPullImageManifestError: Error response from daemon", "TaskFailedToStart"),
            WorkerState.IMAGE_PULL_ERROR,
        ),
        (
            stopped(
                "Task failed to start", "TaskFailedToStart", server(reason="CannotPullContainerError: denied")
            ),
            WorkerState.IMAGE_PULL_ERROR,
        ),
        (
            stopped(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
                "retrieval failed",
                "TaskFailedToStart",
            ),
            WorkerState.START_ERROR,
        ),
        (
            stopped(
                "CannotStartContainerError: Error response from daemon: exec: no such file",
                "TaskFailedToStart",
            ),
            WorkerState.START_ERROR,
        ),
        (
            stopped("Timeout waiting for network interface provisioning to complete.", "TaskFailedToStart"),
            WorkerState.START_ERROR,
        ),
        (stopped("Task failed to start", "TaskFailedToStart"), WorkerState.START_ERROR),
        (
            stopped(
                EXITED,
                "EssentialContainerExited",
                server(137, "OutOfMemoryError: Container killed due to memory usage"),
            ),
            WorkerState.OUT_OF_MEMORY,
        ),
        (
            stopped("OutOfMemoryError: Container killed due to memory usage", "EssentialContainerExited"),
            WorkerState.OUT_OF_MEMORY,
        ),
        # Nobody stopped it, and it was killed.
        (stopped(EXITED, "EssentialContainerExited", server(137)), WorkerState.OUT_OF_MEMORY),
        (stopped(EXITED, "EssentialContainerExited", server(1)), WorkerState.FAILED),
        (stopped(EXITED, "EssentialContainerExited", server(0)), WorkerState.FAILED),
        (stopped(EXITED, "EssentialContainerExited", server(0), of_service=False), WorkerState.STOPPED),
        (stopped(EXITED, "EssentialContainerExited", server(3), of_service=False), WorkerState.FAILED),
        (stopped("Task failed container health checks", "ServiceSchedulerInitiated"), WorkerState.FAILED),
        (stopped("Your Spot Task was interrupted.", "SpotInterruption"), WorkerState.INTERRUPTED),
        (
            stopped("Your Spot Task was interrupted.", "TerminationNotice", server(143)),
            WorkerState.INTERRUPTED,
        ),
        (
            stopped("Host EC2 (instance i-0abc) terminated.", "ServiceSchedulerInitiated"),
            WorkerState.INTERRUPTED,
        ),
        (stopped("Infrastructure", "InfrastructureHealth"), WorkerState.INTERRUPTED),
        (
            stopped(
                "Scaling activity initiated by (deployment ecs-svc/123)",
                "ServiceSchedulerInitiated",
                server(137),
            ),
            WorkerState.STOPPED,
        ),
        (stopped("Task stopped by user", "UserInitiated", server(143)), WorkerState.STOPPED),
        # The local agent's words, as the emulator tells no codes.
        (stopped(f"{EXITED}: server exited with code 1", "UserInitiated"), WorkerState.FAILED),
        (
            stopped(f"{EXITED}: server exited with code 1", "UserInitiated", of_service=False),
            WorkerState.FAILED,
        ),
        (stopped(EXITED, "UserInitiated", of_service=False), WorkerState.STOPPED),
        (
            stopped("CannotStartContainerError: [Errno 2] No such file: 'python4'", "UserInitiated"),
            WorkerState.START_ERROR,
        ),
    ],
    ids=lambda value: value.stopped_reason[:40] if isinstance(value, TaskView) else value.value,
)
def test_a_stopped_worker_says_why(task, state):
    worker = worker_of(task, now_ms=NOW_MS)
    assert worker.state is state
    assert worker.reason.startswith(task.stopped_reason)
    assert worker.since_ms == NOW_MS


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, WorkerState.READY),
        ({"health": "HEALTHY"}, WorkerState.READY),
        ({"health": "UNKNOWN"}, WorkerState.READY),
        ({"health": "UNHEALTHY"}, WorkerState.UNHEALTHY),
        ({"desired_status": "STOPPED"}, WorkerState.STOPPING),
        ({"last_status": "DEACTIVATING"}, WorkerState.STOPPING),
        ({"last_status": "PROVISIONING", "created_ms": NOW_MS}, WorkerState.PENDING),
        ({"last_status": "PENDING", "created_ms": NOW_MS - STALLED_AFTER_MS}, WorkerState.PENDING),
        ({"last_status": "PENDING", "created_ms": NOW_MS - STALLED_AFTER_MS - 1}, WorkerState.STALLED),
        ({"last_status": "ACTIVATING"}, WorkerState.PENDING),
    ],
)
def test_a_worker_that_has_not_stopped_is_where_its_task_is(changes: dict[str, Any], state):
    worker = worker_of(replace(RUNNING, **changes), now_ms=NOW_MS)
    assert (worker.state, worker.reason) == (state, "")


@given(
    st.builds(
        TaskView,
        id=st.text(max_size=5),
        of_service=st.booleans(),
        last_status=st.sampled_from(["STOPPED", "RUNNING", "PENDING", "DEPROVISIONING"])
        | st.text(max_size=9),
        desired_status=st.text(max_size=5),
        health=st.text(max_size=5),
        stop_code=st.text(max_size=20),
        stopped_reason=st.text(max_size=900),
        created_ms=st.none() | st.integers(0, NOW_MS),
        started_ms=st.none() | st.integers(0, NOW_MS),
        stopped_ms=st.none() | st.integers(0, NOW_MS),
        containers=st.just(()),
    )
)
def test_whatever_ecs_says_is_some_state_with_a_reason_that_fits_a_line(task):
    worker = worker_of(task, now_ms=NOW_MS)
    assert len(worker.reason) <= 500
    assert worker.state in WorkerState


def test_a_reason_tells_each_thing_once_and_which_container_it_was():
    task = stopped(
        EXITED, "EssentialContainerExited", server(1), ContainerView(name="dequeuer", exit_code=143)
    )
    assert worker_of(task, now_ms=NOW_MS).reason == (
        f"{EXITED}; server exited with code 1; dequeuer exited with code 143"
    )


def test_an_event_reads_like_a_description():
    event = task_stopped(
        "shop", "echo", reason=EXITED, code="EssentialContainerExited", containers=({"exitCode": 1},)
    )
    view = task_view(event["detail"])
    assert (view.id, view.of_service, view.last_status) == (
        "c13b4cb40f1f4fe4a2971f76ae5a47ad",
        True,
        "STOPPED",
    )
    assert (view.created_ms, view.started_ms, view.stopped_ms) == (
        1579802254402,
        1579802260514,
        1579802278103,
    )
    assert view.containers == (ContainerView(name="server", exit_code=1),)


def test_a_service_is_read_with_its_latest_deployment_and_what_it_said_last():
    view = service_view(
        {
            "desiredCount": 3,
            "runningCount": 1,
            "pendingCount": 2,
            "deployments": [
                {"status": "ACTIVE", "rolloutState": "COMPLETED", "failedTasks": 0},
                {"status": "PRIMARY", "rolloutState": "IN_PROGRESS", "failedTasks": 4},
            ],
            "events": [{"message": f"message {number}"} for number in range(9)],
        }
    )
    assert (view.desired, view.running, view.pending, view.updating, view.failed_tasks) == (3, 1, 2, True, 4)
    assert view.messages == ("message 0", "message 1", "message 2")
