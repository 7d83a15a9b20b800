"""Metrics as dashboards and alarms name them: Penstock's own, and those of AWS.

A label is for dashboards: CDK writes an alarm on a metric that has one as an expression, which the emulator
refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.stage import STAGE_NAME
from penstock import names
from penstock.metrics import NAMESPACE
from penstock.scaling import ports
from penstock.scaling.ports import API, DEPLOYMENT

if TYPE_CHECKING:
    from penstock.metrics import Metric
    from penstock.scaling.ports import Measure

FIVE_MINUTES = Duration.minutes(5)
MINUTE = Duration.minutes(1)


def of_api(
    metric: Metric,
    deployment: str,
    api: str,
    *,
    statistic: str = "Sum",
    period: Duration = FIVE_MINUTES,
    label: str | None = None,
) -> cloudwatch.Metric:
    """A metric of an API that log lines tell."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric,
        dimensions_map={DEPLOYMENT: deployment, API: api},
        statistic=statistic,
        period=period,
        label=label,
    )


def measured(
    measure: Measure,
    deployment: str,
    api: str,
    *,
    statistic: str = "Maximum",
    period: Duration = MINUTE,
    label: str | None = None,
) -> cloudwatch.Metric:
    """A value of an API that the scaling function publishes."""
    return cloudwatch.Metric(
        namespace=ports.NAMESPACE,
        metric_name=measure,
        dimensions_map={DEPLOYMENT: deployment, API: api},
        statistic=statistic,
        period=period,
        label=label,
    )


def of_queue(
    name: str, metric: str, *, statistic: str = "Maximum", label: str | None = None
) -> cloudwatch.Metric:
    """A metric of an SQS queue."""
    return _of_aws("AWS/SQS", metric, {"QueueName": name}, statistic=statistic, label=label)


def of_function(
    name: str, metric: str, *, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A metric of a Lambda function."""
    return _of_aws("AWS/Lambda", metric, {"FunctionName": name}, statistic=statistic, label=label)


def of_front_door(
    deployment: str, metric: str, *, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A metric of the REST API."""
    dimensions = {"ApiName": names.rest_api(deployment), "Stage": STAGE_NAME}
    return _of_aws("AWS/ApiGateway", metric, dimensions, statistic=statistic, label=label)


def of_table(deployment: str, metric: str) -> cloudwatch.Metric:
    """A metric of the table."""
    return _of_aws("AWS/DynamoDB", metric, {"TableName": names.table(deployment)}, statistic="Sum")


def of_machine(arn: str, metric: str) -> cloudwatch.Metric:
    """A metric of a state machine."""
    return _of_aws("AWS/States", metric, {"StateMachineArn": arn}, statistic="Sum")


def _of_aws(
    namespace: str, metric: str, dimensions: dict[str, str], *, statistic: str, label: str | None = None
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=metric,
        dimensions_map=dimensions,
        statistic=statistic,
        period=FIVE_MINUTES,
        label=label,
    )
