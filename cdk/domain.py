"""A name of the user's own for the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_route53 as route53
from constructs import Construct

from cdk.stage import STAGE_NAME

if TYPE_CHECKING:
    from penstock.config import Domain as DomainConfig

#: As the API's own; API Gateway would let the stricter of the two decide.
TLS_POLICY = "SecurityPolicy_TLS13_1_2_2021_06"


class Domain(Construct):
    """The domain name in API Gateway, what it leads to, and its record in Route 53."""

    def __init__(self, scope: Construct, id_: str, *, domain: DomainConfig, api: apigateway.RestApi) -> None:
        super().__init__(scope, id_)
        name = apigateway.CfnDomainName(
            self,
            "Name",
            domain_name=domain.name,
            regional_certificate_arn=domain.certificate_arn,
            endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(types=["REGIONAL"]),
            security_policy=TLS_POLICY,
            endpoint_access_mode="STRICT",
        )
        mapping = apigateway.CfnBasePathMapping(
            self, "Mapping", domain_name=name.ref, rest_api_id=api.rest_api_id, stage=STAGE_NAME
        )
        mapping.node.add_dependency(api.deployment_stage)
        self.regional_name = name.attr_regional_domain_name
        if domain.hosted_zone_id is not None:
            route53.CfnRecordSet(
                self,
                "Record",
                hosted_zone_id=domain.hosted_zone_id,
                name=domain.name,
                type="A",
                alias_target=route53.CfnRecordSet.AliasTargetProperty(
                    dns_name=name.attr_regional_domain_name,
                    hosted_zone_id=name.attr_regional_hosted_zone_id,
                ),
            )
