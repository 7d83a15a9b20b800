"""What a run writes to its logs as metrics, and what is told of workers that break."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from penstock import names
from penstock.metrics import Metric
from tests.cdk.emitters import read
from tests.e2e.conftest import DEPLOYMENT
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cdk.panels import Named
    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.embedded_only("without ECS there are no workers to tell of")

API, ENDPOINT = "awkward", "awkward-path"
BROKEN = "single"


def lines_of_functions(stack: Stack) -> Iterator[str]:
    """Log lines of all functions."""
    logs = stack.aws("logs")
    prefix = f"/aws/lambda/{names.stack(DEPLOYMENT, '')}"
    for group in logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield from (event["message"] for event in page["events"])


def lines_of_dequeuers(stack: Stack, api: str) -> Iterator[str]:
    for pair in stack.local.pairs(api):
        yield from pair.dequeuer_log.read_text().splitlines()


def told(stack: Stack, api: str) -> set[str]:
    """The metrics of one API that this deployment's logs hold so far."""
    lines = [*lines_of_functions(stack), *lines_of_dequeuers(stack, api)]
    found: set[Named] = set(read("\n".join(lines)))
    assert {metric.namespace for metric in found} <= {"Penstock"}
    assert all(metric.name in set(Metric) for metric in found)
    own = frozenset({("deployment", DEPLOYMENT), ("api", api)})
    return {metric.name for metric in found if metric.dimensions == own}


def test_a_run_tells_its_metrics_with_the_dimensions_that_dashboards_name(stack: Stack):
    done = stack.submit(ENDPOINT, query={"do": "describe"})
    failed = stack.submit(ENDPOINT, query={"do": "status", "code": "404"})
    assert stack.finished(ENDPOINT, done).status == "completed"
    assert stack.finished(ENDPOINT, failed).status == "failed"
    waiting = stack.submit(ENDPOINT, query={"do": "describe", "delay": "20"})
    stack.client.cancel(ENDPOINT, waiting)

    wanted = {
        *("Submitted", "Completed", "Failed", "Cancelled", "Attempts", "ProcessingTime", "EndToEndTime"),
        "QueueWait",
    }
    eventually(lambda: wanted <= told(stack, API), within_seconds=60, what=f"metrics {sorted(wanted)}")


def test_what_is_published_of_each_api_has_the_same_dimensions(stack: Stack):
    def published() -> set[str]:
        dimensions = [{"Name": "deployment", "Value": DEPLOYMENT}, {"Name": "api", "Value": API}]
        found = stack.aws("cloudwatch").list_metrics(Namespace="Penstock/Scaling", Dimensions=dimensions)
        return {metric["MetricName"] for metric in found["Metrics"]}

    wanted = {"TasksMissing", "TasksSpare", "InFlight", "BacklogPerTask", "TasksDesired", "TasksRunning"}
    eventually(lambda: wanted <= published(), within_seconds=150, what="the values of scaling")


def test_workers_are_told_of_and_one_that_is_killed_says_so(stack: Stack):
    def state() -> dict[str, Any]:
        answer = stack.http.get(f"/apis/{BROKEN}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    eventually(lambda: state()["state"] == "ready", within_seconds=60, what="the API ready")
    [killed] = [pair for pair in stack.local.pairs(BROKEN) if pair.state.value == "running"]
    task = killed.task_arn.rpartition("/")[2]
    os.kill(killed.server_pid, signal.SIGKILL)

    def worker() -> dict[str, str] | None:
        found = {worker["id"]: worker for worker in state()["workers"]}
        return found[task] if found[task]["state"] != "ready" else None

    seen = eventually(worker, within_seconds=30, what="the end of the worker")
    assert seen is not None
    assert seen["state"] == "failed"
    assert "server was killed by signal 9" in seen["reason"]
    # Its successor has yet to prove that it lives longer.
    assert state()["state"] == "failed"


def test_all_apis_are_told_of(stack: Stack):
    apis = {api["api"]: api for api in json.loads(stack.http.get("/apis").content)["apis"]}
    assert {API, BROKEN, "sum-batch", "elastic"} <= apis.keys()
    assert (apis["sum-batch"]["kind"], apis["sum-batch"]["state"]) == ("BatchAPI", "idle")
