"""Role by role: what it may do with its own, and that it may do nothing with anybody else's."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.cdk.templates import listed, text
from tests.iam import universe
from tests.iam.evaluation import allows
from tests.iam.matrix import MATRIX
from tests.iam.roles import ACCOUNT, Role, actions, roles

if TYPE_CHECKING:
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

#: What no role of ours may do, whatever else it may.
FORBIDDEN = {
    "dynamodb:Scan",
    "dynamodb:DeleteTable",
    "dynamodb:BatchWriteItem",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLUpdate",
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "s3:ListAllMyBuckets",
    "sqs:PurgeQueue",
    "sqs:SetQueueAttributes",
    "sqs:StartMessageMoveTask",
    "ecs:ExecuteCommand",
    "ecs:RegisterTaskDefinition",
    "ecs:UpdateService",
    "iam:PutRolePolicy",
    "lambda:UpdateFunctionCode",
    "secretsmanager:PutSecretValue",
    "ssm:PutParameter",
    "states:UpdateStateMachine",
}

#: Who takes a role needs its account in the policy, where AWS tells it. Lambda, API Gateway and the agent
#: of ECS do not tell it for these roles; only somebody with iam:PassRole in this account can hand them over.
TOLD = {
    "vpc-flow-logs.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "states.amazonaws.com",
    "scheduler.amazonaws.com",
}
UNTOLD = {"gateway/FrontDoorApiCloudWatchRole": "apigateway.amazonaws.com"}


@pytest.fixture(scope="module")
def found(deployed: Templates) -> dict[str, Role]:
    return roles(deployed)


def allowed(statements, every: set[str]) -> dict[str, set[str]]:
    table: dict[str, set[str]] = {}
    for label, call in universe.calls(every):
        if allows(statements, call):
            table.setdefault(label, set()).add(call.action)
    return table


def every_action(found: dict[str, Role]) -> set[str]:
    return FORBIDDEN.union(*map(actions, found.values()))


def test_the_matrix_speaks_of_each_role_there_is(found):
    assert found.keys() == MATRIX.keys()


@pytest.mark.parametrize("role", MATRIX)
def test_a_role_may_do_what_the_matrix_says_and_nothing_else(found, role):
    assert allowed(found[role].statements, every_action(found)) == MATRIX[role]


@pytest.mark.parametrize("role", [role for role, table in MATRIX.items() if table])
def test_the_matrix_notices_each_statement_of_a_role_that_is_gone(found, role):
    statements = found[role].statements
    every = actions(found[role])
    whole = allowed(statements, every)

    unnoticed = [
        statement
        for index, statement in enumerate(statements)
        if allowed((*statements[:index], *statements[index + 1 :]), every) == whole
    ]

    assert unnoticed == []


def test_no_role_has_a_wildcard_for_an_action(found):
    assert [
        action for role in found.values() for action in actions(role) if "*" in action or "?" in action
    ] == []


def test_no_statement_is_about_all_but_something(found):
    for role in found.values():
        for statement in role.statements:
            assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys()


def test_no_statement_speaks_of_another_account_than_this_and_those_the_configuration_names(found):
    named = {
        part
        for role in found.values()
        for s in role.statements
        for r in listed(s["Resource"])
        for part in r.split(":")[4:5]
    }

    assert named - {""} == {ACCOUNT}


def test_the_only_policy_of_aws_is_the_one_for_access_logs(found):
    managed = {role.id: role.managed for role in found.values() if role.managed}

    assert managed == {
        "gateway/FrontDoorApiCloudWatchRole": (
            "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
        )
    }


def test_a_role_is_taken_by_one_service_of_aws_and_for_this_account(found):
    for role in found.values():
        [trust] = role.trust
        assert (trust["Effect"], trust["Action"], trust["Principal"].keys()) == (
            "Allow",
            "sts:AssumeRole",
            {"Service"},
        )
        service = trust["Principal"]["Service"]
        if service in TOLD and "ExecutionRole" not in role.id:
            assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}, role.id
        else:
            assert service in {"lambda.amazonaws.com", "ecs-tasks.amazonaws.com", UNTOLD.get(role.id)}


def refuses_plain_http(policy) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] in ("*", {"AWS": "*"})
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["PolicyDocument"]["Statement"]
    )


@pytest.mark.parametrize(
    ("kind", "policy_kind", "key"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
    ],
)
def test_buckets_queues_and_topics_refuse_what_is_not_encrypted_on_the_way(deployed, kind, policy_kind, key):
    count = 0
    for template in deployed.by_part.values():
        resources = template["Resources"]
        wanted = {f"<{name}>" for name, resource in resources.items() if resource["Type"] == kind}
        policies = [r["Properties"] for r in resources.values() if r["Type"] == policy_kind]
        closed = {
            text(reference)
            for policy in policies
            if refuses_plain_http(policy)
            for reference in listed(policy[key])
        }
        assert wanted <= closed
        count += len(wanted)
    assert count > 0


def test_no_bucket_can_be_made_public(deployed):
    buckets = [
        bucket["Properties"]
        for part in deployed.by_part
        for bucket in deployed.of_type(part, "AWS::S3::Bucket")
    ]

    assert buckets
    for bucket in buckets:
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        [ownership] = bucket["OwnershipControls"]["Rules"]
        assert ownership == {"ObjectOwnership": "BucketOwnerEnforced"}


def test_the_names_that_the_matrix_tries_are_really_beginnings_of_each_other():
    for names in (("sum", "sum-2"), ("calc", "calc-2"), ("shop", "shop-2")):
        assert all(second.startswith(first) for first, second in pairwise(names))
