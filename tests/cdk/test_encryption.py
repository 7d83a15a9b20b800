from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from cdk.key import KEY_ARN
from penstock import config, names
from tests.cdk import templates as made
from tests.cdk.templates import listed, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

GIVEN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

READ, WRITE = {"kms:Decrypt"}, {"kms:Decrypt", "kms:GenerateDataKey"}

#: What the calls of a role ask of a key, by AWS's guides of each service.
NEEDED = {
    "s3:GetObject": ("s3", READ),
    "s3:PutObject": ("s3", WRITE),
    "sqs:ReceiveMessage": ("sqs", READ),
    "sqs:SendMessage": ("sqs", WRITE),
    "sns:Publish": ("sns", WRITE),
    "secretsmanager:GetSecretValue": ("secretsmanager", READ),
    "ssm:GetParameters": ("ssm", READ),
}
#: Calls to services that hold data, and ask nothing of its key.
NOTHING_ASKED = {
    *("s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListBucket"),
    *("sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    *("sqs:CreateQueue", "sqs:DeleteQueue"),
    # Parameters that are no secrets.
    "ssm:GetParametersByPath",
    *("dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
}
SERVICES = ("s3:", "sqs:", "sns:", "dynamodb:", "secretsmanager:", "ssm:")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """With a key that is there already."""
    folder = tmp_path_factory.mktemp("given")
    file = folder / "penstock.yaml"
    file.write_text(made.SMALL_CONFIG.format(auth="{mode: iam}") + f"encryption: {{kms_key: '{GIVEN}'}}\n")
    return made.synthesise(config.load(file), "cloud", folder)


def key_of(templates: Templates, part: str) -> str:
    """The deployment's key as a stack refers to it."""
    if part == "data":
        [key] = [k for k, r in templates.by_part["data"]["Resources"].items() if r["Type"] == "AWS::KMS::Key"]
        return f"<{key}.Arn>"
    [parameter] = [
        name
        for name, value in templates.by_part[part].get("Parameters", {}).items()
        if value.get("Default") == names.parameter("shop", KEY_ARN)
    ]
    return f"<{parameter}>"


def held(templates: Templates) -> Iterator[tuple[str, str, Any]]:
    """Part, type and key of everything that holds data."""
    at = {
        "AWS::SQS::Queue": lambda p: p.get("KmsMasterKeyId"),
        "AWS::SNS::Topic": lambda p: p.get("KmsMasterKeyId"),
        "AWS::Logs::LogGroup": lambda p: p.get("KmsKeyId"),
        "AWS::DynamoDB::Table": lambda p: p.get("SSESpecification", {}).get("KMSMasterKeyId"),
        "AWS::S3::Bucket": lambda p: p["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
            "ServerSideEncryptionByDefault"
        ].get("KMSMasterKeyID"),
    }
    for part, template in templates.by_part.items():
        for resource in template["Resources"].values():
            if resource["Type"] in at:
                yield part, resource["Type"], at[resource["Type"]](resource["Properties"])


def asked(actions: set[str]) -> set[tuple[str, str]]:
    """Uses of the key, each with the service that asks for it."""
    found = set()
    for action in actions:
        if action.startswith("dynamodb:") and action not in NOTHING_ASKED:
            found.add(("dynamodb", "kms:Decrypt"))
        elif action in NEEDED:
            service, uses = NEEDED[action]
            found |= {(service, use) for use in uses}
        elif action.startswith(SERVICES):
            assert action in NOTHING_ASKED, f"say here what {action} asks of a key"
    return found


def test_without_a_word_there_is_no_key_and_nothing_asks_for_one(cloud):
    assert {key for _, _, key in held(cloud)} == {None}
    assert cloud.of_type("data", "AWS::KMS::Key") == []
    assert [s for _, s in cloud.statements() if any("kms:" in action for action in listed(s["Action"]))] == []


def test_everything_that_holds_data_is_encrypted_with_the_deployments_key(sealed):
    found = list(held(sealed))

    assert {kind for _, kind, _ in found} == {
        *("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Logs::LogGroup"),
        *("AWS::DynamoDB::Table", "AWS::S3::Bucket"),
    }
    assert [(part, kind) for part, kind, key in found if text(key) != key_of(sealed, part)] == []


def test_a_queue_is_encrypted_in_one_way(sealed):
    for part in sealed.by_part:
        for queue in sealed.of_type(part, "AWS::SQS::Queue"):
            assert "SqsManagedSseEnabled" not in queue["Properties"]


def test_many_objects_share_a_data_key(sealed):
    [rule] = sealed.properties("data", "AWS::S3::Bucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]

    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_the_key_is_rotated_and_stays_when_its_stack_goes(sealed):
    [key] = sealed.of_type("data", "AWS::KMS::Key")

    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert sealed.properties("data", "AWS::KMS::Alias")["AliasName"] == "alias/penstock-shop"


def test_services_use_the_key_for_this_deployments_logs_and_this_accounts_events_alone(sealed):
    [key] = sealed.of_type("data", "AWS::KMS::Key")
    statements = key["Properties"]["KeyPolicy"]["Statement"]
    by_service = {
        text(statement["Principal"]["Service"]): statement
        for statement in statements
        if "Service" in statement["Principal"]
    }
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}

    assert by_service.keys() == {
        *("logs.<AWS::Region>.amazonaws.com", "events.amazonaws.com", "cloudwatch.amazonaws.com"),
    }
    for service in ("events.amazonaws.com", "cloudwatch.amazonaws.com"):
        assert by_service[service]["Condition"] == own
        assert set(by_service[service]["Action"]) == WRITE
    logs = by_service["logs.<AWS::Region>.amazonaws.com"]["Condition"]["ArnLike"]
    patterns = [text(one).split(":log-group:")[1] for one in logs["kms:EncryptionContext:aws:logs:arn"]]
    groups = [
        text(group["Properties"]["LogGroupName"])
        for part in sealed.by_part
        for group in sealed.of_type(part, "AWS::Logs::LogGroup")
    ]
    assert groups
    assert [g for g in groups if not any(fnmatchcase(g, pattern) for pattern in patterns)] == []
    # Nor those of a deployment whose name begins with this one's.
    assert not any(fnmatchcase("/penstock/shop-2/echo", pattern) for pattern in patterns)


def test_each_role_uses_the_key_as_its_calls_ask_and_in_no_other_way(sealed):
    some = 0
    for part, role in sealed.roles():
        statements = [
            statement
            for policy in role.get("Policies", [])
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        used = set()
        for statement in statements:
            actions = listed(statement["Action"])
            if not any(action.startswith("kms:") for action in actions):
                continue
            assert text(statement["Resource"]) == key_of(sealed, part)
            [(operator, condition)] = statement["Condition"].items()
            assert (operator, condition.keys()) == ("StringEquals", {"kms:ViaService"})
            for service in listed(condition["kms:ViaService"]):
                name = text(service).removesuffix(".<AWS::Region>.<AWS::URLSuffix>")
                used |= {(name, action) for action in actions}
        allowed = {action for statement in statements for action in listed(statement["Action"])}
        assert used == asked(allowed), (part, role)
        some += bool(used)
    # Functions, workers and the state machine of the deployment.
    assert some >= 10


def test_the_rights_are_otherwise_the_same_as_without_a_key(cloud, sealed):
    def others(templates: Templates, part: str) -> set[str]:
        return {action for action in templates.actions(part) if not action.startswith("kms:")}

    for part in cloud.by_part:
        assert others(cloud, part) == others(sealed, part)


def test_queues_of_jobs_are_made_with_the_key(cloud, sealed):
    def told(templates: Templates) -> Any:
        function = templates.function("batch", "penstock-shop-batch-plan")
        return function["Environment"]["Variables"].get("PENSTOCK_QUEUE_KEY_ARN")

    assert text(told(sealed)) == key_of(sealed, "batch")
    assert told(cloud) is None


def test_the_key_is_there_before_anything_is_encrypted_with_it(sealed):
    manifest = sealed.folder / "cdk.out" / "manifest.json"
    artifacts = json.loads(manifest.read_text())["artifacts"]

    for part in sealed.by_part.keys() - {"data"}:
        needed, seen = [f"penstock-shop-{part}"], set()
        while needed:
            stack = needed.pop()
            if stack not in seen:
                seen.add(stack)
                needed += artifacts[stack].get("dependencies", [])
        assert "penstock-shop-data" in seen, part


def test_a_key_that_is_there_already_is_used_and_none_is_made(given):
    assert {text(key) for _, _, key in held(given)} == {GIVEN}
    assert given.of_type("data", "AWS::KMS::Key") == []
    rights = {text(s["Resource"]) for _, s in given.statements() if "kms:Decrypt" in listed(s["Action"])}
    assert rights == {GIVEN}
