"""Queues and timers of jobs, from what the deployment tells the functions that make and remove them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import names
from penstock.aws.job_queues import SqsJobQueues
from penstock.aws.timers import SchedulerTimers

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient

    from penstock.batch.jobs import JobKey

#: The step that the function ``finish`` is called with when a job's time is over.
TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Read from ``PENSTOCK_DEPLOYMENT`` and so on, after the fields' names."""

    deployment: str
    #: What the ARNs of our queues begin with, up to the name.
    queue_arns: str
    #: The function that a timer calls, and the role that it does so with.
    timer_function_arn: str
    timer_role_arn: str
    #: KMS key of the jobs' queues; empty for SQS's own.
    queue_key_arn: str = ""


def queues(told: Surroundings, client: SQSClient) -> SqsJobQueues:
    """The jobs' queues; their dead letters go to the one queue of their API."""
    deployment = told.deployment
    return SqsJobQueues(
        client,
        name=lambda key: names.job_queue(deployment, key.api, key.id),
        dead_letter_arn=lambda api: f"{told.queue_arns}{names.dead_letter_queue(deployment, api)}",
        key_arn=told.queue_key_arn or None,
    )


def timers(told: Surroundings, client: EventBridgeSchedulerClient) -> SchedulerTimers:
    """The jobs' timers."""
    deployment = told.deployment
    return SchedulerTimers(
        client,
        group=names.batch_schedules(deployment),
        name=lambda key: names.job_timer(deployment, key.api, key.id),
        function_arn=told.timer_function_arn,
        role_arn=told.timer_role_arn,
        event=_timed_out,
    )


def _timed_out(key: JobKey) -> dict[str, str]:
    return {"step": TIMED_OUT, "api": key.api, "job": key.id}
