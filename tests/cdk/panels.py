"""The metrics that dashboards and alarms of synthesised templates name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.cdk.templates import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cdk.templates import Templates

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"


@dataclass(frozen=True, slots=True)
class Named:
    """One metric, whole."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @property
    def dimension_names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.dimensions)


def named(templates: Templates) -> dict[Named, set[str]]:
    """Each metric that is named, and where."""
    found: dict[Named, set[str]] = {}
    for part in templates.by_part:
        for alarm in templates.of_type(part, ALARM):
            for metric in _of_alarm(alarm["Properties"]):
                found.setdefault(metric, set()).add(f"an alarm of {part}")
        for dashboard in templates.of_type(part, DASHBOARD):
            for metric in of_dashboard(dashboard["Properties"]):
                found.setdefault(metric, set()).add(f"the dashboard of {part}")
    return found


def _of_alarm(alarm: dict[str, Any]) -> Iterator[Named]:
    if "MetricName" in alarm:
        yield _named(alarm)
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield _named(query["MetricStat"]["Metric"])


def _named(metric: dict[str, Any]) -> Named:
    dimensions = ((one["Name"], text(one["Value"])) for one in metric["Dimensions"])
    return Named(metric["Namespace"], metric["MetricName"], frozenset(dimensions))


def body(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard's document."""
    document: dict[str, Any] = json.loads(text(dashboard["DashboardBody"]))
    return document


def of_dashboard(dashboard: dict[str, Any]) -> Iterator[Named]:
    """The metrics of its graphs, also those that only expressions use."""
    for widget in body(dashboard)["widgets"]:
        for line in widget["properties"].get("metrics", []):
            words = [part for part in line if isinstance(part, str)]
            if words:
                pairs = zip(words[2::2], words[3::2], strict=True)
                yield Named(words[0], words[1], frozenset(pairs))


def undefined(widget: dict[str, Any]) -> set[str]:
    """Names in expressions of a graph that no line of it has as its id."""
    options = [line[-1] for line in widget["properties"].get("metrics", []) if isinstance(line[-1], dict)]
    ids = {option["id"] for option in options if "id" in option}
    used = (re.findall(r"\b[a-z]\w*", option["expression"]) for option in options if "expression" in option)
    return {name for names in used for name in names} - ids
