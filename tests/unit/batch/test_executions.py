from __future__ import annotations

import json
from typing import Any

import pytest

from batch_lambda.executions import EndedExecution, ended_execution
from penstock.batch.jobs import JobKey

MACHINES = {"penstock-shop-sum": "sum"}
STATES = "arn:aws:states:eu-west-1:111122223333"


def event(machine: str, name: str, *, status: str = "ABORTED") -> str:
    """As EventBridge puts it into the queue."""
    detail: dict[str, Any] = {
        "executionArn": f"{STATES}:execution:{machine}:{name}",
        "stateMachineArn": f"{STATES}:stateMachine:{machine}",
        "name": name,
        "status": status,
        "input": '{"api": "another", "job": "another"}',
    }
    return json.dumps(
        {
            "version": "0",
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "detail": detail,
        }
    )


def test_an_execution_is_its_jobs_by_its_names_whatever_its_input_says():
    body = event("penstock-shop-sum", "63ffffffffffffff", status="FAILED")

    key = JobKey(api="sum", id="63ffffffffffffff")
    assert ended_execution(body, MACHINES) == EndedExecution(key, "FAILED")


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        pytest.param("penstock-shop-summary", "63ffffffffffffff", id="another machine"),
        pytest.param("penstock-shop-sum/Lanes", "63ffffffffffffff", id="a child of a Distributed Map"),
        pytest.param("penstock-shop-sum", "by-hand", id="begun by hand"),
    ],
)
def test_an_execution_that_is_no_jobs_is_nobodys(machine, name):
    assert ended_execution(event(machine, name), MACHINES) is None
