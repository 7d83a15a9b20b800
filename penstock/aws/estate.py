"""What a deployment has in an account, read from CloudFormation and from where that does not look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from penstock import names
from penstock.aws.faults import code_of
from penstock.aws.meters import ApiGatewayMeters
from penstock.lifecycle.estate import Estate, Service, Stack, functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_cloudformation.type_defs import StackTypeDef

#: Put on each stack by ``cdk.stacks``: one deployment's name may begin with another's.
_TAG = "penstock:deployment"

_GONE = "DELETE_COMPLETE"

#: Without a size of the page, SQS gives as many and no token for the next.
_QUEUES_A_CALL = 1000


def read(client: Callable[[str], Any], deployment: str) -> Estate:
    """Everything of one deployment, and of none whose name begins with its name."""
    stacks = tuple(_stacks(client("cloudformation"), deployment))
    machines = [arn for stack in stacks for arn in stack.machines]
    account = client("sts").get_caller_identity()["Account"]
    region = client("s3").meta.region_name
    return Estate(
        deployment=deployment,
        account=account,
        region=region,
        stacks=stacks,
        executions=tuple(arn for machine in machines for arn in executions(client, machine)),
        queues=tuple(_queues(client("sqs"), deployment)),
        timers=tuple(_timers(client("scheduler"), deployment)),
        keys=tuple(meter.id for meter in ApiGatewayMeters(client("apigateway"), deployment).list()),
        table=_table(client("dynamodb"), names.table(deployment)),
        bucket=_bucket(client("s3"), names.bucket(deployment, account=account, region=region)),
        log_groups=tuple(_log_groups(client("logs"), deployment)),
        secrets=tuple(_secrets(client("secretsmanager"), deployment)),
    )


def executions(client: Callable[[str], Any], machine: str) -> Iterator[str]:
    """ARNs of the executions of a state machine that run; none of a machine that is gone."""
    states = client("stepfunctions")
    try:
        for page in states.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING"
        ):
            yield from (execution["executionArn"] for execution in page["executions"])
    except ClientError as error:
        if code_of(error) != "StateMachineDoesNotExist":
            raise


def _stacks(cloudformation: Any, deployment: str) -> Iterator[Stack]:
    prefix = names.stack(deployment, "")
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackStatus"] != _GONE and _tag(stack) == deployment:
                part = stack["StackName"].removeprefix(prefix)
                yield _stack(cloudformation, stack["StackName"], part)


def _tag(stack: StackTypeDef) -> str | None:
    return next((tag["Value"] for tag in stack.get("Tags", ()) if tag["Key"] == _TAG), None)


def _stack(cloudformation: Any, name: str, part: str) -> Stack:
    found: dict[str, list[str]] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceStatus"] != _GONE and "PhysicalResourceId" in resource:
                found.setdefault(resource["ResourceType"], []).append(resource["PhysicalResourceId"])
    return Stack(
        name=name,
        part=part,
        services=tuple(map(_service, found.get("AWS::ECS::Service", ()))),
        machines=tuple(found.get("AWS::StepFunctions::StateMachine", ())),
        groups=tuple(found.get("AWS::AutoScaling::AutoScalingGroup", ())),
        clusters=tuple(found.get("AWS::ECS::Cluster", ())),
    )


def _service(arn: str) -> Service:
    # arn:aws:ecs:<region>:<account>:service/<cluster>/<name>
    cluster, name = arn.rsplit("/", 2)[1:]
    return Service(cluster=cluster, name=name)


def _queues(sqs: Any, deployment: str) -> Iterator[str]:
    # The underscore is in no deployment's name, so no other's queues begin so.
    prefix = names.job_queues(deployment).removesuffix("*")
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix=prefix, PaginationConfig={"PageSize": _QUEUES_A_CALL}
    )
    for page in pages:
        yield from page.get("QueueUrls", ())


def _timers(scheduler: Any, deployment: str) -> Iterator[str]:
    try:
        for page in scheduler.get_paginator("list_schedules").paginate(
            GroupName=names.batch_schedules(deployment)
        ):
            yield from (schedule["Name"] for schedule in page["Schedules"])
    except ClientError as error:
        # The group belongs to a stack, and its schedules go with it.
        if code_of(error) != "ResourceNotFoundException":
            raise


def _table(dynamodb: Any, name: str) -> str | None:
    try:
        dynamodb.describe_table(TableName=name)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return None
    return name


def _bucket(s3: Any, name: str) -> str | None:
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if code_of(error) not in {"404", "NoSuchBucket"}:
            raise
        return None
    return name


def _log_groups(logs: Any, deployment: str) -> Iterator[str]:
    of_apis = names.log_group(deployment, "")
    exact = {f"/aws/lambda/{name}" for name in functions(deployment)} | {
        f"/aws/apigateway/{names.PREFIX}-{deployment}"
    }
    for prefix in (of_apis, *sorted(exact)):
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
            found = (group["logGroupName"] for group in page["logGroups"])
            yield from (name for name in found if prefix in {of_apis, name})


def _secrets(secrets: Any, deployment: str) -> Iterator[str]:
    prefix = names.webhook_secret(deployment, "")
    filters: list[Mapping[str, Any]] = [{"Key": "name", "Values": [prefix]}]
    for page in secrets.get_paginator("list_secrets").paginate(Filters=filters):
        yield from (secret["Name"] for secret in page["SecretList"] if secret["Name"].startswith(prefix))
