"""The audit of ``make check``, on small apps; the deployments themselves are audited there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, Aws, CfnResource, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk.acknowledged import acknowledge
from cdk.audit import audit
from cdk.role import role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from constructs import Construct

pytestmark = pytest.mark.synth

IN_VAIN = "is acknowledged, and nothing is found"


def found(add: Callable[[Stack], object], folder: Path) -> dict[str, set[str]]:
    """Where to rules."""

    def fill(app: App, _build_folder: Path) -> None:
        add(Stack(app, "stack"))

    rules: dict[str, set[str]] = {}
    for finding in audit(fill, folder):
        shown = f"{finding.rule} in vain" if finding.text == IN_VAIN else finding.rule
        rules.setdefault(finding.where, set()).add(shown.removeprefix("AwsSolutions::"))
    return rules


def bucket(stack: Construct) -> s3.Bucket:
    return s3.Bucket(stack, "Bucket", enforce_ssl=True)


def with_rights(stack: Stack, *actions: str, resource: str) -> iam.Role:
    statement = iam.PolicyStatement(actions=list(actions), resources=[resource])
    return role(
        stack,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        policies={"rights": iam.PolicyDocument(statements=[statement])},
    )


def test_a_finding_that_is_neither_mended_nor_acknowledged_is_told(tmp_path):
    assert found(bucket, tmp_path) == {"stack/Bucket/Resource": {"AwsSolutions-S1"}}


def test_an_acknowledged_finding_is_not(tmp_path):
    assert found(lambda stack: acknowledge(bucket(stack), "S1", "for a reason"), tmp_path) == {}


def test_an_acknowledgement_counts_for_its_own_construct_alone(tmp_path):
    def add(stack: Stack) -> None:
        acknowledge(bucket(stack), "S1", "for a reason")
        s3.Bucket(stack, "Other", enforce_ssl=True)

    assert found(add, tmp_path) == {"stack/Other/Resource": {"AwsSolutions-S1"}}


def test_an_acknowledgement_that_fits_nothing_is_told(tmp_path):
    def add(stack: Stack) -> None:
        one = bucket(stack)
        acknowledge(one, "S1", "for a reason")
        acknowledge(one, "S10", "for a reason that is none any more")

    assert found(add, tmp_path) == {"stack/Bucket": {"AwsSolutions-S10 in vain"}}


def test_a_warning_is_told_as_well(tmp_path):
    def add(stack: Stack) -> None:
        api = apigateway.RestApi(stack, "Api", cloud_watch_role=False)
        api.root.add_method("GET")

    rules = set().union(*found(add, tmp_path).values())

    # cdk-nag's word for a missing web ACL is a warning
    assert "AwsSolutions-APIG3" in rules


def test_what_cfn_lint_finds_is_told(tmp_path):
    def add(stack: Stack) -> None:
        CfnResource(stack, "Queue", type="AWS::SQS::Queue", properties={"QueueNmae": "x"})

    rules = set().union(*found(add, tmp_path).values())

    assert "E3002" in rules


@pytest.mark.parametrize(
    ("actions", "resource"),
    [
        (
            ["s3:GetObject"],
            "arn:<Partition>:s3:::penstock-shop-<AccountId>-<Region>/payloads/a/*",
        ),
        (["s3:GetObject"], "arn:<Partition>:s3:::photos/*"),
        (["ecr:GetAuthorizationToken"], "*"),
    ],
)
def test_wildcards_with_a_known_reason_are_acknowledged(tmp_path, actions, resource):
    for name, token in (("Partition", Aws.PARTITION), ("AccountId", Aws.ACCOUNT_ID), ("Region", Aws.REGION)):
        resource = resource.replace(f"<{name}>", token)

    assert found(lambda stack: with_rights(stack, *actions, resource=resource), tmp_path) == {}


@pytest.mark.parametrize(
    ("actions", "resource"),
    [
        # all objects of the bucket, of whatever kind
        (["s3:GetObject"], "arn:aws:s3:::penstock-shop-111122223333-eu-west-1/*/x"),
        # the queues of any API
        (["sqs:SendMessage"], "arn:aws:sqs:eu-west-1:111122223333:penstock-shop-*"),
        # a call that has resources
        (["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "*"),
        (["s3:*"], "arn:aws:s3:::photos"),
    ],
)
def test_any_other_wildcard_is_a_finding(tmp_path, actions, resource):
    [(where, rules)] = found(lambda stack: with_rights(stack, *actions, resource=resource), tmp_path).items()

    assert where == "stack/Role/Resource"
    assert all(rule.startswith("AwsSolutions-IAM5") for rule in rules)
