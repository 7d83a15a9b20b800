"""How alarms are made, and what all of them have in common: who is told, and where the runbook is.

An alarm's runbook is the section of ``docs/runbooks.md`` that is named as the alarm's construct, up to
the first dash: ``WebhooksExhausted-echo`` has the section "Webhooks exhausted". A test holds the two
together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from cdk.arns import Arns

if TYPE_CHECKING:
    from aws_cdk import Stack
    from constructs import Construct

    from penstock.config import Config

#: CloudWatch cuts longer descriptions off, and the runbook's address stands at the end.
LONGEST_DESCRIPTION = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an alarm goes off: so many of the last periods reach the threshold."""

    threshold: float = 1
    periods: int = 1
    of: int = 1
    #: What periods without a value count as.
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING


def add(scope: Construct, id_: str, metric: cloudwatch.IMetric, rule: Rule, *, text: str) -> None:
    """An alarm, which ``inform`` completes."""
    cloudwatch.Alarm(
        scope,
        id_,
        alarm_description=text,
        metric=metric,
        threshold=rule.threshold,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluation_periods=rule.of,
        datapoints_to_alarm=rule.periods,
        treat_missing_data=rule.missing,
    )


def inform(stack: Stack, config: Config) -> None:
    """Give all alarms of a stack for people their topic and the address of their runbook.

    Those that scaling acts on are none: they are made as plain properties, go on and off all the time,
    and have their policies as actions.
    """
    monitoring = config.monitoring
    arn = monitoring.alarm_topic_arn or Arns(stack, config.deployment).alarm_topic
    alarms = [node for node in stack.node.find_all() if isinstance(node, cloudwatch.Alarm)]
    if not alarms:
        return
    action = actions.SnsAction(sns.Topic.from_topic_arn(stack, "AlarmTopic", arn))
    for alarm in alarms:
        alarm.add_alarm_action(action)
        definition = alarm.node.default_child
        assert isinstance(definition, cloudwatch.CfnAlarm)
        address = f"{monitoring.runbooks}#{section(alarm.node.id)}"
        told = definition.alarm_description or ""
        definition.alarm_description = f"{told} Runbook: {address}"


def section(alarm: str) -> str:
    """The anchor of an alarm's runbook."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", alarm.partition("-")[0]).lower()
