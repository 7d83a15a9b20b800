"""The dashboard of a deployment: all its APIs, and the parts that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdk import metrics
from cdk.widgets import Graph, dashboard
from penstock import names
from penstock.metrics import Metric
from penstock.scaling.ports import Measure
from penstock.webhooks.hosts import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_cdk import Stack
    from aws_cdk import aws_cloudwatch as cloudwatch

    from penstock.config import Config


def add(stack: Stack, config: Config, functions: Sequence[str]) -> None:
    """The dashboard, with these functions."""
    text = (
        f"# {config.deployment}\nAll APIs of the deployment; each has a dashboard of its own, named "
        f"`{names.dashboard(config.deployment, '…')}`. Runbooks: {config.monitoring.runbooks}"
    )
    dashboard(
        stack,
        name=names.dashboard(config.deployment),
        text=text,
        rows=[*_of_apis(config), *_of_shared_parts(config.deployment, functions)],
    )


def _of_apis(config: Config) -> Iterator[Sequence[Graph]]:
    def counted(title: str, metric: Metric, apis: Sequence[str]) -> Graph:
        lines = [metrics.of_api(metric, config.deployment, api, label=api) for api in apis]
        return Graph(title, lines)

    def measured(title: str, measure: Measure, apis: Sequence[str], unit: str = "") -> Graph:
        lines = [metrics.measured(measure, config.deployment, api, label=api) for api in apis]
        return Graph(title, lines, unit=unit)

    everyone = [api.name for api in config.apis]
    requests = [api.name for api in config.async_apis]
    jobs = [api.name for api in config.batch_apis]
    yield counted("Submitted", Metric.SUBMITTED, everyone), _webhooks(config)
    if requests:
        yield (
            counted("Completed", Metric.COMPLETED, requests),
            counted("Failed", Metric.FAILED, requests),
            measured("Oldest open request", Measure.OLDEST_AGE, requests, "s"),
        )
        yield (
            measured("In flight", Measure.IN_FLIGHT, requests),
            measured("Tasks that run", Measure.TASKS_RUNNING, requests),
            measured("Tasks that are missing", Measure.TASKS_MISSING, requests),
        )
    if jobs:
        yield (
            counted("Jobs that succeeded", Metric.JOBS_SUCCEEDED, jobs),
            counted("Batches that succeeded", Metric.BATCHES_SUCCEEDED, jobs),
            counted("Batches that failed", Metric.BATCHES_FAILED, jobs),
        )


def _webhooks(config: Config) -> Graph:
    waiting = [
        metrics.of_queue(
            names.webhook_queue(config.deployment, lane), "ApproximateNumberOfMessagesVisible", label=lane
        )
        for lane in Lane
    ]
    return Graph("Webhooks that wait, by lane", waiting)


def _of_shared_parts(deployment: str, functions: Sequence[str]) -> Iterator[Sequence[Graph]]:
    door, table = metrics.of_front_door, metrics.of_table
    yield (
        Graph(
            "HTTP calls",
            [door(deployment, metric, label=metric) for metric in ("Count", "4XXError", "5XXError")],
        ),
        Graph(
            "HTTP latency",
            [
                door(deployment, "Latency", statistic=statistic, label=statistic)
                for statistic in ("p50", "p90", "p99")
            ],
            unit="ms",
        ),
        Graph(
            "Table",
            [
                table(deployment, metric)
                for metric in ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits")
            ],
            right=[table(deployment, metric) for metric in ("ReadThrottleEvents", "WriteThrottleEvents")],
        ),
    )
    prefix = names.stack(deployment, "")

    def of_functions(metric: str, statistic: str) -> list[cloudwatch.Metric]:
        return [
            metrics.of_function(name, metric, statistic=statistic, label=name.removeprefix(prefix))
            for name in functions
        ]

    yield (
        Graph("Functions: errors", of_functions("Errors", "Sum")),
        Graph("Functions: throttled calls", of_functions("Throttles", "Sum")),
        Graph("Functions: duration, one in a hundred", of_functions("Duration", "p99"), unit="ms"),
    )
