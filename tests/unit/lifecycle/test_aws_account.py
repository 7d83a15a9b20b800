"""What AWS answers a destruction with, where no emulator does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from penstock.aws.account import AwsAccount
from penstock.aws.estate import _queues
from penstock.lifecycle.estate import Crowd
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP, CLUSTER = "penstock-acct_gpu-group", "penstock-acct"


def client_of(service: Any) -> Any:
    return boto3.client(service, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")


class Scripted:
    """An account whose services give the answers that they were told, in this order."""

    def __init__(self) -> None:
        self.clients: dict[str, Any] = {}
        self.stubs: dict[str, Stubber] = {}
        self.account = AwsAccount(
            self._client, "acct", auto_scaling=True, clock=lambda: 0.0, sleep=lambda _: None
        )

    def answers(self, service: str, call: str, answer: dict[str, Any], asked: dict[str, Any]) -> None:
        self._client(service)
        self.stubs[service].add_response(call, answer, asked)

    def refuses(self, service: str, call: str, code: str) -> None:
        self._client(service)
        self.stubs[service].add_client_error(call, code)

    def _client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = client_of(service)
            self.stubs[service] = Stubber(self.clients[service])
            self.stubs[service].activate()
        return self.clients[service]


@pytest.fixture
def aws() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    for stub in scripted.stubs.values():
        stub.assert_no_pending_responses()


def instance(number: int, *, state: str = "InService", protected: bool = True) -> dict[str, Any]:
    return {
        "InstanceId": f"i-{number:03}",
        "AvailabilityZone": "eu-central-1a",
        "LifecycleState": state,
        "HealthStatus": "Healthy",
        "ProtectedFromScaleIn": protected,
    }


def group_of(instances: list[dict[str, Any]]) -> dict[str, Any]:
    group = {
        "AutoScalingGroupName": GROUP,
        "MinSize": 1,
        "MaxSize": 200,
        "DesiredCapacity": len(instances),
        "DefaultCooldown": 300,
        "AvailabilityZones": ["eu-central-1a"],
        "HealthCheckType": "EC2",
        "CreatedTime": 0,
        "Instances": instances,
    }
    return {"AutoScalingGroups": [group]}


def test_instances_are_let_go_of_fifty_at_a_time_and_none_that_begins_or_ends(aws):
    begins_or_ends = [instance(900, state="Terminating:Wait"), instance(901, state="Pending")]
    free = [instance(902, protected=False)]
    held = [instance(number) for number in range(51)]
    asked: dict[str, Any] = {"AutoScalingGroupNames": [GROUP]}
    aws.answers(
        "autoscaling", "describe_auto_scaling_groups", group_of([*begins_or_ends, *free, *held]), asked
    )
    asked = {"AutoScalingGroupName": GROUP, "MinSize": 0, "DesiredCapacity": 0}
    aws.answers("autoscaling", "update_auto_scaling_group", {}, asked)
    for part in (held[:50], held[50:]):
        ids = [one["InstanceId"] for one in part]
        asked = {"AutoScalingGroupName": GROUP, "InstanceIds": ids, "ProtectedFromScaleIn": False}
        aws.answers("autoscaling", "set_instance_protection", {}, asked)

    aws.account.release_instances(GROUP)


def test_a_task_that_is_stopping_is_still_in_its_cluster(aws):
    states = {"RUNNING": ["RUNNING"], "STOPPED": ["DEPROVISIONING", "STOPPED"]}
    for desired, of_tasks in states.items():
        arns = [f"arn:aws:ecs:eu-central-1:1:task/{state}" for state in of_tasks]
        asked: dict[str, Any] = {"cluster": CLUSTER, "desiredStatus": desired, "maxResults": 100}
        aws.answers("ecs", "list_tasks", {"taskArns": arns}, asked)
        described = [{"taskArn": arn, "lastStatus": state} for arn, state in zip(arns, of_tasks, strict=True)]
        aws.answers("ecs", "describe_tasks", {"tasks": described}, {"cluster": CLUSTER, "tasks": arns})
    aws.answers("ecs", "list_container_instances", {"containerInstanceArns": []}, {"cluster": CLUSTER})

    assert aws.account.crowd(CLUSTER) == Crowd(tasks=2, instances=0)


def test_an_object_that_stays_is_told_of_with_its_reason(aws):
    aws.answers("s3", "list_multipart_uploads", {"Uploads": [{"Key": "u", "UploadId": "1"}]}, {"Bucket": "b"})
    aws.refuses("s3", "abort_multipart_upload", "NoSuchUpload")
    versions = {"Versions": [{"Key": "k", "VersionId": "1"}]}
    aws.answers("s3", "list_object_versions", versions, {"Bucket": "b", "MaxKeys": 1000})
    errors = [{"Key": "k", "Code": "AccessDenied", "Message": "Object is locked"}]
    aws.answers("s3", "delete_objects", {"Errors": errors}, {"Bucket": "b", "Delete": ANY})

    with pytest.raises(DependencyError, match="empty bucket b: k: AccessDenied: Object is locked"):
        aws.account.empty_bucket("b", told=lambda _: None)


def test_a_table_is_deleted_when_its_protection_is_off_and_is_gone_then(aws):
    def described(status: str, *, protected: bool) -> dict[str, Any]:
        return {"Table": {"TableStatus": status, "DeletionProtectionEnabled": protected}}

    asked = {"TableName": "t"}
    aws.answers("dynamodb", "describe_table", described("ACTIVE", protected=True), asked)
    aws.answers("dynamodb", "update_table", {}, {**asked, "DeletionProtectionEnabled": False})
    aws.answers("dynamodb", "describe_table", described("ACTIVE", protected=False), asked)
    aws.answers("dynamodb", "delete_table", {}, asked)
    aws.refuses("dynamodb", "describe_table", "ResourceNotFoundException")

    aws.account.delete_table("t")


def test_queues_are_listed_to_the_last_page():
    # SQS gives a token for the next page only to those who say how large one is.
    sqs = client_of("sqs")
    with Stubber(sqs) as stub:
        asked = {"QueueNamePrefix": "penstock-acct_", "MaxResults": 1000}
        stub.add_response("list_queues", {"QueueUrls": ["https://a"], "NextToken": "more"}, asked)
        stub.add_response("list_queues", {"QueueUrls": ["https://b"]}, {**asked, "NextToken": "more"})

        assert list(_queues(sqs, "acct")) == ["https://a", "https://b"]
