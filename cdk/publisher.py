"""The function that says how many tasks are missing or spare, for all APIs of a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import alarms, metrics, permissions
from cdk.alarms import Rule
from cdk.arns import Arns
from cdk.bundle import Bundle
from cdk.function import FunctionSpec, PythonFunction
from penstock import names
from scaling_lambda.publisher import ScaledApi
from scaling_lambda.settings import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.config import AsyncApi, Config

ENTRY = "scaling_lambda.handler"

#: Six looks, ten seconds apart, and what the last one takes.
_SECONDS = 59

#: It mostly sleeps, and is billed for that: as little memory as boto3 is comfortable with.
_MEMORY_MIB = 192

_DISTRIBUTIONS = ("aws-lambda-powertools", "jmespath", "typing-extensions")


class Publisher(Construct):
    """The function, its schedule, and an alarm for when it fails or is not called."""

    def __init__(self, scope: Construct, id_: str, *, config: Config, root: Path, build_folder: Path) -> None:
        super().__init__(scope, id_)
        deployment = config.deployment
        arns = Arns(Stack.of(self), deployment)
        spec = FunctionSpec(
            name=names.scaling_function(deployment),
            bundle=bundle(config),
            root=root,
            build_folder=build_folder,
            rights=permissions.publisher(arns),
            policy_name="scaling",
            timeout=Duration.seconds(_SECONDS),
            memory_mib=_MEMORY_MIB,
            environment={"PENSTOCK_DEPLOYMENT": deployment, "PENSTOCK_TABLE": names.table(deployment)},
            service="scaling",
            # The next minute brings the next call.
            retry_attempts=0,
        )
        function = PythonFunction(self, "Function", spec).function
        events.Rule(
            self,
            "EveryMinute",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(function, retry_attempts=0, max_event_age=Duration.minutes(1))],
        )
        self._add_alarm(function)

    def _add_alarm(self, function: lambda_.Function) -> None:
        alarms.add(
            self,
            "ScalingFails",
            function.metric_errors(period=metrics.MINUTE, statistic="Sum"),
            # One look that met a throttled call is made up for by the next. Without a call there is no
            # number, and that is the worst case.
            Rule(periods=3, of=5, missing=cloudwatch.TreatMissingData.BREACHING),
            text=(
                "The numbers of tasks are not told, or not for all APIs: they stay as they are. "
                f"See the log group /aws/lambda/{function.function_name}."
            ),
        )


def bundle(config: Config) -> Bundle:
    """What the function consists of."""
    return Bundle(
        entry=ENTRY,
        packages=("scaling_lambda", "penstock"),
        distributions=_DISTRIBUTIONS,
        files={"scaling_lambda/policies.json": to_json(map(scaled, config.async_apis))},
    )


def scaled(api: AsyncApi) -> ScaledApi:
    """What the function knows of one API."""
    return ScaledApi(
        name=api.name,
        policy=api.autoscaling.policy(max_concurrency=api.pod.max_concurrency),
        init_replicas=api.autoscaling.init_replicas,
        own_cluster=api.own_cluster,
    )
