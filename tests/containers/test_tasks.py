"""The images together as one task, on the emulator: as the task definition says, stopped by the engine."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from localstack.cluster import EcsCluster
from penstock.client import ItemList, JobRequest
from penstock.records import Status
from tests.waiting import eventually

if TYPE_CHECKING:
    from penstock.client import RequestState
    from tests.containers.conftest import Yard
    from tests.containers.task import RunningTask

#: Much less than ECS gives, so that a request outlasts it.
SHORT_DRAIN = {"PENSTOCK_DRAIN_SECONDS": "1"}


def submit(yard: Yard, text: str, *, delay_seconds: float = 0) -> str:
    query = [("delay", str(delay_seconds))] if delay_seconds else []
    return yard.client.submit("word-count", text.encode(), content_type="text/plain", query=query).id


def finished(yard: Yard, request_id: str, *, within_seconds: float = 60) -> RequestState:
    return yard.client.wait("word-count", request_id, timeout_seconds=within_seconds)


def in_progress(yard: Yard, request_id: str) -> None:
    def reached() -> bool:
        return yard.client.get("word-count", request_id).status == Status.IN_PROGRESS

    eventually(reached, within_seconds=30, what="the request runs")


def well(task: RunningTask) -> None:
    eventually(lambda: task.health().returncode == 0, within_seconds=30, what="the health check succeeds")


def test_a_request_goes_in_over_http_and_two_containers_in_one_network_answer_it(yard, report):
    request_id = submit(yard, "one two two")
    began = time.monotonic()
    with yard.task("word-count") as task:
        state = finished(yard, request_id)
        seconds = time.monotonic() - began

        assert state.status == Status.COMPLETED
        assert state.result["most_common"] == [["two", 2], ["one", 1]]
        assert task.health().returncode == 0
    report.append(
        f"word-count: {seconds:.1f} s from the start of the task to the result of a waiting request"
    )


def test_sigterm_while_a_request_runs_ends_it_first_and_then_the_users_container(yard):
    with yard.task("word-count") as task:
        request_id = submit(yard, "one two", delay_seconds=4)
        in_progress(yard, request_id)

        task.stop()

        dequeuer, server = task.containers["dequeuer"].state(), task.containers["server"].state()
        assert (dequeuer["ExitCode"], server["ExitCode"]) == (0, 0)
        assert dequeuer["FinishedAt"] < server["FinishedAt"]
        state = yard.client.get("word-count", request_id)
    assert (state.status, state.attempt) == (Status.COMPLETED, 1)
    assert state.result["words"] == 2


def test_what_does_not_end_in_time_is_given_back_and_costs_no_attempt(yard):
    with yard.task("word-count", dequeuer=SHORT_DRAIN) as task:
        request_id = submit(yard, "one two", delay_seconds=8)
        in_progress(yard, request_id)

        began = time.monotonic()
        task.stop()
        seconds = time.monotonic() - began

        assert seconds < 30
        assert task.containers["dequeuer"].state()["ExitCode"] == 0
        assert task.containers["dequeuer"].logged("request given back")
        assert yard.client.get("word-count", request_id).status == Status.IN_QUEUE
    with yard.task("word-count"):
        state = finished(yard, request_id)
    assert (state.status, state.attempt) == (Status.COMPLETED, 1)


def test_the_health_check_fails_where_no_dequeuer_answers(yard):
    with yard.task("word-count") as task:
        well(task)
        silent = task.containers["dequeuer"].execute(
            *("env", "PENSTOCK_HEALTH_PORT=1", "python3", "-m", "dequeuer.healthcheck")
        )

    assert silent.returncode == 1
    assert "no answer" in silent.stderr


def test_an_image_with_requirements_works_in_the_same_way(yard):
    picture = io.BytesIO()
    Image.new("RGB", (640, 480), "navy").save(picture, "PNG")
    request_id = yard.client.submit("thumbnail", picture.getvalue(), content_type="image/png").id

    with yard.task("thumbnail"):
        state = yard.client.wait("thumbnail", request_id, timeout_seconds=60)
        assert state.status == Status.COMPLETED
        small = Image.open(io.BytesIO(yard.client.result("thumbnail", request_id).content))
    assert max(small.size) < 640


@pytest.mark.usefixtures("images")
def test_a_job_runs_in_a_task_whose_first_container_writes_what_the_job_is(yard):
    job = yard.client.batch.submit(
        "sum-batch", JobRequest(source=ItemList(items=[1, 2, 3], batch_size=2), workers=1)
    )
    cluster = EcsCluster(yard.aws("ecs"), name="penstock-ship")

    def started() -> Any:
        return next(iter(cluster.runs()), None)

    run = eventually(started, within_seconds=60, what="the state machine starts a task")
    given = dict(run.of_job)
    with yard.task("sum-batch", run.definition.arn, spec=given, dequeuer=given) as task:
        assert task.containers["dequeuer"].exit_code(within_seconds=90) == 0, task.containers[
            "dequeuer"
        ].log()
        assert task.containers["spec"].state()["ExitCode"] == 0
        cluster.stop_task(run.arn, reason="Essential container in task exited")
        state = yard.client.batch.wait("sum-batch", job.id, timeout_seconds=60)
    assert (state.status, state.succeeded) == ("succeeded", 2)
