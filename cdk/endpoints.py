"""The ways out of a network that has no other: an endpoint for each service that tasks call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import tracing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config import Config

#: Pulling images, logs, and the queue. Records and bodies have gateway endpoints.
_ALWAYS = ("ecr.api", "ecr.dkr", "logs", "sqs")

#: Task protection: the agent beside a service's task calls ECS with the task's rights. Instances also
#: register themselves there.
_ECS = "ecs"

#: What the agents on instances talk to; Fargate's have ways of their own. AWS documents endpoint policies for
#: the API of ECS, not for these.
_AGENTS = ("ecs-agent", "ecs-telemetry")

_HTTPS = 443

_ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


class Endpoints(Construct):
    """Gateway endpoints for S3 and DynamoDB, and interface endpoints that only tasks reach.

    Each lets this account's principals through and no others: credentials that somebody brings along
    carry nothing out.
    """

    def __init__(
        self, scope: Construct, id_: str, *, config: Config, vpc: ec2.IVpc, tasks: ec2.ISecurityGroup
    ) -> None:
        super().__init__(scope, id_)
        self._vpc = vpc
        self._add_gateways()
        group = self._add_group(tasks)
        for service in interface_services(config):
            self._add_interface(service, group)

    def _add_group(self, tasks: ec2.ISecurityGroup) -> ec2.ISecurityGroup:
        # Its rule written inside: the emulator refuses rules as resources, which CDK's construct makes.
        group = ec2.CfnSecurityGroup(
            self,
            "Group",
            vpc_id=self._vpc.vpc_id,
            group_description="Penstock endpoints: HTTPS from tasks, and nothing else",
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=_HTTPS,
                    to_port=_HTTPS,
                    source_security_group_id=tasks.security_group_id,
                    description="HTTPS from tasks",
                )
            ],
        )
        return ec2.SecurityGroup.from_security_group_id(self, "GroupById", group.attr_group_id, mutable=False)

    def _add_gateways(self) -> None:
        s3 = ec2.GatewayVpcEndpoint(
            self, "S3", vpc=self._vpc, service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[_ISOLATED]
        )
        s3.add_to_policy(_own_principals())
        # Layers of images are read by links that ECR itself has signed.
        s3.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject"],
                resources=[f"arn:{Aws.PARTITION}:s3:::prod-{Aws.REGION}-starport-layer-bucket/*"],
            )
        )
        dynamodb = ec2.GatewayVpcEndpoint(
            self,
            "DynamoDb",
            vpc=self._vpc,
            service=ec2.GatewayVpcEndpointAwsService.DYNAMODB,
            subnets=[_ISOLATED],
        )
        dynamodb.add_to_policy(_own_principals())

    def _add_interface(self, service: str, group: ec2.ISecurityGroup) -> None:
        endpoint = ec2.InterfaceVpcEndpoint(
            self,
            service,
            vpc=self._vpc,
            service=ec2.InterfaceVpcEndpointAwsService(service),
            subnets=_ISOLATED,
            security_groups=[group],
            # CDK would let in the whole network besides.
            open=False,
            private_dns_enabled=True,
        )
        if service not in _AGENTS:
            endpoint.add_to_policy(_own_principals())


def interface_services(config: Config) -> Iterator[str]:
    """What tasks call besides S3 and DynamoDB: the ends of the names of endpoints, which cost by the hour."""
    yield from _ALWAYS
    instances = any(api.own_cluster for api in config.apis)
    if config.async_apis or instances:
        yield _ECS
    if instances:
        yield from _AGENTS
    containers = [container for api in config.apis for container in api.pod.containers]
    # ECS starts no task without all of them, so also where no collector of traces can be reached.
    named = (tracing.secrets_of_task(config.tracing), *(container.secrets for container in containers))
    references = [reference for secrets in named for reference in secrets.values()]
    if any(":secretsmanager:" in reference for reference in references):
        yield "secretsmanager"
    if any(":secretsmanager:" not in reference for reference in references):
        yield "ssm"


def _own_principals() -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=["*"],
        resources=["*"],
        conditions={"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}},
    )
