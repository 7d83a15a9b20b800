"""What makes the number of an API's tasks follow its queue: a target, two step policies, an alarm for each.

The function in ``scaling_lambda`` says every ten seconds how many tasks are missing, and how many spare.
Desired counts are written by these policies alone, never by a deployment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Stack
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from penstock import names
from penstock.scaling.ports import API, DEPLOYMENT, NAMESPACE, Measure
from penstock.scaling.steps import step_sizes

if TYPE_CHECKING:
    from aws_cdk import aws_ecs as ecs

    from penstock.config import AsyncApi
    from penstock.scaling.timetable import Schedule

_SERVICE_NAMESPACE = "ecs"
_DIMENSION = "ecs:service:DesiredCount"

#: As often as values are published: the shortest that CloudWatch offers.
_ALARM_SECONDS = 10

#: A value below this asks for nothing.
_THRESHOLD = 1

_Adjustment = autoscaling.CfnScalingPolicy.StepAdjustmentProperty


class ServiceScaling(Construct):
    """Scaling of one API's service."""

    def __init__(
        self, scope: Construct, id_: str, *, deployment: str, api: AsyncApi, service: ecs.CfnService
    ) -> None:
        super().__init__(scope, id_)
        self._deployment = deployment
        self._api = api
        timetable = api.autoscaling.timetable
        self._target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            # Kept by Application Auto Scaling itself, whatever the policies ask for.
            min_capacity=timetable.base.fewest,
            max_capacity=timetable.base.most,
            scheduled_actions=[_scheduled(schedule) for schedule in timetable.schedules] or None,
            resource_id=f"service/{api.cluster(deployment)}/{names.service(api.name)}",
            role_arn=_service_role(self),
            scalable_dimension=_DIMENSION,
            service_namespace=_SERVICE_NAMESPACE,
        )
        self._target.add_dependency(service)
        widest = timetable.widest
        sizes = step_sizes(max(1, widest.most - widest.fewest))
        self._add(Measure.TASKS_MISSING, sizes, sign=1, why="tasks are missing for what waits")
        self._add(Measure.TASKS_SPARE, sizes, sign=-1, why="tasks are spare")

    def _add(self, measure: Measure, sizes: tuple[int, ...], *, sign: int, why: str) -> None:
        policy = autoscaling.CfnScalingPolicy(
            self,
            f"{measure}Policy",
            policy_name=f"{names.PREFIX}-{self._deployment}-{self._api.name}-{measure}",
            policy_type="StepScaling",
            scaling_target_id=self._target.ref,
            step_scaling_policy_configuration=autoscaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                # What is asked for already counts what is on its way, so there is nothing to wait for.
                cooldown=0,
                metric_aggregation_type="Maximum",
                step_adjustments=_adjustments(sizes, sign=sign),
            ),
        )
        cloudwatch.CfnAlarm(
            self,
            f"{measure}Alarm",
            alarm_description=f"Scaling of API {self._api.name}: {why}. It is meant to go on and off.",
            namespace=NAMESPACE,
            metric_name=measure,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=DEPLOYMENT, value=self._deployment),
                cloudwatch.CfnAlarm.DimensionProperty(name=API, value=self._api.name),
            ],
            statistic="Maximum",
            period=_ALARM_SECONDS,
            evaluation_periods=1,
            threshold=_THRESHOLD,
            comparison_operator="GreaterThanOrEqualToThreshold",
            # Nobody knows of anything missing or spare: leave it as it is.
            treat_missing_data="notBreaching",
            alarm_actions=[policy.ref],
        )


def _scheduled(schedule: Schedule) -> autoscaling.CfnScalableTarget.ScheduledActionProperty:
    return autoscaling.CfnScalableTarget.ScheduledActionProperty(
        scheduled_action_name=schedule.name,
        schedule=f"cron({schedule.cron.text})",
        timezone=schedule.timezone,
        # Both, always: what one of them leaves out another schedule may have set.
        scalable_target_action=autoscaling.CfnScalableTarget.ScalableTargetActionProperty(
            min_capacity=schedule.bounds.fewest, max_capacity=schedule.bounds.most
        ),
    )


def _adjustments(sizes: tuple[int, ...], *, sign: int) -> list[_Adjustment]:
    """A step from each size to the next; bounds are counted from the alarm's threshold."""
    ends = (*(size - _THRESHOLD for size in sizes[1:]), None)
    return [
        _Adjustment(
            metric_interval_lower_bound=size - _THRESHOLD,
            metric_interval_upper_bound=end,
            scaling_adjustment=sign * size,
        )
        for size, end in zip(sizes, ends, strict=True)
    ]


def _service_role(scope: Construct) -> str:
    """Application Auto Scaling's own role, which AWS makes when it is first needed."""
    return Stack.of(scope).format_arn(
        service="iam",
        region="",
        account=Aws.ACCOUNT_ID,
        resource="role/aws-service-role/ecs.application-autoscaling.amazonaws.com",
        resource_name="AWSServiceRoleForApplicationAutoScaling_ECSService",
    )
