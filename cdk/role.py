"""A role with all its rights written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam

from cdk.acknowledged import acknowledge
from cdk.wildcards import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from constructs import Construct


def role(
    scope: Construct,
    id_: str,
    *,
    assumed_by: iam.IPrincipal,
    policies: Mapping[str, iam.PolicyDocument],
    name: str | None = None,
) -> iam.Role:
    """A role that may do what its policies say, and nothing else; reasons stand beside its wildcards."""
    made = iam.Role(scope, id_, assumed_by=assumed_by, inline_policies=dict(policies), role_name=name)
    acknowledge_wildcards(made, policies.values())
    return made


def acknowledge_wildcards(construct: Construct, policies: Iterable[iam.PolicyDocument]) -> None:
    """Live with the wildcards in these policies of a role that have a reason."""
    resolved = [Stack.of(construct).resolve(policy) for policy in policies]
    for resource, reason in reasons(resolved).items():
        acknowledge(construct, f"IAM5[Resource::{resource}]", reason)


def of_own_account(service: str) -> iam.ServicePrincipal:
    """A service, acting for this account: it must not be talked into lending a role to another's."""
    return iam.ServicePrincipal(service, conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}})
