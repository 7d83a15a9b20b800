"""What instances may do, and ECS with them; what tasks may do is in ``cdk.permissions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from cdk.statements import allow

if TYPE_CHECKING:
    from cdk.arns import Arns
    from penstock.config import AsyncApi, BatchApi


def agent(arns: Arns, api: AsyncApi | BatchApi) -> iam.PolicyDocument:
    """Rights of the ECS agent on an instance: to belong to its cluster. Images are the tasks' own affair."""
    return iam.PolicyDocument(
        statements=[
            # AWS knows no resource for this call.
            allow(["ecs:DiscoverPollEndpoint"], ["*"]),
            allow(
                [
                    "ecs:RegisterContainerInstance",
                    "ecs:DeregisterContainerInstance",
                    "ecs:SubmitAttachmentStateChanges",
                    "ecs:SubmitContainerStateChange",
                    "ecs:SubmitTaskStateChange",
                ],
                [arns.cluster(api)],
            ),
            allow(
                [
                    "ecs:Poll",
                    "ecs:StartTelemetrySession",
                    "ecs:PutSystemLogEvents",
                    # An instance that Spot takes back says so itself.
                    "ecs:UpdateContainerInstancesState",
                ],
                [arns.instances(api)],
            ),
        ]
    )


def lend(role_arn: str) -> iam.PolicyDocument:
    """The right of ECS to start instances with this role; AWS's own policy has it for one name only."""
    return iam.PolicyDocument(
        statements=[
            allow(
                ["iam:PassRole"], [role_arn], {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
            )
        ]
    )
