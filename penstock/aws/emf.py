"""Metrics as log lines in CloudWatch's embedded format: no call to make, and none that may fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from penstock.metrics import NAMESPACE
from penstock.scaling.ports import API, DEPLOYMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.metrics import Metric


class MetricLog:
    """Writes the metrics of one deployment to standard output."""

    def __init__(self, deployment: str) -> None:
        self._deployment = deployment

    def write(self, api: str, values: Iterable[tuple[Metric, float]], **facts: str) -> None:
        """Tell values of one API; the facts stand in the log line, and are no dimensions."""
        provider = AmazonCloudWatchEMFProvider(
            namespace=NAMESPACE,
            dimension_set={DEPLOYMENT: self._deployment, API: api},
            metadata_set=dict(facts),
            # Or it would add the function's own as a dimension, and who emits a metric is no part of it.
            service="",
        )
        for metric, value in values:
            # Prints by itself when a metric has a hundred values.
            provider.add_metric(name=metric, unit=metric.unit, value=value)
        if provider.metric_set:
            print(json.dumps(provider.serialize_metric_set(), separators=(",", ":")))  # noqa: T201 - the output
