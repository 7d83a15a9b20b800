"""Encrypts what a stack holds with the deployment's key, and lets each role use the key as it must.

Done to finished stacks, in one place: a queue, a log group or a right that is added anywhere is covered
without anybody thinking of it. Table and bucket take the key where they are made (``cdk.data``).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from cdk.key import key_arn
from cdk.statements import allow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.config import Config

_READ = frozenset({"kms:Decrypt"})
_WRITE = frozenset({"kms:Decrypt", "kms:GenerateDataKey"})

#: What a right asks of the key, and the service that asks on the caller's behalf. Whoever writes also
#: decrypts: parts of an upload when they are put together, the data key that SQS and SNS reuse.
_ASKED: Mapping[str, tuple[str, frozenset[str]]] = {
    "s3:GetObject": ("s3", _READ),
    "s3:PutObject": ("s3", _WRITE),
    "sqs:ReceiveMessage": ("sqs", _READ),
    "sqs:SendMessage": ("sqs", _WRITE),
    "sns:Publish": ("sns", _WRITE),
    "secretsmanager:GetSecretValue": ("secretsmanager", _READ),
    "ssm:GetParameters": ("ssm", _READ),
    # The table's own key lies encrypted beside it: both reading and writing begin with its decryption.
    **{
        f"dynamodb:{action}": ("dynamodb", _READ)
        for action in (
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "GetRecords",
            "PutItem",
            "Query",
            "UpdateItem",
        )
    },
}


def encrypt(stack: Stack, config: Config) -> None:
    """Do so with a finished stack, if there is a key."""
    for construct in stack.node.find_all():
        match construct:
            case logs.CfnLogGroup():
                construct.kms_key_id = key_arn(stack, config)
            case sqs.CfnQueue():
                construct.kms_master_key_id = key_arn(stack, config)
                construct.sqs_managed_sse_enabled = None
            case sns.CfnTopic():
                construct.kms_master_key_id = key_arn(stack, config)
            case iam.CfnRole():
                _let_use(construct, stack, config)


def _let_use(role: iam.CfnRole, stack: Stack, config: Config) -> None:
    policies = role.policies if isinstance(role.policies, list) else []
    written: list[dict[str, Any]] = stack.resolve(policies)
    allowed = {
        action
        for policy in written
        for statement in policy["policyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
    }
    key = key_arn(stack, config)
    statements = [] if key is None else list(_uses(allowed, key))
    if statements:
        document = iam.PolicyDocument(statements=statements)
        added = iam.CfnRole.PolicyProperty(policy_name="key", policy_document=document)
        role.policies = [*policies, added]


def _uses(actions: Iterable[str], key: str) -> Iterator[iam.PolicyStatement]:
    """Rights to use the key through the services that these actions call, and in no other way."""
    asked: dict[str, frozenset[str]] = defaultdict(frozenset)
    for action in actions:
        if action in _ASKED:
            service, uses = _ASKED[action]
            asked[service] |= uses
    for uses in (_READ, _WRITE):
        through = sorted(service for service, found in asked.items() if found == uses)
        if through:
            via = [f"{service}.{Aws.REGION}.{Aws.URL_SUFFIX}" for service in through]
            yield allow(sorted(uses), [key], {"StringEquals": {"kms:ViaService": via}})


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
