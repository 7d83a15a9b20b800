"""The alarms of one API, in its stack."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk import alarms, metrics
from cdk.alarms import Rule
from penstock.config import AsyncApi
from penstock.metrics import Metric
from penstock.scaling.ports import Measure

if TYPE_CHECKING:
    from cdk.stage import Stage
    from penstock.config import BatchApi

#: What a request may wait beside its own run before somebody should look.
_PATIENCE_SECONDS = 3600
#: Longer than instances with a GPU take to come, and images of some gigabytes to be pulled.
_CAPACITY_MINUTES = 15
#: Failures that one broken worker does not make.
_SEVERAL = 3
#: Spot takes a machine back now and then: that is its price.
_MANY_INTERRUPTIONS = 5
_QUARTER = Duration.minutes(15)


class ApiAlarms(Construct):
    """What may go wrong with an API."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: str,
        api: AsyncApi | BatchApi,
        stage: Stage,
        dead_letters: int,
    ) -> None:
        super().__init__(scope, id_)
        self._deployment = deployment
        self._api = api
        self._add_dead_letters(dead_letters)
        self._add_workers()
        if stage.watched:
            self._add_failing_workers()
        if isinstance(api, AsyncApi):
            self._add_requests(api)
            if stage.watched:
                self._add_capacity()
                self._add_progress(api)

    def _add_dead_letters(self, threshold: int) -> None:
        api = self._api.name
        requests = isinstance(self._api, AsyncApi)
        what = "requests" if requests else "batches"
        look = f"penstock dead-letters list {api}" if requests else f"penstock batch failed {api} JOB"
        self._add(
            "DeadLetters",
            self._count(Metric.FAILED if requests else Metric.BATCHES_FAILED),
            Rule(threshold=threshold),
            text=f"{threshold} or more {what} of API {api} failed for good in five minutes: {look}.",
        )
        self._add(
            "Undeliverable",
            self._count(Metric.UNDELIVERABLE),
            Rule(),
            text=f"SQS gave up on messages of API {api}: no worker could make anything of them.",
        )

    def _add_requests(self, api: AsyncApi) -> None:
        threshold = int(api.timeout.total_seconds()) + _PATIENCE_SECONDS
        self._add(
            "OldestAge",
            metrics.measured(Measure.OLDEST_AGE, self._deployment, api.name, period=metrics.FIVE_MINUTES),
            # It is only told while there is an open request.
            Rule(threshold=threshold),
            text=f"The oldest open request of API {api.name} is older than its timeout and an hour.",
        )
        self._add(
            "DeploymentFailed",
            self._count(Metric.DEPLOYMENTS_FAILED),
            Rule(),
            text=f"ECS gave up a deployment of API {api.name} and rolled it back, if there was one before.",
        )

    def _add_workers(self) -> None:
        self._add(
            "SpotInterruptions",
            self._count(Metric.TASKS_INTERRUPTED, period=_QUARTER),
            Rule(threshold=_MANY_INTERRUPTIONS),
            text=(
                f"AWS took {_MANY_INTERRUPTIONS} or more workers of API {self._api.name} back within 15 "
                "minutes. Their work goes on elsewhere, without an attempt less."
            ),
        )

    def _add_failing_workers(self) -> None:
        kinds = (Metric.TASKS_NOT_STARTED, Metric.TASKS_OUT_OF_MEMORY, Metric.TASKS_FAILED)
        counted = {f"m{number}": self._count(kind, period=_QUARTER) for number, kind in enumerate(kinds)}
        self._add(
            "WorkersFail",
            cloudwatch.MathExpression(
                # Each is only told when it happens.
                expression=" + ".join(f"FILL({name}, 0)" for name in counted),
                using_metrics=dict(counted),
                period=_QUARTER,
                label="Workers that failed",
            ),
            Rule(threshold=_SEVERAL),
            text=(
                f"{_SEVERAL} or more workers of API {self._api.name} could not start, ran out of memory or "
                f"ended by themselves within 15 minutes: penstock status {self._api.name}."
            ),
        )

    def _add_capacity(self) -> None:
        desired, missing, running = (
            metrics.measured(measure, self._deployment, self._api.name, statistic=statistic)
            for measure, statistic in (
                (Measure.TASKS_DESIRED, "Minimum"),
                (Measure.TASKS_MISSING, "Minimum"),
                (Measure.TASKS_RUNNING, "Maximum"),
            )
        )
        self._add(
            "CannotStart",
            cloudwatch.MathExpression(
                expression="desired + missing - running",
                using_metrics={"desired": desired, "missing": missing, "running": running},
                period=metrics.MINUTE,
                label="Tasks that do not come",
            ),
            Rule(periods=_CAPACITY_MINUTES, of=_CAPACITY_MINUTES),
            text=(
                f"For {_CAPACITY_MINUTES} minutes fewer workers of API {self._api.name} have run than are "
                f"wanted: penstock status {self._api.name}."
            ),
        )

    def _add_progress(self, api: AsyncApi) -> None:
        in_flight = metrics.measured(
            Measure.IN_FLIGHT, self._deployment, api.name, statistic="Minimum", period=metrics.FIVE_MINUTES
        )
        seconds = api.timeout.total_seconds() + _QUARTER.to_seconds()
        periods = math.ceil(seconds / metrics.FIVE_MINUTES.to_seconds())
        self._add(
            "NoCompletions",
            cloudwatch.MathExpression(
                expression="IF(busy > 0 AND FILL(completed, 0) + FILL(failed, 0) == 0, 1, 0)",
                using_metrics={
                    "busy": in_flight,
                    "completed": self._count(Metric.COMPLETED),
                    "failed": self._count(Metric.FAILED),
                },
                period=metrics.FIVE_MINUTES,
                label="Work, and none of it ends",
            ),
            Rule(periods=periods, of=periods),
            text=(
                f"Requests of API {api.name} are in flight, and for longer than its timeout none has ended."
            ),
        )

    def _count(self, metric: Metric, *, period: Duration = metrics.FIVE_MINUTES) -> cloudwatch.Metric:
        return metrics.of_api(metric, self._deployment, self._api.name, period=period)

    def _add(self, id_: str, metric: cloudwatch.IMetric, rule: Rule, *, text: str) -> None:
        alarms.add(self, id_, metric, rule, text=text)
