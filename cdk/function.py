"""A Lambda function of ours: its bundle, its rights, its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import permissions
from cdk.bundle import write
from cdk.role import acknowledge_wildcards, role
from penstock import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cdk.bundle import Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """What a function is made from."""

    name: str
    #: Its entry has a ``handler``.
    bundle: Bundle
    #: Where code is taken from, and where the bundle is put together.
    root: Path
    build_folder: Path
    rights: iam.PolicyDocument
    #: What its role calls these rights.
    policy_name: str
    #: Its role's name, where something knows the role by it; CloudFormation's choice otherwise.
    role_name: str | None = None
    timeout: Duration
    #: CPU comes with memory, and it is CPU that a cold start waits for.
    memory_mib: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    #: What its log lines and metrics carry as ``service``; None for a function without Powertools.
    service: str | None = None
    #: Tries that Lambda adds to an asynchronous call; None leaves it at Lambda's two.
    retry_attempts: int | None = None


class PythonFunction(Construct):
    """The function with a log group and a role of its own, and no right that is not written out."""

    def __init__(self, scope: Construct, id_: str, spec: FunctionSpec) -> None:
        super().__init__(scope, id_)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{spec.name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._name = spec.name
        self._role = role(
            self,
            "Role",
            name=spec.role_name,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            policies={
                # AWS takes no policy without a statement.
                **({} if spec.rights.is_empty else {spec.policy_name: spec.rights}),
                "log": iam.PolicyDocument(statements=[permissions.write_logs([log_group.log_group_arn])]),
            },
        )
        entry = spec.bundle.entry
        code = write(spec.bundle, root=spec.root, target=spec.build_folder / entry)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=spec.name,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(code)),
            handler=f"{entry}.handler",
            memory_size=spec.memory_mib,
            timeout=spec.timeout,
            retry_attempts=spec.retry_attempts,
            role=self._role,
            log_group=log_group,
            environment={**_powertools(spec.service), **spec.environment},
        )

    def publish_role(self, deployment: str) -> None:
        """Let the stacks of the APIs add rights to their own resources, which go when those go."""
        ssm.StringParameter(
            self,
            "RoleName",
            parameter_name=role_parameter(deployment, self._name),
            string_value=self._role.role_name,
        )


class AddedRights(Construct):
    """Rights of a function of another stack, to something of this stack's own."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: str,
        function_name: str,
        statements: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, id_)
        role_name = ssm.StringParameter.value_for_string_parameter(
            self, role_parameter(deployment, function_name)
        )
        document = iam.PolicyDocument(statements=list(statements))
        self.policy = iam.CfnPolicy(
            self,
            "Policy",
            # A role has one policy of a name, and this one has those of several APIs.
            policy_name=f"{Stack.of(self).stack_name}-{id_}",
            policy_document=document,
            roles=[role_name],
        )
        acknowledge_wildcards(self.policy, [document])


def role_parameter(deployment: str, function_name: str) -> str:
    """SSM parameter that holds the name of a function's role, which CloudFormation chooses."""
    return names.parameter(deployment, f"roles/{function_name}")


def _powertools(service: str | None) -> dict[str, str]:
    if service is None:
        return {}
    return {
        "POWERTOOLS_SERVICE_NAME": service,
        "POWERTOOLS_METRICS_NAMESPACE": "Penstock",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
