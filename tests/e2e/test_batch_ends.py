"""Ends of jobs that AWS brings about: an aborted execution, a timer, and what the caller's queue gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from penstock import names
from penstock.batch.jobs import JobStatus
from tests.e2e.conftest import DEPLOYMENT
from tests.e2e.jobs import API, ENDPOINT, Ledger, ended, gone, submit
from tests.waiting import eventually

if TYPE_CHECKING:
    from penstock.client import JobState
    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.embedded_only("without ECS and Step Functions there are no jobs")

OWN = "us-east-1:000000000000"
FAILED_QUEUE = "e2e-failed.fifo"
SLOW = [{"n": number, "do": "slow"} for number in range(40)]


def begun(stack: Stack, job: str) -> None:
    eventually(
        lambda: Ledger(stack, job).calls("begun"), within_seconds=60, what=f"a batch of {job} has begun"
    )


def adds_up(state: JobState) -> bool:
    counts = [state.succeeded, state.failed, state.cancelled]
    return state.total is None or sum(count or 0 for count in counts) == state.total


def test_a_job_whose_execution_is_aborted_is_stopped_and_leaves_nothing(stack):
    job = submit(stack, SLOW, config={"seconds": 2})
    begun(stack, job)

    execution = f"arn:aws:states:{OWN}:execution:{names.state_machine(DEPLOYMENT, API)}:{job}"
    stack.aws("stepfunctions").stop_execution(executionArn=execution)

    state = ended(stack, job)
    assert (state.status, adds_up(state)) == (JobStatus.STOPPED, True)
    assert state.cancelled
    gone(stack, job)


def test_a_job_that_does_not_end_in_time_is_timed_out_and_leaves_nothing(stack):
    job = submit(stack, SLOW, config={"seconds": 5}, timeout_seconds=15)

    state = ended(stack, job)

    assert (state.status, adds_up(state)) == (JobStatus.TIMED_OUT, True)
    assert state.error is not None
    assert state.error.code == "timed_out"
    gone(stack, job)


def test_batches_that_failed_for_good_go_to_the_callers_own_queue(stack):
    sqs = stack.aws("sqs")
    url = sqs.create_queue(QueueName=FAILED_QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
    items = [{"n": 0}, {"n": 1, "do": "fail"}, {"n": 2, "do": "fail"}]
    queue = {"arn": f"arn:aws:sqs:{OWN}:{FAILED_QUEUE}", "max_receive_count": 1}
    submission = {"workers": 1, "item_list": {"items": items, "batch_size": 1}, "dead_letter_queue": queue}

    answer = stack.http.post(f"/batch/{ENDPOINT}", json=submission)
    assert answer.status_code == 202, answer.text
    job = answer.json()["job_id"]

    state = ended(stack, job)
    assert (state.status, state.succeeded, state.failed) == (JobStatus.COMPLETED_WITH_FAILURES, 1, 2)
    received: dict[str, Any] = {}

    def both() -> bool:
        found = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
        )
        for one in found.get("Messages", []):
            told = {name: value["StringValue"] for name, value in one["MessageAttributes"].items()}
            assert told["penstock_job_id"] == job
            received[told["penstock_batch_id"]] = json.loads(one["Body"])
        return len(received) == 2

    eventually(both, within_seconds=60, what="both failed batches in the caller's queue")
    assert sorted(json.dumps(body) for body in received.values()) == [
        json.dumps([item]) for item in items[1:]
    ]
    gone(stack, job)
