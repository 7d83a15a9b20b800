from __future__ import annotations

import logging

import pytest

from penstock.metrics import Metric
from recovery_lambda.stops import Stops
from tests.ecs_events import deployment_event, task_stopped

EXITED = "Essential container in task exited"


@pytest.fixture
def counted() -> list[tuple[str, Metric]]:
    return []


@pytest.fixture
def stops(counted):
    clusters = {"echo": "penstock-shop", "gpu": "penstock-shop_gpu", "sum": "penstock-shop"}
    return Stops("shop", clusters=clusters, count=lambda api, metric: counted.append((api, metric)))


@pytest.mark.parametrize(
    ("reason", "code", "containers", "metric"),
    [
        ("Your Spot Task was interrupted.", "SpotInterruption", (), Metric.TASKS_INTERRUPTED),
        ("CannotPullContainerError: not found", "TaskFailedToStart", (), Metric.TASKS_NOT_STARTED),
        ("ResourceInitializationError: no secret", "TaskFailedToStart", (), Metric.TASKS_NOT_STARTED),
        (EXITED, "EssentialContainerExited", ({"exitCode": 137},), Metric.TASKS_OUT_OF_MEMORY),
        (EXITED, "EssentialContainerExited", ({"exitCode": 2},), Metric.TASKS_FAILED),
    ],
)
def test_a_task_that_stopped_is_counted_by_why(stops, counted, reason, code, containers, metric):
    stops.note(task_stopped("shop", "echo", reason=reason, code=code, containers=containers))
    assert counted == [("echo", metric)]


@pytest.mark.parametrize("of_service", [True, False], ids=["service", "job"])
def test_a_task_that_was_told_to_stop_is_not_counted_but_logged(stops, counted, caplog, of_service):
    caplog.set_level(logging.INFO)
    reason = "Scaling activity initiated by (deployment ecs-svc/1)"
    code = "ServiceSchedulerInitiated"
    stops.note(task_stopped("shop", "sum", reason=reason, code=code, of_service=of_service))
    assert counted == []
    [line] = caplog.records
    assert (line.api, line.state, line.reason) == ("sum", "stopped", reason)


def test_a_deployment_that_ecs_gave_up_is_counted_in_whichever_cluster_it_was(stops, counted):
    stops.note(deployment_event("shop", "echo"))
    stops.note(deployment_event("shop", "gpu", cluster="penstock-shop_gpu"))
    assert counted == [("echo", Metric.DEPLOYMENTS_FAILED), ("gpu", Metric.DEPLOYMENTS_FAILED)]


def test_a_deployment_that_goes_well_is_not_counted(stops, counted):
    stops.note(deployment_event("shop", "echo", "SERVICE_DEPLOYMENT_COMPLETED"))
    assert counted == []


def test_another_deployment_whose_name_begins_alike_is_passed_over(stops, counted):
    stops.note(task_stopped("shop-two", "echo", reason=EXITED, code="EssentialContainerExited"))
    stops.note(deployment_event("shop-two", "echo"))
    assert counted == []
