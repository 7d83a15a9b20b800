"""Services and tasks as ECS tells of them, on the emulator: moto's tasks never stop by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from penstock import ids, names
from penstock.aws.roll import EcsRoll
from penstock.ports import DependencyError
from penstock.workers import WorkerState, worker_of
from tests.contract.conftest import _client
from tests.waiting import eventually

pytestmark = pytest.mark.emulator

NOW_MS = 1_700_000_000_000
APIS = ("echo", "echo-two")


@dataclass(frozen=True)
class Site:
    ecs: Any
    cluster: str
    roll: EcsRoll

    def states(self, api: str) -> list[WorkerState]:
        return [worker_of(task, now_ms=NOW_MS).state for task in self.roll.tasks(api)]


@pytest.fixture
def site(emulator_url: str) -> Site:
    """Two APIs, one with a service of two tasks; the name of the other begins like its own."""
    ecs, deployment = _client("ecs", emulator_url), ids.new_request_id()[:8]
    cluster = names.cluster(deployment)
    ecs.create_cluster(clusterName=cluster)
    for api in APIS:
        ecs.register_task_definition(
            family=names.task_family(deployment, api),
            containerDefinitions=[{"name": "server", "image": "x", "memory": 64}],
        )
    ecs.create_service(
        cluster=cluster,
        serviceName=names.service("echo"),
        taskDefinition=names.task_family(deployment, "echo"),
        desiredCount=2,
    )
    roll = EcsRoll(lambda: ecs, deployment, cluster_of=lambda _api: cluster)
    return Site(ecs, cluster, roll)


def test_a_service_is_found_by_its_api_and_an_api_without_one_is_left_out(site):
    services = site.roll.services(["echo", "echo-two"])
    assert services.keys() == {"echo"}
    assert services["echo"].desired == 2
    eventually(
        lambda: site.roll.services(["echo"])["echo"].running == 2, within_seconds=20, what="two running"
    )


def test_each_apis_tasks_are_its_own_and_those_that_stopped_are_told_with_the_reason(site):
    eventually(lambda: site.states("echo").count(WorkerState.READY) == 2, within_seconds=20, what="two ready")
    assert site.states("echo-two") == []

    first = site.roll.tasks("echo")[0]
    reason = "Essential container in task exited: server exited with code 1"
    site.ecs.stop_task(cluster=site.cluster, task=first.id, reason=reason)

    told = {task.id: worker_of(task, now_ms=NOW_MS) for task in site.roll.tasks("echo")}
    assert (told[first.id].state, told[first.id].reason) == (WorkerState.FAILED, reason)
    assert told[first.id].since_ms is not None


def test_many_apis_take_a_call_for_each_ten(site):
    many = {f"api-{number}": site.cluster for number in range(23)}
    roll = EcsRoll(lambda: site.ecs, "any", cluster_of=many.__getitem__)
    assert roll.services(list(many)) == {}


def test_a_cluster_that_is_not_there_is_a_fault_of_ecs(site):
    roll = EcsRoll(lambda: site.ecs, "any", cluster_of=lambda _api: "penstock-gone")
    with pytest.raises(DependencyError, match="describe services"):
        roll.services(["echo"])
