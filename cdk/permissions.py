"""What the functions and the workers may do, statement by statement.

Written out instead of granted by constructs, so that each right stands beside the call that needs
it (``penstock.aws``), and so that no stack has to import the constructs of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from cdk.statements import absence_shows, allow, leading, read_foreign
from penstock import keys, names
from penstock.scaling.ports import NAMESPACE
from penstock.webhooks.hosts import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cdk.arns import Arns
    from penstock.config import AsyncApi


def gateway(arns: Arns, apis: Sequence[AsyncApi]) -> iam.PolicyDocument:
    """Rights of the gateway: accept, show, cancel, list, run again, purge."""
    on_items = [f"dynamodb:{verb}Item" for verb in ("Get", "BatchGet", "Put", "Update", "Delete")]
    return iam.PolicyDocument(
        statements=[
            allow(on_items, [arns.table]),
            # Those are the authorizer's to read and an operator's to write.
            _no_api_keys(arns, on_items),
            allow(["dynamodb:Query"], [arns.index(keys.LISTING_INDEX), arns.index(keys.OPEN_INDEX)]),
            # A large payload that runs again is copied in parts.
            allow(["s3:PutObject", "s3:AbortMultipartUpload"], [arns.objects(keys.PAYLOADS)]),
            # A presigned URL carries the rights of whoever signed it: downloads and uploads need ours.
            # Payloads are read by copying them, and uploads looked at.
            allow(
                ["s3:GetObject", "s3:DeleteObject"],
                [arns.objects(keys.RESULTS), arns.objects(keys.PAYLOADS)],
            ),
            absence_shows(arns, [keys.RESULTS, keys.PAYLOADS]),
            *read_foreign(arns, {bucket for api in apis for bucket in api.input_buckets}),
            *([allow(["sqs:SendMessage"], [arns.queue(api.name) for api in apis])] if apis else []),
            *_look_at_services(arns),
            *_look_at_workers(arns),
            read_deployed(arns),
            # Tests and replays of webhooks.
            allow(["sqs:GetQueueUrl", "sqs:SendMessage"], [arns.webhook_queue(lane) for lane in Lane]),
        ]
    )


def _look_at_services(arns: Arns) -> list[iam.PolicyStatement]:
    """Rights to see how deep queues are and how many tasks run, also of APIs that have left."""
    return [
        allow(["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], [arns.request_queues]),
        allow(["ecs:DescribeServices"], arns.services),
    ]


def _look_at_workers(arns: Arns) -> list[iam.PolicyStatement]:
    """Rights to see the tasks of all APIs, also of those that have left."""
    return [
        allow(["ecs:DescribeTasks"], arns.all_tasks),
        # AWS knows no resource for this call but instances; the cluster is what it can be bound to.
        allow(["ecs:ListTasks"], ["*"], {"ArnLike": {"ecs:cluster": arns.clusters}}),
    ]


def read_deployed(arns: Arns) -> iam.PolicyStatement:
    """Rights to read what the stacks of this deployment's APIs say of them."""
    path = names.api_parameters(arns.deployment)
    return allow(["ssm:GetParametersByPath"], [arns.parameter(path), arns.parameter(f"{path}/*")])


def sweeper(arns: Arns) -> iam.PolicyDocument:
    """Rights of the sweeper: find what is due, and end it."""
    return iam.PolicyDocument(
        statements=[
            allow(["dynamodb:Query"], [arns.index(keys.OPEN_INDEX)]),
            leading(arns, ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], ["REQ#*"]),
            read_deployed(arns),
        ]
    )


def recorder(arns: Arns) -> iam.PolicyDocument:
    """Rights of the recorder: end requests and batches of dead letters, keep what is neither.

    Those to take the letters come from the stacks of the APIs, each for its own queue.
    """
    return iam.PolicyDocument(
        statements=[
            leading(arns, ["dynamodb:GetItem", "dynamodb:UpdateItem"], ["REQ#*"]),
            allow(["s3:PutObject"], [arns.objects(keys.MALFORMED), arns.objects(keys.JOBS)]),
            leading(arns, ["dynamodb:GetItem", "dynamodb:Query"], ["JOB#*"]),
            # One transaction writes both: the end of a batch, and what its job counts and lists.
            leading(arns, ["dynamodb:PutItem", "dynamodb:UpdateItem"], ["JOB#*", "BATCH#*"]),
            # A job's last message.
            allow(["sqs:SendMessage"], [arns.all_job_queues]),
            read_deployed(arns),
        ]
    )


def take_dead_letters(queue_arn: str) -> iam.PolicyStatement:
    """Rights of the recorder to one API's dead-letter queue; Lambda receives on its behalf."""
    return allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], [queue_arn])


def publisher(arns: Arns) -> iam.PolicyDocument:
    """Rights of the function that tells how many tasks are missing: to look, and to say so."""
    return iam.PolicyDocument(
        statements=[
            *_look_at_services(arns),
            read_deployed(arns),
            allow(["dynamodb:Query"], [arns.index(keys.OPEN_INDEX)]),
            # What it remembers, and when the oldest requests were made.
            leading(arns, ["dynamodb:BatchGetItem"], ["SCALING#*", "REQ#*"]),
            leading(arns, ["dynamodb:PutItem"], ["SCALING#*"]),
            # AWS knows no resource for this call; a namespace is what it can be bound to.
            allow(["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}),
        ]
    )


def authorizer(arns: Arns) -> iam.PolicyDocument:
    """Rights of what looks API keys up: to read those, and no request."""
    return iam.PolicyDocument(
        statements=[
            leading(arns, ["dynamodb:GetItem"], [f"{keys.API_KEYS}*"]),
            # A key may be for an API that has left the configuration.
            read_deployed(arns),
        ]
    )


def worker(arns: Arns, api: AsyncApi) -> iam.PolicyDocument:
    """Rights of one API's tasks. A task has one role, so the user's containers have them too."""
    name = api.name
    payloads, results = f"{keys.PAYLOADS}/{name}", f"{keys.RESULTS}/{name}"
    return iam.PolicyDocument(
        statements=[
            allow(
                ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"], [arns.queue(name)]
            ),
            # What is no request is moved out of the way.
            allow(["sqs:SendMessage"], [arns.dead_letter_queue(name)]),
            leading(arns, ["dynamodb:UpdateItem"], [f"REQ#{name}#*"]),
            allow(["s3:GetObject", "s3:DeleteObject"], [arns.objects(payloads)]),
            allow(["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], [arns.objects(results)]),
            absence_shows(arns, [payloads]),
            *read_foreign(arns, api.input_buckets),
            # Asked for by the ECS agent on the dequeuer's behalf, with the rights of the task.
            allow(["ecs:UpdateTaskProtection"], [arns.tasks(api)]),
        ]
    )


def events(arns: Arns, *, stream_arn: str, topic_arn: str, unread_arn: str) -> iam.PolicyDocument:
    """Rights of the function that turns ends of requests into events."""
    return iam.PolicyDocument(
        statements=[
            allow(
                ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], [stream_arn]
            ),
            # AWS knows no narrower resource for this call than all streams of the table.
            allow(["dynamodb:ListStreams"], [f"{arns.table}/stream/*"]),
            leading(arns, ["dynamodb:PutItem"], ["HOOK#*"]),
            # Results that go inline.
            allow(["s3:GetObject"], [arns.objects(keys.RESULTS)]),
            absence_shows(arns, [keys.RESULTS]),
            allow(["sqs:GetQueueUrl", "sqs:SendMessage"], [arns.webhook_queue(Lane.FIRST)]),
            # What cannot be read. Lambda itself also sends what was tried too often there, with the
            # function's rights.
            allow(["sqs:GetQueueUrl", "sqs:SendMessage"], [unread_arn]),
            allow(["sns:Publish"], [topic_arn]),
            read_deployed(arns),
        ]
    )


def sender(arns: Arns, *, queue_arns: Iterable[str], api_id: str) -> iam.PolicyDocument:
    """Rights of the function that makes the calls: its own items, never those of requests, and results."""
    return iam.PolicyDocument(
        statements=[
            leading(
                arns,
                ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
                ["HOOK#*", "HOST#*", "CALLS#*", "ENDPOINT#*"],
            ),
            allow(
                [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:GetQueueUrl",
                    "sqs:SendMessage",
                ],
                list(queue_arns),
            ),
            allow(["secretsmanager:GetSecretValue"], [arns.webhook_secrets]),
            # Functions' bodies, for callbacks by OpenFaaS's contract.
            allow(["s3:GetObject"], [arns.objects(keys.RESULTS)]),
            absence_shows(arns, [keys.RESULTS]),
            # Callbacks of one API to another (N7); nothing but submissions.
            allow(["execute-api:Invoke"], [arns.own_calls(api_id)]),
            read_deployed(arns),
        ]
    )


def _no_api_keys(arns: Arns, actions: list[str]) -> iam.PolicyStatement:
    """For those who may do so to the whole table: who writes a key's item can let in whom they like."""
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=actions,
        resources=[arns.table],
        conditions={"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": [f"{keys.API_KEYS}*"]}},
    )


def pull(repository_arns: Iterable[str]) -> list[iam.PolicyStatement]:
    """Rights to pull from these private repositories."""
    arns = sorted(set(repository_arns))
    if not arns:
        return []
    return [
        allow(["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"], arns),
        # AWS knows no resource for this call: the token stands for the caller, not for a repository.
        allow(["ecr:GetAuthorizationToken"], ["*"]),
    ]


def secrets(arns: Arns, references: Iterable[str]) -> list[iam.PolicyStatement]:
    """Rights to read what containers name as secrets: ARNs, or names of SSM parameters."""
    parameters, stored = [], []
    for reference in sorted(set(references)):
        if ":secretsmanager:" in reference:
            stored.append(_secret(reference))
        elif reference.startswith("arn:"):
            parameters.append(reference)
        else:
            parameters.append(arns.parameter(reference))
    return [
        *([allow(["ssm:GetParameters"], parameters)] if parameters else []),
        *([allow(["secretsmanager:GetSecretValue"], stored)] if stored else []),
    ]


def write_logs(log_group_arns: Iterable[str]) -> iam.PolicyStatement:
    """Rights to write to these log groups, which exist already."""
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], list(log_group_arns))


def _secret(reference: str) -> str:
    """The secret's own ARN: ECS takes a JSON key, a stage and a version behind it."""
    return ":".join(reference.split(":")[:7])
