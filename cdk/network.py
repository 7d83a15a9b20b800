"""Where tasks run: public subnets without a NAT gateway, and a cluster."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk.acknowledged import acknowledge
from penstock import names

#: Names of the SSM parameters under which the stacks of the APIs find the network.
VPC_ID = "vpc-id"
SUBNET_IDS = "subnet-ids"
SECURITY_GROUP_ID = "security-group-id"


class Network(Construct):
    """A VPC and an ECS cluster for all APIs of a deployment.

    Tasks only call out, so public subnets and a security group that lets nothing in are as closed
    as private subnets behind a NAT gateway, which would cost about 33 dollars a month when idle.
    """

    def __init__(self, scope: Construct, id_: str, *, deployment: str) -> None:
        super().__init__(scope, id_)
        vpc = self._add_vpc()
        security_group = ec2.SecurityGroup(
            self, "Tasks", vpc=vpc, description="Penstock tasks: nothing comes in, everything may go out"
        )
        cluster = ecs.Cluster(self, "Cluster", cluster_name=names.cluster(deployment), vpc=vpc)
        acknowledge(
            cluster,
            "ECS4",
            "Container Insights is billed per task and metric. What scaling and alarms need is published "
            "without it, and it can be switched on for the whole account.",
        )
        self._publish(deployment, vpc, security_group)

    def _add_vpc(self) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    # Tasks ask for their address; nothing else should get one by accident.
                    map_public_ip_on_launch=False,
                )
            ],
            # Free of charge, and payloads do not leave AWS's network.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        acknowledge(
            vpc,
            "VPC7",
            "Nothing listens: the security group lets nothing in, and tasks only call out. Flow logs are "
            "billed by what is carried, and can be switched on for the VPC by whoever must keep them.",
        )
        return vpc

    def _publish(self, deployment: str, vpc: ec2.Vpc, security_group: ec2.SecurityGroup) -> None:
        subnet_ids = [subnet.subnet_id for subnet in vpc.public_subnets]
        ssm.StringParameter(
            self, "VpcId", parameter_name=names.parameter(deployment, VPC_ID), string_value=vpc.vpc_id
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
            string_value=security_group.security_group_id,
        )
