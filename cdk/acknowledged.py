"""Findings of cdk-nag that we live with, each beside the construct it is about.

``make check`` synthesises the configurations it is given, asks cdk-nag's AwsSolutions rules and cfn-lint
(``cdk.audit``), and fails for each finding that is neither mended nor acknowledged, and for each
acknowledgement that fits no finding. To add one, call ``acknowledge`` in the construct's own module, with
a reason that somebody who reviews the deployment can check; it covers what is below the construct as well.
Wildcards in resources of roles are acknowledged by ``cdk.role``, with the reasons in ``cdk.wildcards``.

Example:
-------
    queue = sqs.Queue(self, "Unread", …)
    acknowledge(queue, "SQS3", "It is a dead-letter queue itself, and an alarm tells of what is in it.")

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import IConstruct

#: What cdk-nag's ids begin with, and before that, CDK's name of the pack.
PACK = "AwsSolutions"


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Live with one finding about a construct: a rule such as ``SQS3``, or ``IAM5[Resource::…]``."""
    acknowledgment = Acknowledgment(id=f"{PACK}::{PACK}-{finding}", reason=reason)
    Validations.of(construct).acknowledge(acknowledgment)


def acknowledge_insights(cluster: IConstruct) -> None:
    """Live with a cluster without Container Insights, whichever stack it is in."""
    acknowledge(
        cluster,
        "ECS4",
        "Container Insights is billed per task and metric. What scaling and alarms need is published without "
        "it, and it can be switched on for the whole account.",
    )
