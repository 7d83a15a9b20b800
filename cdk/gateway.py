"""The front door's function: its code, its rights, its log."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import batch_permissions, permissions, tracing
from cdk.arns import Arns
from cdk.bundle import Bundle
from cdk.function import FunctionSpec, PythonFunction
from penstock import names
from penstock.catalogue import ApiEntry, Catalogue
from penstock.config import BatchApi

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cdk.stage import Stage
    from penstock.config import AsyncApi, Config

#: What the handler needs of PyPI. boto3 and botocore are left to the Lambda runtime, which has them
#: imported from its own disk: packed, they would add 20 MB to load at each cold start.
_DISTRIBUTIONS = ("aws-lambda-powertools", "chalice", "jmespath", "typing-extensions")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionProps:
    """What the gateway's function is made from."""

    config: Config
    root: Path
    build_folder: Path
    #: Where links to bodies lead, if not to AWS.
    links: str | None


class GatewayFunction(Construct):
    """The Lambda function behind all routes."""

    def __init__(self, scope: Construct, id_: str, props: FunctionProps, *, stage: Stage) -> None:
        super().__init__(scope, id_)
        config, deployment = props.config, props.config.deployment
        arns = Arns(Stack.of(self), deployment)
        spec = FunctionSpec(
            name=names.gateway_function(deployment),
            bundle=bundle(config),
            root=props.root,
            build_folder=props.build_folder,
            rights=_rights(arns, config),
            policy_name="gateway",
            # One second less than API Gateway waits, so that the function's own answer comes first.
            timeout=Duration.seconds(28),
            environment={
                "PENSTOCK_DEPLOYMENT": deployment,
                "PENSTOCK_TABLE": names.table(deployment),
                "PENSTOCK_BUCKET": arns.bucket_name,
                "PENSTOCK_STATE_MACHINES": arns.state_machines,
                "PENSTOCK_LOOPBACK": str(int(stage.loopback_callbacks)),
                **({"PENSTOCK_CONSOLE": stage.console} if stage.console else {}),
                **({"AWS_ENDPOINT_URL_S3": props.links} if props.links else {}),
                **tracing.of_function(config.tracing),
            },
            service="gateway",
        )
        self.function = PythonFunction(self, "Function", spec).function
        ssm.CfnParameter(
            self,
            "Accepting",
            name=names.accepting_parameter(deployment),
            type="String",
            tier="Intelligent-Tiering",
            value=json.dumps([api.name for api in config.apis], separators=(",", ":")),
        ).node.add_dependency(self.function)


def _rights(arns: Arns, config: Config) -> iam.PolicyDocument:
    rights = permissions.gateway(arns, config.async_apis)
    rights.add_statements(*tracing.rights(arns, config.tracing))
    if config.batch_apis:
        named = [api.name for api in config.batch_apis]
        rights.add_statements(
            *batch_permissions.gateway(arns, named, input_buckets=_buckets(config.batch_apis))
        )
    return rights


def _buckets(apis: Iterable[BatchApi]) -> set[str]:
    return {bucket for api in apis for bucket in api.input_buckets}


def bundle(config: Config) -> Bundle:
    """What the function consists of. The APIs go into a file: all variables together hold only 4 KB."""
    return Bundle(
        entry="gateway_lambda.handler",
        packages=("gateway_lambda", "penstock"),
        distributions=(*_DISTRIBUTIONS, *tracing.distributions(config.tracing)),
        files={"penstock/catalogue.json": catalogue(config).to_json()},
    )


def catalogue(config: Config) -> Catalogue:
    """What the functions know of the APIs."""
    return Catalogue(tuple(entry(api) for api in config.apis), config.callbacks.policy())


def entry(api: AsyncApi | BatchApi) -> ApiEntry:
    """What the functions know of one API."""
    common = ApiEntry(
        name=api.name,
        kind=api.kind,
        endpoint=api.endpoint,
        timeout_seconds=int(api.timeout.total_seconds()),
        max_attempts=api.retries.attempts,
        retention_seconds=int(api.retention.total_seconds()),
        inline_result_bytes=0,
        input_buckets=api.input_buckets,
        webhook_url=api.webhook.url,
        webhook_events=api.webhook.events,
        webhook_chain=api.webhook.chain,
        own_cluster=api.own_cluster,
    )
    if isinstance(api, BatchApi):
        return replace(common, dead_letter_queues=api.dead_letter_queues)
    return replace(
        common,
        inline_result_bytes=api.inline_result_bytes,
        forward_headers=api.networking.forward_headers,
        webhook_inline_bytes=api.webhook.inline_result_bytes,
    )
