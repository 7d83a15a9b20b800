"""What asks callers for their API key: its function, its rights, its log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk import gateway, permissions
from cdk.arns import Arns
from cdk.bundle import Bundle, write
from penstock import names

if TYPE_CHECKING:
    from cdk.gateway import FunctionProps
    from penstock.config import Config


class KeyAuthorizer(Construct):
    """The Lambda function that looks keys up, as an authorizer of the REST API."""

    def __init__(self, scope: Construct, id_: str, props: FunctionProps) -> None:
        super().__init__(scope, id_)
        deployment = props.config.deployment
        name = names.authorizer_function(deployment)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        code = write(bundle(props.config), root=props.root, target=props.build_folder / "authorizer")
        function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(code)),
            handler="gateway_lambda.authorizer.handler",
            # As for the gateway: CPU comes with memory, and a cold start waits for CPU.
            memory_size=512,
            # API Gateway waits 10 s. Two tries at the table take 6 s at most.
            timeout=Duration.seconds(8),
            role=self._add_role(deployment, log_group),
            log_group=log_group,
            environment={"PENSTOCK_TABLE": names.table(deployment)},
        )
        self.authorizer = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            authorizer_name=name,
            handler=function,
            # Answers are kept only under headers that each call must have, all of them. A key may come
            # in either of two; and a kept answer would let a revoked key in.
            identity_sources=[],
            results_cache_ttl=Duration.seconds(0),
        )
        # CDK writes the empty list as an empty text, which is no source either.
        definition = self.authorizer.node.default_child
        assert isinstance(definition, apigateway.CfnAuthorizer)
        definition.identity_source = None

    def _add_role(self, deployment: str, log_group: logs.LogGroup) -> iam.Role:
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={
                "authorizer": permissions.authorizer(Arns(Stack.of(self), deployment)),
                "log": iam.PolicyDocument(statements=[permissions.write_logs([log_group.log_group_arn])]),
            },
        )


def bundle(config: Config) -> Bundle:
    """What the function consists of: our own modules and the list of APIs, nothing of PyPI."""
    return replace(gateway.bundle(config), entry="gateway_lambda.authorizer", distributions=())
