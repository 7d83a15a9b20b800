"""Instances of an Auto Scaling group: ECS sizes it by the tasks that wait, and empties what it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Fn, Stack
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import instance_permissions, user_data
from cdk.acknowledged import acknowledge
from cdk.arns import Arns
from cdk.role import role
from cdk.strategy import GROUP
from penstock import names
from penstock.instance_types import Architecture

if TYPE_CHECKING:
    from cdk.own_cluster import ClusterProps
    from penstock.config import Ec2

_Group = autoscaling.CfnAutoScalingGroup
_Template = ec2.CfnLaunchTemplate
_Provider = ecs.CfnCapacityProvider

#: AWS's parameters with the newest image, by architecture and whether there are GPUs. None for GPUs on arm64.
_IMAGES = {
    (Architecture.X86_64, False): "amazon-linux-2023",
    (Architecture.ARM64, False): "amazon-linux-2023/arm64",
    (Architecture.X86_64, True): "amazon-linux-2023/gpu",
}
_ROOT_DEVICE = "/dev/xvda"


class Group(Construct):
    """Launch template, group, warm pool and capacity provider."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        props: ClusterProps,
        capacity: Ec2,
        cluster: ecs.CfnCluster,
    ) -> None:
        super().__init__(scope, id_)
        self._props = props
        self._capacity = capacity
        template = self._add_template(cluster)
        group = self._add_group(template)
        if capacity.warm_pool is not None:
            autoscaling.CfnWarmPool(
                self,
                "WarmPool",
                auto_scaling_group_name=group.ref,
                min_size=capacity.warm_pool.min_size,
                # Else as many would wait as the group may still grow by.
                max_group_prepared_capacity=capacity.warm_pool.max_prepared_capacity
                or capacity.warm_pool.min_size,
                pool_state=capacity.warm_pool.state.capitalize(),
            )
        self.provider = self._add_provider(group)

    def _add_template(self, cluster: ecs.CfnCluster) -> ec2.CfnLaunchTemplate:
        arns = Arns(Stack.of(self), self._props.deployment)
        own_role = role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            policies={"agent": instance_permissions.agent(arns, self._props.api)},
        )
        profile = iam.CfnInstanceProfile(self, "Profile", roles=[own_role.role_name])
        script = user_data.script(self._props.api.pod, self._capacity, cluster=cluster.ref)
        return _Template(
            self,
            "Template",
            launch_template_data=_Template.LaunchTemplateDataProperty(
                image_id=self._image(),
                instance_type=self._capacity.instance_types[0],
                iam_instance_profile=_Template.IamInstanceProfileProperty(arn=profile.attr_arn),
                security_group_ids=[self._props.place.security_group_id],
                user_data=Fn.base64(script),
                block_device_mappings=[
                    _Template.BlockDeviceMappingProperty(
                        device_name=_ROOT_DEVICE,
                        ebs=_Template.EbsProperty(
                            volume_size=self._capacity.disk_gib,
                            volume_type="gp3",
                            encrypted=True,
                            delete_on_termination=True,
                        ),
                    )
                ],
                metadata_options=_Template.MetadataOptionsProperty(
                    # No session without a token, and none from within a container's network.
                    http_tokens="required",
                    http_put_response_hop_limit=1,
                    http_endpoint="enabled",
                ),
                monitoring=_Template.MonitoringProperty(enabled=True),
            ),
        )

    def _image(self) -> str:
        if self._capacity.ami is not None:
            return self._capacity.ami
        kind = _IMAGES[self._capacity.architecture, self._props.api.pod.gpus > 0]
        # Read at each deployment: a running group does not get another image by itself.
        return ssm.StringParameter.value_for_typed_string_parameter_v2(
            self,
            f"/aws/service/ecs/optimized-ami/{kind}/recommended/image_id",
            ssm.ParameterValueType.AWS_EC2_IMAGE_ID,
        )

    def _add_group(self, template: ec2.CfnLaunchTemplate) -> _Group:
        capacity = self._capacity
        latest = _Group.LaunchTemplateSpecificationProperty(
            launch_template_id=template.ref, version=template.attr_latest_version_number
        )
        mixed = capacity.spot_percent > 0 or len(capacity.instance_types) > 1
        # No desired capacity: ECS sets it, and a deployment must not reset it.
        group = _Group(
            self,
            "Group",
            min_size=str(capacity.min_instances),
            max_size=str(capacity.max_instances),
            vpc_zone_identifier=self._props.place.subnet_ids,
            launch_template=None if mixed else latest,
            mixed_instances_policy=self._mix(latest) if mixed else None,
            # Replaced before it is taken, where EC2 sees that coming.
            capacity_rebalance=capacity.spot_percent > 0,
            # What ECS's termination protection is made of.
            new_instances_protected_from_scale_in=True,
            tags=[
                # Without it, ECS would put it there itself, and CloudFormation take it away again.
                _Group.TagPropertyProperty(key="AmazonECSManaged", value="true", propagate_at_launch=True)
            ],
        )
        acknowledge(
            group,
            "AS3",
            "ECS alone changes the group's size, as tasks need it; its events and the API's alarms tell "
            "of tasks that find no place.",
        )
        if mixed:
            acknowledge(
                group,
                "EC26",
                "cdk-nag cannot follow a mixed policy to its launch template, whose volumes are encrypted.",
            )
        return group

    def _mix(self, latest: _Group.LaunchTemplateSpecificationProperty) -> _Group.MixedInstancesPolicyProperty:
        capacity = self._capacity
        return _Group.MixedInstancesPolicyProperty(
            launch_template=_Group.LaunchTemplateProperty(
                launch_template_specification=latest,
                overrides=[
                    _Group.LaunchTemplateOverridesProperty(instance_type=name)
                    for name in capacity.instance_types
                ],
            ),
            instances_distribution=_Group.InstancesDistributionProperty(
                on_demand_base_capacity=capacity.on_demand_base,
                on_demand_percentage_above_base_capacity=100 - capacity.spot_percent,
                # In the order of the list.
                on_demand_allocation_strategy="prioritized",
                spot_allocation_strategy="price-capacity-optimized",
            ),
        )

    def _add_provider(self, group: _Group) -> ecs.CfnCapacityProvider:
        return _Provider(
            self,
            "Provider",
            name=names.capacity_provider(self._props.deployment, self._props.api.name, GROUP),
            auto_scaling_group_provider=_Provider.AutoScalingGroupProviderProperty(
                auto_scaling_group_arn=group.ref,
                managed_scaling=_Provider.ManagedScalingProperty(
                    status="ENABLED",
                    # No instance without a task.
                    target_capacity=100,
                    minimum_scaling_step_size=1,
                    maximum_scaling_step_size=self._capacity.max_instances,
                ),
                # An instance ends when it is empty: by itself, or drained.
                managed_termination_protection="ENABLED",
                managed_draining="ENABLED",
            ),
        )
