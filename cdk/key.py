"""The KMS key of a deployment's own, with which its data is encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from penstock import names

if TYPE_CHECKING:
    from cdk.stage import Stage
    from penstock.config import Config

#: SSM parameter under which other stacks find the key.
KEY_ARN = "key-arn"

#: What CloudWatch Logs asks for.
_OF_LOGS = [
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
]

#: What sends to encrypted queues and topics takes.
_OF_SENDERS = ["kms:Decrypt", "kms:GenerateDataKey"]


class Key(Construct):
    """The key, its alias, and who may use it besides those whose own rights say so.

    It stays when its stack goes: whatever is kept can be read with it alone.
    """

    def __init__(self, scope: Construct, id_: str, *, deployment: str, stage: Stage) -> None:
        super().__init__(scope, id_)
        self.key = kms.Key(
            self,
            "Key",
            alias=names.key_alias(deployment),
            description=f"Records, bodies, messages and logs of Penstock's deployment {deployment}",
            enable_key_rotation=True,
            removal_policy=stage.removal_policy,
            policy=iam.PolicyDocument(
                statements=[
                    _statement(iam.AccountRootPrincipal(), ["kms:*"]),
                    self._logs(deployment),
                    *map(_sender, ("events.amazonaws.com", "cloudwatch.amazonaws.com")),
                ]
            ),
        )
        ssm.StringParameter(
            self,
            "Arn",
            parameter_name=names.parameter(deployment, KEY_ARN),
            string_value=self.key.key_arn,
        )

    def _logs(self, deployment: str) -> iam.PolicyStatement:
        groups = [
            Stack.of(self).format_arn(
                service="logs",
                resource="log-group",
                resource_name=name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for name in names.log_groups(deployment)
        ]
        return _statement(
            iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com"),
            _OF_LOGS,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )


def _sender(service: str) -> iam.PolicyStatement:
    """Ends of executions come into a queue by EventBridge, and alarms into a topic by CloudWatch."""
    return _statement(
        iam.ServicePrincipal(service),
        _OF_SENDERS,
        {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )


def _statement(
    principal: iam.IPrincipal,
    actions: list[str],
    conditions: dict[str, dict[str, str | list[str]]] | None = None,
) -> iam.PolicyStatement:
    # In a key's policy, "*" is the key itself.
    return iam.PolicyStatement(
        principals=[principal], actions=actions, resources=["*"], conditions=conditions
    )


def key_arn(scope: Construct, config: Config) -> str | None:
    """ARN of the deployment's key outside of the stack that makes it; None without one."""
    if config.encryption.creates_key:
        return ssm.StringParameter.value_for_string_parameter(
            scope, names.parameter(config.deployment, KEY_ARN)
        )
    return config.encryption.kms_key
