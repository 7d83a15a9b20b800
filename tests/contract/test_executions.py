"""Beginning the executions of jobs. Deviations of an emulator are named where they are."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from penstock import ids, names
from penstock.aws.executions import StepFunctionsExecutions
from penstock.batch.jobs import JobKey
from penstock.ports import DependencyError
from penstock.testing import MemoryExecutions

KEY = JobKey(api="sum-batch", id="69d6f8a472f0e1e5")
PASS = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})


@pytest.fixture(params=["moto", pytest.param("emulator", marks=pytest.mark.emulator)])
def states(request) -> Any:
    url = request.getfixturevalue(f"{request.param}_url")
    return boto3.client("stepfunctions", endpoint_url=url)


def machine(states: Any, deployment: str) -> str:
    role = "arn:aws:iam::123456789012:role/machine"
    name = names.state_machine(deployment, KEY.api)
    return str(states.create_state_machine(name=name, definition=PASS, roleArn=role)["stateMachineArn"])


def test_an_execution_is_named_as_its_job_and_is_told_which_it_is(states):
    deployment = ids.new_request_id()[:12]
    arn = machine(states, deployment)
    prefix = arn.removesuffix(names.state_machine(deployment, KEY.api))
    executions = StepFunctionsExecutions(lambda: states, deployment, arn_prefix=prefix)
    for _ in range(2):
        executions.start(KEY)
    (begun,) = states.list_executions(stateMachineArn=arn)["executions"]
    assert begun["name"] == KEY.id
    told = states.describe_execution(executionArn=begun["executionArn"])["input"]
    assert json.loads(told) == {"api": KEY.api, "job": KEY.id}


def test_an_api_that_is_not_deployed_is_a_fault(states):
    prefix = "arn:aws:states:us-east-1:123456789012:stateMachine:"
    with pytest.raises(DependencyError):
        StepFunctionsExecutions(lambda: states, "nowhere", arn_prefix=prefix).start(KEY)


@pytest.mark.parametrize(("code", "fine"), [("ExecutionAlreadyExists", True), ("ThrottlingException", False)])
def test_only_an_execution_that_is_there_is_taken_for_begun(code, fine):
    client = boto3.client(
        "stepfunctions", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(client)
    stub.add_client_error("start_execution", code)
    stub.activate()
    prefix = "arn:aws:states:eu-central-1:111122223333:stateMachine:"
    executions = StepFunctionsExecutions(lambda: client, "demo", arn_prefix=prefix)
    if fine:
        executions.start(KEY)
        return
    with pytest.raises(DependencyError):
        executions.start(KEY)


def test_the_stand_in_begins_a_job_once():
    executions = MemoryExecutions()
    for _ in range(2):
        executions.start(KEY)
    assert executions.started == [KEY]
