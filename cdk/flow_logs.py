"""VPC flow logs: who connected, or tried to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.role import of_own_account, role
from cdk.statements import allow
from penstock import names
from penstock.config import FlowLogs

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRAFFIC: Mapping[FlowLogs, str] = {FlowLogs.REJECTED: "REJECT", FlowLogs.ALL: "ALL"}


class FlowLog(Construct):
    """The flow log of the deployment's VPC, its log group, and the role that writes there."""

    def __init__(
        self, scope: Construct, id_: str, *, deployment: str, vpc: ec2.IVpc, recorded: FlowLogs
    ) -> None:
        super().__init__(scope, id_)
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=names.flow_log_group(deployment),
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        ec2.CfnFlowLog(
            self,
            "Connections",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type=_TRAFFIC[recorded],
            log_destination_type="cloud-watch-logs",
            log_group_name=group.log_group_name,
            deliver_logs_permission_arn=self._add_role(group).role_arn,
            # As AWS groups them; a line a minute instead of ten would cost up to ten times as much.
            max_aggregation_interval=600,
        )

    def _add_role(self, group: logs.LogGroup) -> iam.Role:
        write = allow(
            ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], [group.log_group_arn]
        )
        return role(
            self,
            "Role",
            assumed_by=of_own_account("vpc-flow-logs.amazonaws.com"),
            policies={"log": iam.PolicyDocument(statements=[write])},
        )
