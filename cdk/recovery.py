"""The functions that watch over the workers: sweeper, dead-letter recorder, and what counts their stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import alarms, metrics, permissions
from cdk.alarms import Rule
from cdk.arns import Arns
from cdk.bundle import Bundle
from cdk.function import FunctionSpec, PythonFunction
from cdk.gateway import catalogue
from penstock import names
from recovery_lambda import stops

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.config import Config

SWEEPER = "recovery_lambda.sweep_handler"
RECORDER = "recovery_lambda.record_handler"
STOPS = "recovery_lambda.stops_handler"

SERVICE = "recovery"

#: The sweeper ends its rounds after 40 s, and what it has begun soon after.
_SWEEPER_SECONDS = 55
#: One event, which is counted and logged.
_STOPS_SECONDS = 10
#: Ten messages, each with a read, a write, or an object to put.
RECORDER_SECONDS = 30

_DISTRIBUTIONS = ("aws-lambda-powertools", "jmespath", "typing-extensions")


class Recovery(Construct):
    """The functions, the sweeper's schedule, and an alarm for when sweeps fail or do not happen.

    The recorder's event sources are the dead-letter queues, each in the stack of its API.
    """

    def __init__(self, scope: Construct, id_: str, *, config: Config, root: Path, build_folder: Path) -> None:
        super().__init__(scope, id_)
        self._config = config
        self._root = root
        self._build_folder = build_folder
        deployment = config.deployment
        arns = Arns(Stack.of(self), deployment)
        sweeper = self._add_function(
            "Sweeper",
            name=names.sweeper_function(deployment),
            entry=SWEEPER,
            timeout=Duration.seconds(_SWEEPER_SECONDS),
            rights=permissions.sweeper(arns),
        ).function
        self._add_function(
            "Recorder",
            name=names.recorder_function(deployment),
            entry=RECORDER,
            timeout=Duration.seconds(RECORDER_SECONDS),
            rights=permissions.recorder(arns),
        ).publish_role(deployment)
        events.Rule(
            self,
            "EveryMinute",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            # The next minute brings the next sweep: one that was missed is not made up for.
            targets=[targets.LambdaFunction(sweeper, retry_attempts=0, max_event_age=Duration.minutes(1))],
        )
        self._add_alarm(sweeper)
        self._add_stops(arns)

    def _add_stops(self, arns: Arns) -> None:
        function = self._add_function(
            "Stops",
            name=names.stops_function(self._config.deployment),
            entry=STOPS,
            timeout=Duration.seconds(_STOPS_SECONDS),
            # It writes log lines and nothing else.
            rights=iam.PolicyDocument(),
        )
        told = targets.LambdaFunction(function.function, retry_attempts=2, max_event_age=Duration.hours(1))
        # What begins alike may be another deployment's: the function looks closer.
        events.Rule(
            self,
            "TaskStopped",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=[stops.TASK],
                detail={
                    "lastStatus": ["STOPPED"],
                    "taskDefinitionArn": [{"prefix": arns.task_definitions_of_all}],
                },
            ),
            targets=[told],
        )
        events.Rule(
            self,
            "DeploymentFailed",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=[stops.DEPLOYMENT],
                detail={"eventName": [stops.FAILED]},
                resources=events.Match.prefix(arns.services_of_all),
            ),
            targets=[told],
        )

    def _add_function(
        self, id_: str, *, name: str, entry: str, timeout: Duration, rights: iam.PolicyDocument
    ) -> PythonFunction:
        deployment = self._config.deployment
        spec = FunctionSpec(
            name=name,
            bundle=bundle(self._config, entry),
            root=self._root,
            build_folder=self._build_folder,
            rights=rights,
            policy_name="recovery",
            timeout=timeout,
            environment={
                "PENSTOCK_DEPLOYMENT": deployment,
                "PENSTOCK_TABLE": names.table(deployment),
                "PENSTOCK_BUCKET": Arns(Stack.of(self), deployment).bucket_name,
            },
            service=SERVICE,
            # A sweep that failed is followed by the next one; SQS does not use this.
            retry_attempts=0,
        )
        return PythonFunction(self, id_, spec)

    def _add_alarm(self, sweeper: lambda_.Function) -> None:
        alarms.add(
            self,
            "SweepsFail",
            sweeper.metric_errors(period=metrics.FIVE_MINUTES, statistic="Sum"),
            # One sweep that met a throttled table is made up for by the next. Without a call there is no
            # number, and that is the worst case.
            Rule(periods=2, of=3, missing=cloudwatch.TreatMissingData.BREACHING),
            text=(
                "Sweeps fail or do not happen: requests past their deadline stay in_queue. "
                f"See the log group /aws/lambda/{sweeper.function_name}."
            ),
        )


def bundle(config: Config, entry: str) -> Bundle:
    """What one of the functions consists of."""
    return Bundle(
        entry=entry,
        packages=("recovery_lambda", "penstock"),
        distributions=_DISTRIBUTIONS,
        files={"penstock/catalogue.json": catalogue(config).to_json()},
    )
