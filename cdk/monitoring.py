"""What watches a deployment: it goes over all stacks when they are made, so no other module must care.

A function, a log group or an alarm that is added anywhere is watched, kept and told of like the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk import alarms, api_dashboard, function_alarms, metrics, overview
from cdk.alarms import Rule
from cdk.api_alarms import ApiAlarms
from penstock import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import Stack

    from cdk.stage import Stage
    from penstock.config import Config


class Monitoring(Construct):
    """What a deployment has once: the topic of its alarms, the overview, the alarm of its front door."""

    def __init__(self, scope: Stack, id_: str, config: Config) -> None:
        super().__init__(scope, id_)
        if config.monitoring.alarm_topic_arn is None:
            self._add_topic(config)
        alarms.add(
            self,
            "ServerErrors",
            metrics.of_front_door(config.deployment, "5XXError"),
            Rule(threshold=1, periods=2, of=3),
            text="Calls of the HTTP API are answered 5xx: clients try again, and may give up.",
        )

    def _add_topic(self, config: Config) -> None:
        # Not encrypted with AWS's own key: CloudWatch may not use it.
        topic = sns.Topic(self, "Topic", topic_name=names.alarm_topic(config.deployment), enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        for address in config.monitoring.alarm_emails:
            sns.Subscription(
                self,
                f"Email-{address}",
                topic=topic,
                protocol=sns.SubscriptionProtocol.EMAIL,
                endpoint=address,
            )


def watch(
    stacks: Sequence[Stack], config: Config, *, stage: Stage, of_apis: Mapping[str, Stack], own: Stack
) -> None:
    """Add dashboards and alarms, and complete the alarms and log groups that are there.

    ``own`` is the stack for what belongs to no part.
    """
    Monitoring(own, "Monitoring", config)
    for api in config.apis:
        ApiAlarms(
            of_apis[api.name],
            "Alarms",
            deployment=config.deployment,
            api=api,
            stage=stage,
            dead_letters=config.monitoring.dead_letters,
        )
        if stage.watched and config.monitoring.dashboards:
            api_dashboard.add(of_apis[api.name], config, api)
    if stage.watched and config.monitoring.dashboards:
        overview.add(own, config, _functions(stacks))
    for stack in (*stacks, own):
        function_alarms.add(stack, config.deployment)
        alarms.inform(stack, config)
        _keep_logs(stack, config.monitoring.log_retention_days)


def _functions(stacks: Sequence[Stack]) -> list[str]:
    found = (node for stack in stacks for node in stack.node.find_all())
    named = (node.function_name for node in found if isinstance(node, lambda_.CfnFunction))
    return [name for name in named if name is not None]


def _keep_logs(stack: Stack, days: int) -> None:
    for node in stack.node.find_all():
        if isinstance(node, logs.CfnLogGroup):
            node.retention_in_days = days
