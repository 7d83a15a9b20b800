"""Dashboards as rows of graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from constructs import Construct

    from penstock.metrics import Metric

#: CloudWatch's grid has 24 columns.
_COLUMNS = 24
_HEIGHT = 6
_PERCENTILES = ("p50", "p90", "p99")


@dataclass(frozen=True, slots=True)
class Graph:
    """Lines over time."""

    title: str
    left: Sequence[cloudwatch.IMetric]
    unit: str = ""
    right: Sequence[cloudwatch.IMetric] = ()
    right_unit: str = ""

    def widget(self, width: int) -> cloudwatch.GraphWidget:
        """The same for CloudWatch."""
        return cloudwatch.GraphWidget(
            title=self.title,
            left=list(self.left),
            left_y_axis=cloudwatch.YAxisProps(min=0, label=self.unit or None, show_units=False),
            right=list(self.right),
            right_y_axis=cloudwatch.YAxisProps(min=0, label=self.right_unit or None, show_units=False),
            width=width,
            height=_HEIGHT,
        )


def percentiles(metric: Metric, deployment: str, api: str) -> tuple[cloudwatch.Metric, ...]:
    """A metric's median, and how it is for one in ten and one in a hundred."""
    return tuple(
        metrics.of_api(metric, deployment, api, statistic=statistic, label=statistic)
        for statistic in _PERCENTILES
    )


def dashboard(scope: Construct, *, name: str, text: str, rows: Iterable[Sequence[Graph]]) -> None:
    """A dashboard with a text on top."""
    made = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=name, default_interval=Duration.hours(12))
    made.add_widgets(cloudwatch.TextWidget(markdown=text, width=_COLUMNS, height=3))
    for row in rows:
        made.add_widgets(*(graph.widget(_COLUMNS // len(row)) for graph in row))
