"""Workers that are stopped, killed and frozen while requests run."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from localstack.clients import Clients
from localstack.environment import Endpoint
from penstock import names
from penstock.records import RequestKey, Status
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.waiting import eventually


def test_stopping_a_worker_under_load_loses_nothing_and_costs_no_attempt(stack: Stack):
    with ThreadPoolExecutor(4) as pool:
        submitted = list(
            pool.map(
                lambda number: stack.submit(
                    "word-count", f"text {number}".encode(), content_type="text/plain", query={"delay": "0.5"}
                ),
                range(24),
            )
        )
    first = stack.dequeuer("word-count")
    stack.until("word-count", submitted[0], "completed")
    os.kill(first, signal.SIGTERM)
    states = [stack.finished("word-count", request_id) for request_id in submitted]
    assert {state.status for state in states} == {Status.COMPLETED}
    assert {state.attempt for state in states} == {1}
    assert all(state.result["words"] == 2 for state in states)
    eventually(
        lambda: stack.dequeuer("word-count") != first, within_seconds=30, what="another worker in its place"
    )


def test_after_kill_9_the_second_attempt_starts_within_35_seconds(stack: Stack):
    request_id = stack.submit("single", query={"do": "describe", "delay": "8"})
    stack.until("single", request_id, "in_progress")
    os.kill(stack.dequeuer("single"), signal.SIGKILL)
    killed_at = time.time()
    state = stack.finished("single", request_id, within_seconds=80)
    assert (state.status, state.attempt) == (Status.COMPLETED, 2)
    assert state.started_at is not None
    assert state.started_at.timestamp() - killed_at <= 35
    assert state.result["headers"]["x-penstock-attempt"] == "2"


@pytest.fixture
def two_workers(stack: Stack):
    ecs = Clients(Endpoint(int(stack.local.aws_endpoint_url.rsplit(":", 1)[1]))).ecs()

    def scale(count: int) -> None:
        ecs.update_service(
            cluster=names.cluster(DEPLOYMENT), service=names.service("single"), desiredCount=count
        )
        eventually(
            lambda: (
                len([pair for pair in stack.local.pairs("single") if pair.state.value == "running"]) == count
            ),
            within_seconds=30,
            what=f"{count} workers",
        )

    scale(2)
    yield
    scale(1)


@pytest.mark.embedded_only("without ECS an API has one worker, and this needs two")
def test_a_worker_frozen_past_its_lease_has_its_result_refused(stack: Stack, two_workers: None):
    request_id = stack.submit("single", query={"do": "describe", "delay": "5"})
    stack.until("single", request_id, "in_progress")
    record = stack.records.get(stack_key(request_id))
    assert record is not None
    frozen = eventually(lambda: holder_of(stack, request_id), within_seconds=10, what="the running worker")
    os.kill(frozen.dequeuer_pid, signal.SIGSTOP)
    try:
        state = stack.finished("single", request_id, within_seconds=80)
        assert (state.status, state.attempt) == (Status.COMPLETED, 2)
        winner = stack.records.get(stack_key(request_id))
    finally:
        os.kill(frozen.dequeuer_pid, signal.SIGCONT)
    # Its server has answered long ago: on waking it stores that answer, and is refused.
    eventually(
        lambda: "request lost to somebody else" in frozen.dequeuer_log.read_text(),
        within_seconds=30,
        what="the refusal in the frozen worker's log",
    )
    assert winner is not None
    assert stack.records.get(stack_key(request_id)) == winner
    assert winner.lease != record.lease
    eventually(
        lambda: stack.keys(f"results/single/{request_id}") == [winner.result.key],
        within_seconds=10,
        what="only the winner's result",
    )


def stack_key(request_id: str) -> RequestKey:
    return RequestKey(api="single", id=request_id)


def holder_of(stack: Stack, request_id: str):
    """The pair whose server has the request."""
    for pair in stack.local.pairs("single"):
        if request_id in pair.server_log.read_text():
            return pair
    return None
