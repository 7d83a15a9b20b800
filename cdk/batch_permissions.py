"""What the steps of batch jobs and their workers may do; see ``cdk.permissions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from cdk import permissions
from cdk.statements import absence_shows, allow, leading, read_foreign
from penstock import keys
from penstock.batch import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cdk.arns import Arns
    from penstock.config import BatchApi

#: Records of jobs and what lies beside them; ends of batches have partitions of their own.
_JOBS = ["JOB#*"]


def gateway(arns: Arns, apis: Sequence[str], *, input_buckets: Iterable[str]) -> list[iam.PolicyStatement]:
    """What the gateway may do besides for jobs: look at their sources, store and begin them, show them."""
    listed = sorted(set(input_buckets))
    return [
        # Counters, chunks and lanes of a job, and its failed batches. Records it may read and write anyway.
        leading(arns, ["dynamodb:Query"], _JOBS),
        # A presigned URL to a batch or to the results carries these rights.
        allow(["s3:GetObject", "s3:PutObject"], [arns.objects(keys.JOBS)]),
        absence_shows(arns, [keys.JOBS]),
        *_list_foreign(arns, listed),
        # A dry run counts the items of small files.
        *read_foreign(arns, listed),
        allow(["states:StartExecution"], [arns.state_machine(api) for api in apis]),
    ]


def plan(arns: Arns, *, timer_role_arn: str) -> iam.PolicyDocument:
    """Rights of the function that prepares jobs, plans their chunks and seals them.

    Those to list input buckets come from the stacks of the APIs.
    """
    return iam.PolicyDocument(
        statements=[
            leading(arns, ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Query"], _JOBS),
            allow(["s3:GetObject", "s3:PutObject"], [arns.objects(keys.JOBS)]),
            absence_shows(arns, [keys.JOBS]),
            # The job's last message, if there is nothing left to do when it is sealed (J6).
            allow(["sqs:CreateQueue", "sqs:SendMessage"], [arns.all_job_queues]),
            allow(["scheduler:CreateSchedule"], [arns.timers]),
            _pass([timer_role_arn], to="scheduler.amazonaws.com"),
        ]
    )


def enqueue(arns: Arns) -> iam.PolicyDocument:
    """Rights of the function that makes batches of chunks and enqueues them.

    Those to read input buckets come from the stacks of the APIs.
    """
    return iam.PolicyDocument(
        statements=[
            leading(arns, ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], _JOBS),
            allow(["s3:GetObject", "s3:PutObject"], [arns.objects(keys.JOBS)]),
            absence_shows(arns, [keys.JOBS]),
            allow(["sqs:SendMessage"], [arns.all_job_queues]),
        ]
    )


def finish(arns: Arns, *, ends_arn: str) -> iam.PolicyDocument:
    """Rights of the function that ends jobs, keeps their lanes and cleans up after them.

    Those to send to dead-letter queues of the user's come from the stacks of the APIs.
    """
    return iam.PolicyDocument(
        statements=[
            leading(
                arns,
                ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"],
                _JOBS,
            ),
            allow(["s3:GetObject", "s3:PutObject"], [arns.objects(keys.JOBS)]),
            absence_shows(arns, [keys.JOBS]),
            allow(["sqs:GetQueueUrl", "sqs:DeleteQueue", "sqs:SendMessage"], [arns.all_job_queues]),
            allow(
                [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:ChangeMessageVisibility",
                ],
                [ends_arn],
            ),
            allow(["scheduler:DeleteSchedule"], [arns.timers]),
            permissions.read_deployed(arns),
        ]
    )


def of_api(arns: Arns, api: BatchApi) -> dict[str, list[iam.PolicyStatement]]:
    """What the shared functions need of the user's own resources for this API, by step."""
    buckets = api.input_buckets
    return {
        "plan": _list_foreign(arns, buckets),
        "enqueue": read_foreign(arns, buckets),
        "finish": _report(api.dead_letter_queues),
    }


def _report(queue_arns: Iterable[str]) -> list[iam.PolicyStatement]:
    """Rights to send reports of failed batches to queues of the user's."""
    listed = sorted(set(queue_arns))
    return [allow(["sqs:GetQueueUrl", "sqs:SendMessage"], listed)] if listed else []


def call(function_arns: Sequence[str]) -> iam.PolicyDocument:
    """Rights to call these functions."""
    return iam.PolicyDocument(statements=[allow(["lambda:InvokeFunction"], list(function_arns))])


def state_machine(arns: Arns, api: BatchApi, *, role_arns: Sequence[str]) -> iam.PolicyDocument:
    """Rights of one API's state machine. ``role_arns`` are those of the API's task."""
    name, listed = api.name, [objects.CHUNKS, objects.LANES]
    return iam.PolicyDocument(
        statements=[
            allow(
                ["lambda:InvokeFunction"],
                [arns.batch_function(step) for step in ("plan", "enqueue", "finish")],
            ),
            allow(["s3:GetObject"], [f"{arns.bucket}/{keys.JOBS}/{name}/*/{each}" for each in listed]),
            allow(
                ["ecs:RunTask"],
                [arns.task_definitions(name)],
                {"ArnEquals": {"ecs:cluster": arns.cluster(api)}},
            ),
            allow(["ecs:DescribeTasks", "ecs:StopTask"], [arns.tasks(api)]),
            # Tasks take the tags of their definition, which ECS checks as if they were named.
            allow(["ecs:TagResource"], [arns.tasks(api)], {"StringEquals": {"ecs:CreateAction": "RunTask"}}),
            _pass(role_arns, to="ecs-tasks.amazonaws.com"),
            # How Step Functions learns that a task has ended.
            allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], [arns.task_events]),
            # A Distributed Map runs its children as executions.
            allow(["states:StartExecution"], [arns.state_machine(name)]),
            allow(["states:DescribeExecution", "states:StopExecution"], arns.executions(name)),
        ]
    )


def worker(arns: Arns, api: str, *, input_buckets: Iterable[str]) -> iam.PolicyDocument:
    """Rights of one API's workers. A task has one role, so the user's containers have them too."""
    jobs = f"{keys.JOBS}/{api}"
    return iam.PolicyDocument(
        statements=[
            # The job's last message is sent by the worker that finds it done (J6).
            allow(
                [
                    "sqs:ReceiveMessage",
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:SendMessage",
                ],
                [arns.job_queues(api)],
            ),
            # What is no batch is moved out of the way.
            allow(["sqs:SendMessage"], [arns.dead_letter_queue(api)]),
            leading(
                arns,
                ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"],
                [f"JOB#{api}#*", f"BATCH#{api}#*"],
            ),
            allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], [arns.objects(jobs)]),
            absence_shows(arns, [jobs]),
            *read_foreign(arns, input_buckets),
        ]
    )


def _list_foreign(arns: Arns, buckets: Iterable[str]) -> list[iam.PolicyStatement]:
    """Rights to list buckets of the user's: what a submission's patterns match is found so."""
    listed = [arns.foreign_bucket(bucket) for bucket in sorted(set(buckets))]
    return [allow(["s3:ListBucket"], listed)] if listed else []


def _pass(role_arns: Sequence[str], *, to: str) -> iam.PolicyStatement:
    """The right to lend these roles to one service."""
    return allow(["iam:PassRole"], list(role_arns), {"StringEquals": {"iam:PassedToService": to}})
