"""Scaling as it is deployed: bounds, policies and alarms out of the template of an API's stack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.scaling.cron import Cron
from penstock.scaling.following import StepPolicy
from penstock.scaling.ports import Measure
from penstock.scaling.timetable import Bounds, Schedule, Timetable

if TYPE_CHECKING:
    from collections.abc import Mapping

_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
_ALARM = "AWS::CloudWatch::Alarm"

_CRON = re.compile(r"cron\((.+)\)")

_SIGNS = {Measure.TASKS_MISSING.value: 1, Measure.TASKS_SPARE.value: -1}


class NoScaling(ValueError):
    """The template does not hold the scaling of one service; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedScaling:
    """What a template says."""

    timetable: Timetable
    policies: tuple[StepPolicy, ...]


def read(template: Mapping[str, Any]) -> DeployedScaling:
    """Read a template; ``NoScaling`` if it has no step policies with an alarm on our values."""
    resources: Mapping[str, Any] = template.get("Resources", {})
    targets = [each["Properties"] for each in resources.values() if each["Type"] == _TARGET]
    if len(targets) != 1:
        raise NoScaling(f"the template has {len(targets)} scalable targets, not one: is it an API's stack?")
    policies = tuple(
        _policy(resources, alarm["Properties"])
        for alarm in resources.values()
        if alarm["Type"] == _ALARM and alarm["Properties"].get("MetricName") in _SIGNS
    )
    if {policy.sign for policy in policies} != set(_SIGNS.values()):
        raise NoScaling("the template has no alarm on tasks missing, or none on tasks spare")
    [target] = targets
    base = Bounds(target["MinCapacity"], target["MaxCapacity"])
    scheduled = tuple(_schedule(action, base) for action in target.get("ScheduledActions", []))
    return DeployedScaling(timetable=Timetable(base, scheduled), policies=policies)


def _schedule(action: Mapping[str, Any], base: Bounds) -> Schedule:
    cron = _CRON.fullmatch(action["Schedule"])
    if cron is None:
        raise NoScaling(f"the schedule {action['Schedule']!r} is no cron expression")
    bounds = action["ScalableTargetAction"]
    return Schedule(
        name=action["ScheduledActionName"],
        cron=Cron.parse(cron[1]),
        timezone=action.get("Timezone", "UTC"),
        bounds=Bounds(bounds.get("MinCapacity", base.fewest), bounds.get("MaxCapacity", base.most)),
    )


def _policy(resources: Mapping[str, Any], alarm: Mapping[str, Any]) -> StepPolicy:
    found = [
        resources[action["Ref"]]["Properties"]["StepScalingPolicyConfiguration"]
        for action in alarm["AlarmActions"]
        if resources.get(action.get("Ref"), {}).get("Type") == _POLICY
    ]
    if len(found) != 1:
        raise NoScaling(f"the alarm on {alarm['MetricName']} sets off {len(found)} policies, not one")
    [steps] = found
    sign = _SIGNS[alarm["MetricName"]]
    return StepPolicy(
        sizes=tuple(sign * step["ScalingAdjustment"] for step in steps["StepAdjustments"]),
        thresholds=tuple(
            alarm["Threshold"] + step["MetricIntervalLowerBound"] for step in steps["StepAdjustments"]
        ),
        sign=sign,
        evaluation_periods=alarm["EvaluationPeriods"],
        cooldown_seconds=float(steps.get("Cooldown", 0)),
    )
