from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cdk.templates import listed, text

if TYPE_CHECKING:
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

OWN = "<AWS::Region>:<AWS::AccountId>"
BUCKET = "arn:<AWS::Partition>:s3:::penstock-shop-<AWS::AccountId>-<AWS::Region>"
TABLE = f"arn:<AWS::Partition>:dynamodb:{OWN}:table/penstock-shop"

APIS = ("resize", "echo", "convert")
INPUTS = [f"arn:<AWS::Partition>:s3:::{bucket}/*" for bucket in ("photos", "scans.2026")]


def condition(templates: Templates, part: str, action: str) -> Any:
    [found] = conditions(templates, part, action)
    return found


def conditions(templates: Templates, part: str, action: str) -> list[Any]:
    return [
        statement.get("Condition")
        for owner, statement in templates.statements()
        if owner == part and statement["Effect"] == "Allow" and action in listed(statement["Action"])
    ]


def test_no_role_has_a_wildcard_for_an_action(cloud):
    actions = [action for _, statement in cloud.statements() for action in listed(statement["Action"])]

    assert actions
    assert [action for action in actions if "*" in action] == []


def test_every_right_is_bounded_except_those_that_aws_cannot_bound(cloud):
    unbounded = {
        action
        for _, statement in cloud.statements()
        for action in listed(statement["Action"])
        if "*" in [text(resource) for resource in listed(statement["Resource"])]
    }

    assert unbounded == {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "ecs:ListTasks"}
    assert text(condition(cloud, "gateway", "ecs:ListTasks")["ArnLike"]["ecs:cluster"][1]) == (
        f"arn:<AWS::Partition>:ecs:{OWN}:cluster/penstock-shop_*"
    )
    assert condition(cloud, "scaling", "cloudwatch:PutMetricData") == {
        "StringEquals": {"cloudwatch:namespace": "Penstock/Scaling"}
    }


#: What the stacks of this deployment's APIs say of them, and of no other's.
DEPLOYED = [f"arn:<AWS::Partition>:ssm:{OWN}:parameter/penstock/shop/apis{below}" for below in ("", "/*")]


def test_rights_are_all_stated_in_the_roles_themselves_or_where_what_they_are_to_is_made(cloud):
    for part in cloud.by_part:
        added = cloud.of_type(part, "AWS::IAM::Policy")
        assert part.startswith("api-") or added == []
        assert all("rolesp" in text(role) for policy in added for role in policy["Properties"]["Roles"])
        for role in cloud.of_type(part, "AWS::IAM::Role"):
            services = text(role["Properties"]["AssumeRolePolicyDocument"])
            # The one managed policy lets API Gateway itself write its logs.
            assert ("ManagedPolicyArns" in role["Properties"]) == ("apigateway" in services)


def test_the_gateway_may_do_what_it_calls(cloud):
    rights = cloud.actions("gateway")
    log = rights.pop("logs:PutLogEvents")

    assert rights.pop("logs:CreateLogStream") == log
    queues = [f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-{api}.fifo" for api in ("resize", "echo")]
    lanes = [f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-webhooks-{lane}" for lane in ("first", "later")]
    assert rights == {
        "dynamodb:GetItem": [TABLE],
        "dynamodb:PutItem": [TABLE],
        "dynamodb:UpdateItem": [TABLE],
        "dynamodb:DeleteItem": [TABLE],
        "dynamodb:BatchGetItem": [TABLE],
        "dynamodb:Query": [f"{TABLE}/index/listing", f"{TABLE}/index/open", TABLE],
        "s3:PutObject": [f"{BUCKET}/payloads/*", f"{BUCKET}/jobs/*"],
        "s3:AbortMultipartUpload": [f"{BUCKET}/payloads/*"],
        "s3:DeleteObject": [f"{BUCKET}/results/*", f"{BUCKET}/payloads/*"],
        "s3:GetObject": [
            f"{BUCKET}/results/*",
            f"{BUCKET}/payloads/*",
            *INPUTS,
            f"{BUCKET}/jobs/*",
            "arn:<AWS::Partition>:s3:::films/*",
        ],
        "s3:ListBucket": [BUCKET, BUCKET, "arn:<AWS::Partition>:s3:::films"],
        "states:StartExecution": [f"arn:<AWS::Partition>:states:{OWN}:stateMachine:penstock-shop-convert"],
        # Depths may be seen of all queues: an API that has left the configuration is shown as well.
        "sqs:GetQueueUrl": [f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-*.fifo", *lanes],
        "sqs:GetQueueAttributes": [f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-*.fifo"],
        "sqs:SendMessage": [*queues, *lanes],
        "ecs:DescribeServices": [
            f"arn:<AWS::Partition>:ecs:{OWN}:service/{cluster}/*"
            for cluster in ("penstock-shop", "penstock-shop_*")
        ],
        "ecs:DescribeTasks": [
            f"arn:<AWS::Partition>:ecs:{OWN}:task/{cluster}/*"
            for cluster in ("penstock-shop", "penstock-shop_*")
        ],
        "ecs:ListTasks": ["*"],
        "ssm:GetParametersByPath": DEPLOYED,
    }
    # Of our own bucket only what may be missing; of the users' all.
    assert conditions(cloud, "gateway", "s3:ListBucket") == [
        {"StringLike": {"s3:prefix": ["results/*", "payloads/*"]}},
        {"StringLike": {"s3:prefix": ["jobs/*"]}},
        None,
    ]


WRITES = {
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PartiQLDelete",
}


def test_no_role_may_write_api_keys(cloud, keyed):
    for templates in (cloud, keyed):
        for part, role in templates.roles():
            statements = [
                statement
                for policy in role.get("Policies", [])
                for statement in policy["PolicyDocument"]["Statement"]
            ]
            denied = {
                action
                for statement in statements
                if statement["Effect"] == "Deny"
                and [text(resource) for resource in listed(statement["Resource"])] == [TABLE]
                and statement["Condition"] == {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["KEY#*"]}}
                for action in listed(statement["Action"])
            }
            for statement in statements:
                conditions = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
                elsewhere = all(
                    not key.startswith(("KEY", "*")) for key in conditions.get("dynamodb:LeadingKeys", ["*"])
                )
                writes = WRITES.intersection(listed(statement["Action"]))
                if statement["Effect"] == "Allow" and not elsewhere:
                    assert writes <= denied, (part, writes - denied)


def test_a_worker_may_touch_its_own_api_only(cloud):
    queue = [f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-resize.fifo"]
    payloads, results = f"{BUCKET}/payloads/resize/*", f"{BUCKET}/results/resize/*"
    rights = cloud.actions("api-resize")
    started_with = {
        action for action in rights if action.split(":")[0] in {"ecr", "logs", "ssm", "secretsmanager"}
    }

    assert {action: rights[action] for action in rights.keys() - started_with} == {
        "sqs:ReceiveMessage": queue,
        "sqs:ChangeMessageVisibility": queue,
        "sqs:DeleteMessage": queue,
        "sqs:SendMessage": [f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-resize-dlq.fifo"],
        "dynamodb:UpdateItem": [TABLE],
        "s3:GetObject": [payloads, *INPUTS],
        "s3:PutObject": [results],
        "s3:AbortMultipartUpload": [results],
        "s3:DeleteObject": [payloads, results],
        "s3:ListBucket": [BUCKET],
        "ecs:UpdateTaskProtection": [f"arn:<AWS::Partition>:ecs:{OWN}:task/penstock-shop/*"],
    }
    assert condition(cloud, "api-resize", "s3:ListBucket") == {
        "StringLike": {"s3:prefix": ["payloads/resize/*"]}
    }


def test_a_worker_without_input_buckets_reads_its_own_payloads_only(cloud):
    assert cloud.actions("api-echo")["s3:GetObject"] == [f"{BUCKET}/payloads/echo/*"]


def test_nothing_in_an_input_bucket_may_be_written_deleted_or_listed(cloud):
    allowed = {
        action
        for _, statement in cloud.statements()
        for action in listed(statement["Action"])
        if any("photos" in text(resource) for resource in listed(statement["Resource"]))
    }

    assert allowed == {"s3:GetObject"}


def test_a_worker_may_write_its_own_records_only(cloud):
    assert condition(cloud, "api-resize", "dynamodb:UpdateItem") == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["REQ#resize#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_a_task_starts_with_the_images_and_secrets_it_names(cloud):
    rights = cloud.actions("api-resize")

    built = "cdk-hnb659fds-container-assets-<AWS::AccountId>-<AWS::Region>"
    assert sorted(rights["ecr:BatchGetImage"]) == [
        f"arn:<AWS::Partition>:ecr:{OWN}:repository/{built}",
        "arn:<AWS::Partition>:ecr:eu-west-1:111122223333:repository/team/cache",
    ]
    assert rights["secretsmanager:GetSecretValue"] == [
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf"
    ]
    assert sorted(rights["ssm:GetParameters"]) == [
        f"arn:<AWS::Partition>:ssm:{OWN}:parameter/shop/licence",
        "arn:aws:ssm:eu-west-1:111122223333:parameter/shared",
    ]


def test_a_task_without_secrets_may_read_none(cloud):
    rights = cloud.actions("api-echo")

    assert "secretsmanager:GetSecretValue" not in rights
    assert "ssm:GetParameters" not in rights


def test_only_the_accounts_own_tasks_may_take_a_workers_role(cloud):
    roles = [role["Properties"] for role in cloud.of_type("api-resize", "AWS::IAM::Role")]
    [worker] = [role for role in roles if role["Policies"][0]["PolicyName"] == "worker"]

    [statement] = worker["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def rights_of(templates: Templates, part: str, action: str) -> dict[str, list[str]]:
    """What the role may do that has this right, its log aside."""
    [role] = [
        role
        for role in templates.of_type(part, "AWS::IAM::Role")
        if any(
            action in listed(statement["Action"])
            for policy in role["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        )
    ]
    rights: dict[str, list[str]] = {}
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for name in listed(statement["Action"]):
                rights.setdefault(name, []).extend(map(text, listed(statement["Resource"])))
    return {name: resources for name, resources in rights.items() if not name.startswith("logs:")}


def test_the_sweeper_may_find_what_is_due_and_end_it(cloud):
    assert rights_of(cloud, "recovery", "dynamodb:BatchGetItem") == {
        "dynamodb:Query": [f"{TABLE}/index/open"],
        "dynamodb:BatchGetItem": [TABLE],
        "dynamodb:UpdateItem": [TABLE],
        "ssm:GetParametersByPath": DEPLOYED,
    }


def test_each_api_lets_the_recorder_take_its_own_dead_letters(cloud):
    for api in APIS:
        [policy] = [
            added["Properties"]
            for added in cloud.of_type(f"api-{api}", "AWS::IAM::Policy")
            if "recorder" in text(added["Properties"]["Roles"][0])
        ]
        [statement] = policy["PolicyDocument"]["Statement"]
        queue_id = statement["Resource"]["Fn::GetAtt"][0]

        assert listed(statement["Action"]) == [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
        ]
        assert (
            cloud.by_part[f"api-{api}"]["Resources"][queue_id]["Properties"]["QueueName"]
            == f"penstock-shop-{api}-dlq.fifo"
        )
        # Policies of one role must not take each other's place.
        assert policy["PolicyName"] == f"penstock-shop-api-{api}-Recorder"


def test_the_recorder_may_end_what_dead_letters_are_about_and_keep_what_is_nothing(cloud):
    assert rights_of(cloud, "recovery", "sqs:SendMessage") == {
        "ssm:GetParametersByPath": DEPLOYED,
        "dynamodb:GetItem": [TABLE, TABLE],
        "dynamodb:UpdateItem": [TABLE, TABLE],
        "dynamodb:PutItem": [TABLE],
        "dynamodb:Query": [TABLE],
        "s3:PutObject": [f"{BUCKET}/malformed/*", f"{BUCKET}/jobs/*"],
        "sqs:SendMessage": [f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop_*"],
    }


def test_recovery_reads_and_writes_records_of_requests_and_of_jobs_alone(cloud):
    conditions = [
        statement.get("Condition")
        for part, statement in cloud.statements()
        if part == "recovery" and "dynamodb:UpdateItem" in listed(statement["Action"])
    ]

    assert conditions == [
        {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": leading},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
        for leading in (["REQ#*"], ["REQ#*"], ["JOB#*", "BATCH#*"])
    ]
