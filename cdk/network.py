"""Where tasks run: a VPC of the deployment's own or one of the user's, and a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk.acknowledged import acknowledge, acknowledge_insights
from cdk.endpoints import Endpoints
from cdk.flow_logs import FlowLog
from cdk.providers import associate
from cdk.strategy import FARGATE, FARGATE_SPOT
from penstock import names
from penstock.config import FlowLogs, NetworkKind

if TYPE_CHECKING:
    from cdk.stage import Stage
    from penstock.config import Config
    from penstock.config import Network as NetworkConfig

#: Names of the SSM parameters under which the stacks of the APIs find the network.
VPC_ID = "vpc-id"
SUBNET_IDS = "subnet-ids"
SECURITY_GROUP_ID = "security-group-id"

#: What the subnets of each kind are called in which tasks run.
_TASKS = {NetworkKind.PUBLIC: "public", NetworkKind.NAT: "private", NetworkKind.ENDPOINTS: "isolated"}

#: The smallest there is: only NAT gateways live in it.
_SMALLEST_SUBNET = 28


class Network(Construct):
    """A network and an ECS cluster for all APIs of a deployment, and where they find it.

    Tasks only call out, so public subnets and a security group that lets nothing in are as closed
    as private subnets behind a NAT gateway, which would cost about 33 dollars a month when idle.
    """

    def __init__(self, scope: Construct, id_: str, *, config: Config, stage: Stage) -> None:
        super().__init__(scope, id_)
        network = config.network
        if network.kind is NetworkKind.EXISTING:
            vpc, subnet_ids = self._existing_vpc(network), list(network.subnet_ids)
        else:
            vpc, subnet_ids = self._add_vpc(network, stage)
        security_group = self._security_group(network, vpc)
        if network.kind is NetworkKind.ENDPOINTS:
            Endpoints(self, "Endpoints", config=config, vpc=vpc, tasks=security_group)
        cluster = ecs.CfnCluster(self, "Cluster", cluster_name=names.cluster(config.deployment))
        acknowledge_insights(cluster)
        if stage.capacity_providers:
            associate(self, cluster, providers=[FARGATE, FARGATE_SPOT])
        self._publish(config.deployment, vpc.vpc_id, subnet_ids, security_group.security_group_id)
        if not _is_own(network):
            return
        if stage.full_network and network.flow_logs is not FlowLogs.NONE:
            FlowLog(self, "FlowLog", deployment=config.deployment, vpc=vpc, recorded=network.flow_logs)
        else:
            acknowledge(
                vpc,
                "VPC7",
                "The configuration says network.flow_logs: none. The security group lets nothing in, and "
                "what is carried is billed.",
            )

    def _add_vpc(self, network: NetworkConfig, stage: Stage) -> tuple[ec2.IVpc, list[str]]:
        nat = network.kind is NetworkKind.NAT and stage.full_network
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            availability_zones=[Fn.select(zone, Fn.get_azs()) for zone in range(network.availability_zones)],
            nat_gateways=network.nat_gateways if nat else 0,
            subnet_configuration=_subnets(network.kind),
            gateway_endpoints=_gateway_endpoints(network.kind),
        )
        tasks = vpc.select_subnets(subnet_group_name=_TASKS[network.kind])
        return vpc, tasks.subnet_ids

    def _existing_vpc(self, network: NetworkConfig) -> ec2.IVpc:
        # The zones are not asked for by what is made here, and nothing can be looked up offline.
        return ec2.Vpc.from_vpc_attributes(
            self, "Vpc", vpc_id=str(network.vpc_id), availability_zones=[Fn.select(0, Fn.get_azs())]
        )

    def _security_group(self, network: NetworkConfig, vpc: ec2.IVpc) -> ec2.ISecurityGroup:
        if network.security_group_id is not None:
            return ec2.SecurityGroup.from_security_group_id(
                self, "Tasks", network.security_group_id, mutable=False
            )
        return ec2.SecurityGroup(
            self, "Tasks", vpc=vpc, description="Penstock tasks: nothing comes in, everything may go out"
        )

    def _publish(self, deployment: str, vpc_id: str, subnet_ids: list[str], security_group_id: str) -> None:
        ssm.StringParameter(
            self, "VpcId", parameter_name=names.parameter(deployment, VPC_ID), string_value=vpc_id
        )
        ssm.StringListParameter(
            self,
            "SubnetIds",
            parameter_name=names.parameter(deployment, SUBNET_IDS),
            string_list_value=subnet_ids,
        )
        ssm.StringParameter(
            self,
            "SecurityGroupId",
            parameter_name=names.parameter(deployment, SECURITY_GROUP_ID),
            string_value=security_group_id,
        )


def _is_own(network: NetworkConfig) -> bool:
    return network.kind is not NetworkKind.EXISTING


def _subnets(kind: NetworkKind) -> list[ec2.SubnetConfiguration]:
    # Public addresses are asked for by tasks; nothing else should get one by accident.
    public = ec2.SubnetConfiguration(
        name="public",
        subnet_type=ec2.SubnetType.PUBLIC,
        map_public_ip_on_launch=False,
        cidr_mask=_SMALLEST_SUBNET if kind is NetworkKind.NAT else None,
    )
    private = ec2.SubnetConfiguration(name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
    isolated = ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    match kind:
        case NetworkKind.NAT:
            # The private ones first, so that they begin where their size lets them.
            return [private, public]
        case NetworkKind.ENDPOINTS:
            return [isolated]
        case _:
            return [public]


def _gateway_endpoints(kind: NetworkKind) -> dict[str, ec2.GatewayVpcEndpointOptions] | None:
    """Free of charge, and payloads do not leave AWS's network; with policies of their own where all are."""
    if kind is NetworkKind.ENDPOINTS:
        return None
    return {
        "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
        "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
    }
