"""The ECS cluster of an API whose tasks run on instances, and what provides these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs
from constructs import Construct

from cdk.acknowledged import acknowledge_insights
from cdk.group import Group
from cdk.managed_instances import ManagedProviders
from cdk.providers import associate
from penstock.config import Ec2, ManagedInstances

if TYPE_CHECKING:
    from cdk.placement import Placement
    from cdk.stage import Stage
    from penstock.config import AsyncApi, BatchApi


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterProps:
    """What the cluster of an API is made from."""

    deployment: str
    api: AsyncApi | BatchApi
    place: Placement
    stage: Stage


class OwnCluster(Construct):
    """The cluster, its capacity providers, and that the ones belong to the other.

    Who runs tasks in it depends on this construct: deleted in the other order, providers would be taken from
    tasks that still run, and CloudFormation would fail.
    """

    def __init__(self, scope: Construct, id_: str, props: ClusterProps) -> None:
        super().__init__(scope, id_)
        cluster = ecs.CfnCluster(self, "Cluster", cluster_name=props.api.cluster(props.deployment))
        acknowledge_insights(cluster)
        if not props.stage.capacity_providers:
            return
        providers = self._providers(props, cluster)
        associate(self, cluster, providers=[provider.ref for provider in providers])

    def _providers(self, props: ClusterProps, cluster: ecs.CfnCluster) -> list[ecs.CfnCapacityProvider]:
        capacity = props.api.capacity
        match capacity:
            case ManagedInstances():
                return ManagedProviders(self, "Managed", props=props, capacity=capacity, cluster=cluster).all
            case Ec2():
                return [Group(self, "Group", props=props, capacity=capacity, cluster=cluster).provider]
        raise AssertionError(capacity.kind)
