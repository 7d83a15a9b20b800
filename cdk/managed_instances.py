"""Instances that ECS chooses, starts, patches and ends: a capacity provider for On-Demand, one for Spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import instance_permissions, requirements
from cdk.acknowledged import acknowledge
from cdk.arns import Arns
from cdk.role import role
from cdk.strategy import ON_DEMAND, SPOT
from penstock import names

if TYPE_CHECKING:
    from cdk.own_cluster import ClusterProps
    from penstock.config import ManagedInstances

_Provider = ecs.CfnCapacityProvider

#: AWS's own, with which ECS starts and ends instances. Its rights to lend roles are widened below.
_INFRASTRUCTURE = "AmazonECSInfrastructureRolePolicyForManagedInstances"


class ManagedProviders(Construct):
    """The providers and their roles."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        props: ClusterProps,
        capacity: ManagedInstances,
        cluster: ecs.CfnCluster,
    ) -> None:
        super().__init__(scope, id_)
        self._props = props
        self._capacity = capacity
        profile, infrastructure = self._roles()
        #: On-Demand and Spot, whatever the mix: ECS does not let go of a provider that tasks still run on, so
        #: another mix must not take one away.
        self.all = [
            self._provider(part, cluster, profile=profile, infrastructure=infrastructure)
            for part in (ON_DEMAND, SPOT)
        ]

    def _roles(self) -> tuple[iam.CfnInstanceProfile, iam.Role]:
        arns = Arns(Stack.of(self), self._props.deployment)
        instances = role(
            self,
            "InstanceRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            policies={"agent": instance_permissions.agent(arns, self._props.api)},
        )
        profile = iam.CfnInstanceProfile(self, "Profile", roles=[instances.role_name])
        infrastructure = iam.Role(
            self,
            "InfrastructureRole",
            assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_INFRASTRUCTURE)],
            inline_policies={"lend": instance_permissions.lend(instances.role_arn)},
        )
        acknowledge(
            infrastructure,
            f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_INFRASTRUCTURE}]",
            "What ECS needs to run instances for us changes with ECS; AWS keeps this policy in step.",
        )
        return profile, infrastructure

    def _provider(
        self,
        part: str,
        cluster: ecs.CfnCluster,
        *,
        profile: iam.CfnInstanceProfile,
        infrastructure: iam.Role,
    ) -> ecs.CfnCapacityProvider:
        spot = part == SPOT
        return _Provider(
            self,
            "Spot" if spot else "OnDemand",
            name=names.capacity_provider(self._props.deployment, self._props.api.name, part),
            cluster_name=cluster.ref,
            managed_instances_provider=_Provider.ManagedInstancesProviderProperty(
                infrastructure_role_arn=infrastructure.role_arn,
                infrastructure_optimization=self._idle_hold(),
                propagate_tags="CAPACITY_PROVIDER",
                instance_launch_template=_Provider.InstanceLaunchTemplateProperty(
                    ec2_instance_profile_arn=profile.attr_arn,
                    capacity_option_type="SPOT" if spot else "ON_DEMAND",
                    network_configuration=_Provider.ManagedInstancesNetworkConfigurationProperty(
                        subnets=self._props.place.subnet_ids,
                        security_groups=[self._props.place.security_group_id],
                    ),
                    storage_configuration=_Provider.ManagedInstancesStorageConfigurationProperty(
                        storage_size_gib=self._capacity.disk_gib
                    ),
                    instance_requirements=requirements.of(self._props.api.pod, self._capacity, spot=spot),
                ),
            ),
        )

    def _idle_hold(self) -> _Provider.InfrastructureOptimizationProperty | None:
        hold = self._capacity.idle_hold
        if hold is None:
            return None
        return _Provider.InfrastructureOptimizationProperty(scale_in_after=int(hold.total_seconds()))
