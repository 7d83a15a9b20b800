"""The ways out of a network that has no other: an endpoint for each service that tasks call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config import Config

#: Pulling images, logs, and the queue. Records and bodies have gateway endpoints.
_ALWAYS = ("ecr.api", "ecr.dkr", "logs", "sqs")

#: Task protection: the agent beside a service's task calls ECS with the task's rights.
_SERVICES = "ecs"

#: AWS documents policies for the API of ECS, not for what its agents talk to.
_WITHOUT_POLICY = frozenset({"ecs-agent", "ecs-telemetry"})

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
        group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=vpc,
            description="Penstock endpoints: HTTPS from tasks comes in, nothing goes out",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(tasks, ec2.Port.tcp(_HTTPS), "HTTPS from tasks")
        for service in interface_services(config):
            self._add_interface(service, group)

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

    def _add_interface(self, service: str, group: ec2.SecurityGroup) -> None:
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
        if service not in _WITHOUT_POLICY:
            endpoint.add_to_policy(_own_principals())


def interface_services(config: Config) -> Iterator[str]:
    """What tasks call besides S3 and DynamoDB: the ends of the names of endpoints, which cost by the hour."""
    yield from _ALWAYS
    if config.async_apis:
        yield _SERVICES
    references = [
        reference
        for api in config.apis
        for container in api.pod.containers
        for reference in container.secrets.values()
    ]
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
