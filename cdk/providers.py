"""That capacity providers belong to a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

if TYPE_CHECKING:
    from constructs import Construct


def associate(
    scope: Construct, cluster: ecs.CfnCluster, *, providers: list[str]
) -> ecs.CfnClusterCapacityProviderAssociations:
    """Let tasks of a cluster run on these providers; on the first, where a task says nothing."""
    return ecs.CfnClusterCapacityProviderAssociations(
        scope,
        "Providers",
        cluster=cluster.ref,
        capacity_providers=providers,
        default_capacity_provider_strategy=[
            ecs.CfnClusterCapacityProviderAssociations.CapacityProviderStrategyProperty(
                capacity_provider=providers[0], weight=1
            )
        ],
    )
