"""The ``Account`` port on AWS, with the operator's own credentials."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from penstock import keys, names
from penstock.amounts import amount
from penstock.aws import accepting, estate
from penstock.aws.faults import code_of, queue_is_gone, translated
from penstock.lifecycle.estate import Crowd, StackStuck, Work
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.lifecycle.estate import Estate, Service, Stack

#: What AWS's services say of what is not there.
_ABSENT = frozenset(
    {
        "404",
        "ClusterNotFoundException",
        "ExecutionDoesNotExist",
        "NoSuchBucket",
        "NotFoundException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "ResourceNotFoundException",
        "ServiceNotActiveException",
        "ServiceNotFoundException",
    }
)

_STACK_PAUSE_SECONDS = 3
#: A stack with instances takes long to go; CloudFormation itself gives up after hours.
_STACK_SECONDS = 3600

#: Objects that S3 deletes in one call.
_OBJECTS_A_CALL = 1000

#: How many tasks ECS describes in one call.
_TASKS_A_CALL = 100

#: Of how many instances Auto Scaling changes the protection in one call.
_INSTANCES_A_CALL = 50

#: Auto Scaling refuses the whole call for an instance that begins or ends.
_PROTECTABLE = frozenset({"InService", "EnteringStandby", "Standby"})


class AwsAccount:
    """One deployment's account and region."""

    def __init__(
        self,
        client: Callable[[str], Any],
        deployment: str,
        *,
        auto_scaling: bool,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """``client`` makes a client of a service, or gives the one it made; ``clock`` is in seconds.

        The emulators know no Application Auto Scaling, and nothing there changes a service back.
        """
        self._client = client
        self._deployment = deployment
        self._auto_scaling = auto_scaling
        self._clock = clock
        self._sleep = sleep

    def estate(self) -> Estate:
        """See ``Account.estate``."""
        with translated("look what is there"):
            return estate.read(self._client, self._deployment)

    def accepting(self) -> frozenset[str]:
        """See ``Account.accepting``."""
        with translated("ask which APIs take requests"):
            return accepting.read(self._client("ssm"), self._deployment) or frozenset()

    def work(self, stack: Stack) -> Work:
        """See ``Account.work``."""
        api = stack.api
        assert api is not None
        with translated(f"look what {api} has left to do"):
            visible, in_flight = self._depth(names.queue(self._deployment, api))
            return Work(
                visible=visible,
                in_flight=in_flight,
                dead_letters=sum(self._depth(names.dead_letter_queue(self._deployment, api))),
                open=sum(self._open(api)),
                jobs=sum(1 for machine in stack.machines for _ in estate.executions(self._client, machine)),
            )

    def crowd(self, cluster: str) -> Crowd:
        """See ``Account.crowd``."""
        with translated(f"look into cluster {cluster}"):
            return Crowd(tasks=sum(1 for _ in self._tasks(cluster)), instances=len(self._instances(cluster)))

    def desired(self, service: Service) -> int:
        """See ``Account.desired``."""
        with translated(f"look at service {service.name}"):
            found = self._client("ecs").describe_services(cluster=service.cluster, services=[service.name])
        return sum(int(one["desiredCount"]) for one in found["services"])

    def scale(self, service: Service, *, tasks: int, follow: bool) -> None:
        """See ``Account.scale``."""
        with translated(f"scale service {service.name}"):
            if not follow and self._auto_scaling:
                self._suspend(service)
            with _unless_absent():
                self._client("ecs").update_service(
                    cluster=service.cluster, service=service.name, desiredCount=tasks
                )

    def stop_tasks(self, cluster: str) -> None:
        """See ``Account.stop_tasks``; tasks of a service are left to drain, as its scaling has told them."""
        ecs = self._client("ecs")
        with translated(f"end tasks of cluster {cluster}"):
            for task in self._tasks(cluster):
                if not task.get("group", "").startswith("service:"):
                    with _unless_absent():
                        ecs.stop_task(
                            cluster=cluster, task=task["taskArn"], reason="the deployment is destroyed"
                        )
            for arn in self._instances(cluster):
                with _unless_absent("InvalidParameterException"):
                    # Refused while a task runs there: it is asked for again then.
                    ecs.deregister_container_instance(cluster=cluster, containerInstance=arn, force=False)

    def release_instances(self, group: str) -> None:
        """See ``Account.release_instances``."""
        scaling = self._client("autoscaling")
        with translated(f"let go of the instances of {group}"):
            found = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
            for one in found:
                # First: what starts meanwhile would be protected again.
                scaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=0, DesiredCapacity=0)
                kept = [
                    each["InstanceId"]
                    for each in one["Instances"]
                    if each["ProtectedFromScaleIn"] and each["LifecycleState"] in _PROTECTABLE
                ]
                for start in range(0, len(kept), _INSTANCES_A_CALL):
                    scaling.set_instance_protection(
                        AutoScalingGroupName=group,
                        InstanceIds=kept[start : start + _INSTANCES_A_CALL],
                        ProtectedFromScaleIn=False,
                    )

    def stop_execution(self, arn: str) -> None:
        """See ``Account.stop_execution``."""
        with translated("stop execution"), _unless_absent():
            self._client("stepfunctions").stop_execution(
                executionArn=arn, cause="the deployment is destroyed"
            )

    def delete_stack(self, name: str, *, told: Callable[[str], None]) -> None:
        """See ``Account.delete_stack``."""
        cloudformation = self._client("cloudformation")
        with translated(f"delete stack {name}"):
            cloudformation.delete_stack(StackName=name)
        until, last = self._clock() + _STACK_SECONDS, ""
        while (status := self._status(name)) is not None:
            if status.endswith("FAILED"):
                raise StackStuck(f"{status}: {self._reason(name)}")
            if self._clock() >= until:
                raise StackStuck(f"{status} for {_STACK_SECONDS // 60} minutes; it may still go")
            if status != last:
                told(f"    {status}")
                last = status
            self._sleep(_STACK_PAUSE_SECONDS)

    def delete_queue(self, url: str) -> None:
        """See ``Account.delete_queue``."""
        with translated("delete queue"), _unless_absent():
            self._client("sqs").delete_queue(QueueUrl=url)

    def delete_timer(self, name: str) -> None:
        """See ``Account.delete_timer``."""
        with translated("delete timer"), _unless_absent():
            self._client("scheduler").delete_schedule(
                Name=name, GroupName=names.batch_schedules(self._deployment)
            )

    def delete_key(self, key_id: str) -> None:
        """See ``Account.delete_key``."""
        with translated("delete API key"), _unless_absent():
            self._client("apigateway").delete_api_key(apiKey=key_id)

    def delete_table(self, name: str) -> None:
        """See ``Account.delete_table``."""
        dynamodb = self._client("dynamodb")
        with translated(f"delete table {name}"), _unless_absent():
            if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
                dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
                # A table that is being changed is not deleted.
                dynamodb.get_waiter("table_exists").wait(TableName=name)
            dynamodb.delete_table(TableName=name)
            dynamodb.get_waiter("table_not_exists").wait(TableName=name)

    def empty_bucket(self, name: str, *, told: Callable[[str], None]) -> None:
        """See ``Account.empty_bucket``."""
        s3, deleted = self._client("s3"), 0
        with translated(f"empty bucket {name}"), _unless_absent():
            for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
                for upload in page.get("Uploads", ()):
                    with _unless_absent("NoSuchUpload"):
                        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
            pages = s3.get_paginator("list_object_versions").paginate(
                Bucket=name, PaginationConfig={"PageSize": _OBJECTS_A_CALL}
            )
            for page in pages:
                found = [
                    {"Key": one["Key"], "VersionId": one["VersionId"]}
                    for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                ]
                if found:
                    answer = s3.delete_objects(Bucket=name, Delete={"Objects": found, "Quiet": True})
                    # The call succeeds whatever becomes of the objects.
                    for error in answer.get("Errors", ()):
                        raise DependencyError(
                            f"empty bucket {name}: {error['Key']}: {error['Code']}: {error['Message']}"
                        )
                    deleted += len(found)
                    told(f"    {amount(deleted, 'object')} deleted")

    def delete_bucket(self, name: str) -> None:
        """See ``Account.delete_bucket``."""
        with translated(f"delete bucket {name}"), _unless_absent():
            self._client("s3").delete_bucket(Bucket=name)

    def delete_log_group(self, name: str) -> None:
        """See ``Account.delete_log_group``."""
        with translated(f"delete log group {name}"), _unless_absent():
            self._client("logs").delete_log_group(logGroupName=name)

    def delete_secret(self, name: str) -> None:
        """See ``Account.delete_secret``."""
        with translated(f"delete secret {name}"), _unless_absent():
            self._client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    def _depth(self, queue: str) -> tuple[int, int]:
        """Messages that wait and that are being worked on; none in a queue that is not there."""
        sqs = self._client("sqs")
        names_of = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        try:
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names_of))["Attributes"]
        except ClientError as error:
            if not queue_is_gone(error):
                raise
            return 0, 0
        visible, in_flight = (int(found[name]) for name in names_of)
        return visible, in_flight

    def _open(self, api: str) -> Iterator[int]:
        dynamodb, table = self._client("dynamodb"), names.table(self._deployment)
        for shard in range(keys.SHARDS):
            pages = dynamodb.get_paginator("query").paginate(
                TableName=table,
                IndexName=keys.OPEN_INDEX,
                Select="COUNT",
                KeyConditionExpression="open_pk = :partition",
                ExpressionAttributeValues={":partition": {"S": keys.open_partition(api, shard)}},
            )
            try:
                yield from (page["Count"] for page in pages)
            except ClientError as error:
                if code_of(error) not in _ABSENT:
                    raise

    def _tasks(self, cluster: str) -> Iterator[dict[str, Any]]:
        """Tasks that have not stopped; none of a cluster that is not there."""
        ecs = self._client("ecs")
        with _unless_absent():
            # Those that shall stop are listed apart, with those that did within the hour.
            for desired in ("RUNNING", "STOPPED"):
                for page in ecs.get_paginator("list_tasks").paginate(
                    cluster=cluster, desiredStatus=desired, PaginationConfig={"PageSize": _TASKS_A_CALL}
                ):
                    if page["taskArns"]:
                        described = ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
                        yield from (task for task in described if task["lastStatus"] != "STOPPED")

    def _instances(self, cluster: str) -> list[str]:
        pages = self._client("ecs").get_paginator("list_container_instances").paginate(cluster=cluster)
        with _unless_absent():
            return [arn for page in pages for arn in page["containerInstanceArns"]]
        return []

    def _suspend(self, service: Service) -> None:
        """Have Application Auto Scaling leave the service alone: it would bring tasks back."""
        scaling = self._client("application-autoscaling")
        where = {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        resource = f"service/{service.cluster}/{service.name}"
        targets = scaling.describe_scalable_targets(ResourceIds=[resource], **where)["ScalableTargets"]
        if targets:
            scaling.register_scalable_target(
                ResourceId=resource,
                MinCapacity=0,
                SuspendedState={
                    "DynamicScalingInSuspended": True,
                    "DynamicScalingOutSuspended": True,
                    "ScheduledScalingSuspended": True,
                },
                **where,
            )

    def _status(self, stack: str) -> str | None:
        with translated(f"look at stack {stack}"):
            try:
                found = self._client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
            except ClientError as error:
                # CloudFormation has no code of its own for a stack that does not exist.
                if code_of(error) != "ValidationError":
                    raise
                return None
        status: str = found[0]["StackStatus"]
        return None if status == "DELETE_COMPLETE" else status

    def _reason(self, stack: str) -> str:
        """What CloudFormation says of the resources that it could not delete."""
        with translated(f"look at stack {stack}"):
            events = self._client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in events
            if event["ResourceStatus"] == "DELETE_FAILED" and "ResourceStatusReason" in event
        ]
        return "; ".join(dict.fromkeys(reasons)) or "CloudFormation gives no reason"


@contextmanager
def _unless_absent(*further: str) -> Iterator[None]:
    """Leave off quietly where there is nothing any more."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _ABSENT.union(further):
            raise
