from __future__ import annotations

import json

import pytest
from botocore.stub import Stubber

from localstack.clients import Clients
from localstack.described_cluster import DescribedCluster
from localstack.environment import Endpoint
from localstack.errors import NotDeployed

NAME = "/penstock/demo/task/echo"
DESCRIBED = [
    {"name": "server", "stopTimeout": 50},
    {"name": "dequeuer", "environment": [{"name": "PENSTOCK_API", "value": "echo"}], "stopTimeout": 120},
]


@pytest.fixture
def ssm():
    return Clients(Endpoint(1)).ssm()


@pytest.fixture
def cluster(ssm) -> DescribedCluster:
    with Stubber(ssm) as stub:
        stub.add_response("get_parameter", {"Parameter": {"Value": json.dumps(DESCRIBED)}}, {"Name": NAME})
        return DescribedCluster(ssm, deployment="demo", apis=["echo"])


def test_an_api_has_one_task_as_its_description_says(cluster: DescribedCluster):
    [service] = cluster.services()
    [task] = service.tasks

    assert (service.name, service.desired_count, task.api) == ("echo", 1, "echo")
    assert task.definition.dequeuer_environment == {"PENSTOCK_API": "echo"}
    assert (task.definition.dequeuer_stop_seconds, task.definition.server_stop_seconds) == (120, 50)


def test_a_task_that_ended_is_replaced_by_another_one_when_asked(cluster: DescribedCluster):
    [before] = cluster.services()[0].tasks

    cluster.stop_task(before.arn, reason="Essential container in task exited")
    assert cluster.services()[0].tasks == ()
    cluster.reconcile("echo")
    cluster.reconcile("echo")

    [after] = cluster.services()[0].tasks
    assert (after.arn != before.arn, after.definition) == (True, before.definition)


def test_an_api_whose_description_was_not_deployed_is_named(ssm):
    with Stubber(ssm) as stub:
        stub.add_client_error("get_parameter", "ParameterNotFound")
        with pytest.raises(NotDeployed, match=NAME):
            DescribedCluster(ssm, deployment="demo", apis=["echo"])
