"""What asks callers for their API key: its function, its rights, its log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from cdk import gateway, permissions
from cdk.arns import Arns
from cdk.function import FunctionSpec, PythonFunction
from penstock import names

if TYPE_CHECKING:
    from cdk.bundle import Bundle
    from cdk.gateway import FunctionProps
    from penstock.config import Config


class KeyAuthorizer(Construct):
    """The Lambda function that looks keys up, as an authorizer of the REST API."""

    def __init__(self, scope: Construct, id_: str, props: FunctionProps) -> None:
        super().__init__(scope, id_)
        deployment = props.config.deployment
        name = names.authorizer_function(deployment)
        spec = FunctionSpec(
            name=name,
            bundle=bundle(props.config),
            root=props.root,
            build_folder=props.build_folder,
            rights=permissions.authorizer(Arns(Stack.of(self), deployment)),
            policy_name="authorizer",
            # API Gateway waits 10 s. Two tries at the table take 6 s at most.
            timeout=Duration.seconds(8),
            environment={"PENSTOCK_DEPLOYMENT": deployment, "PENSTOCK_TABLE": names.table(deployment)},
        )
        function = PythonFunction(self, "Function", spec).function
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


def bundle(config: Config) -> Bundle:
    """What the function consists of: our own modules and the list of APIs, nothing of PyPI."""
    return replace(gateway.bundle(config), entry="gateway_lambda.authorizer", distributions=())
