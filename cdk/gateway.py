"""The front door's function: its code, its rights, its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk import permissions
from cdk.arns import Arns
from cdk.bundle import Bundle, write
from penstock import names
from penstock.catalogue import ApiEntry, Catalogue

if TYPE_CHECKING:
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
        deployment = props.config.deployment
        name = names.gateway_function(deployment)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        arns = Arns(Stack.of(self), deployment)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(_bundle(props))),
            handler="gateway_lambda.handler.handler",
            # CPU comes with memory, and it is CPU that a cold start waits for.
            memory_size=512,
            # One second less than API Gateway waits, so that the function's own answer comes first.
            timeout=Duration.seconds(28),
            role=self._add_role(arns, props.config, log_group),
            log_group=log_group,
            environment={
                "PENSTOCK_DEPLOYMENT": deployment,
                "PENSTOCK_TABLE": names.table(deployment),
                "PENSTOCK_BUCKET": arns.bucket_name,
                "PENSTOCK_LOOPBACK": str(int(stage.loopback_callbacks)),
                "POWERTOOLS_SERVICE_NAME": "gateway",
                "POWERTOOLS_METRICS_NAMESPACE": "Penstock",
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **({"AWS_ENDPOINT_URL_S3": props.links} if props.links else {}),
            },
        )

    def _add_role(self, arns: Arns, config: Config, log_group: logs.LogGroup) -> iam.Role:
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={
                "gateway": permissions.gateway(
                    arns,
                    [api.name for api in config.apis],
                    input_buckets={bucket for api in config.apis for bucket in api.input_buckets},
                ),
                "log": iam.PolicyDocument(statements=[permissions.write_logs([log_group.log_group_arn])]),
            },
        )


def bundle(config: Config) -> Bundle:
    """What the function consists of. The APIs go into a file: all variables together hold only 4 KB."""
    return Bundle(
        entry="gateway_lambda.handler",
        packages=("gateway_lambda", "penstock"),
        distributions=_DISTRIBUTIONS,
        files={"penstock/catalogue.json": catalogue(config).to_json()},
    )


def catalogue(config: Config) -> Catalogue:
    """What the functions know of the APIs."""
    return Catalogue(tuple(_entry(api) for api in config.apis), config.callbacks.policy())


def _bundle(props: FunctionProps) -> Path:
    return write(bundle(props.config), root=props.root, target=props.build_folder / "gateway_lambda")


def _entry(api: AsyncApi) -> ApiEntry:
    return ApiEntry(
        name=api.name,
        endpoint=api.endpoint,
        timeout_seconds=int(api.timeout.total_seconds()),
        max_attempts=api.retries.attempts,
        retention_seconds=int(api.retention.total_seconds()),
        inline_result_bytes=api.inline_result_bytes,
        forward_headers=api.networking.forward_headers,
        input_buckets=api.input_buckets,
        webhook_url=api.webhook.url,
        webhook_events=api.webhook.events,
        webhook_inline_bytes=api.webhook.inline_result_bytes,
        webhook_chain=api.webhook.chain,
    )
