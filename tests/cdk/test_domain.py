from __future__ import annotations

import pytest

from cdk import stage
from penstock.config import Domain
from tests.cdk.templates import text

pytestmark = pytest.mark.synth


def test_the_name_is_regional_and_refuses_old_tls_as_the_api_does(sealed):
    name = sealed.properties("gateway", "AWS::ApiGateway::DomainName")
    api = sealed.properties("gateway", "AWS::ApiGateway::RestApi")

    assert name["DomainName"] == "api.example.com"
    assert name["RegionalCertificateArn"].endswith(":certificate/0123-ab")
    assert name["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert name["SecurityPolicy"] == api["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_2021_06"


def test_the_name_leads_to_the_stage_without_a_path_of_its_own(sealed):
    mapping = sealed.properties("gateway", "AWS::ApiGateway::BasePathMapping")

    assert mapping["Stage"] == "live"
    assert "BasePath" not in mapping
    assert sealed.by_part["gateway"]["Resources"][mapping["RestApiId"]["Ref"]]["Type"] == (
        "AWS::ApiGateway::RestApi"
    )


def test_the_stage_is_there_before_the_name_leads_to_it(sealed):
    [mapping] = sealed.of_type("gateway", "AWS::ApiGateway::BasePathMapping")
    resources = sealed.by_part["gateway"]["Resources"]

    assert "AWS::ApiGateway::Stage" in {resources[needed]["Type"] for needed in mapping["DependsOn"]}


def test_a_record_in_the_zone_leads_to_the_name(sealed):
    record = sealed.properties("gateway", "AWS::Route53::RecordSet")

    assert (record["HostedZoneId"], record["Name"], record["Type"]) == (
        "Z0123456789ABC",
        "api.example.com",
        "A",
    )
    assert text(record["AliasTarget"]["DNSName"]).endswith(".RegionalDomainName>")
    assert text(record["AliasTarget"]["HostedZoneId"]).endswith(".RegionalHostedZoneId>")


def test_every_link_begins_with_the_name(sealed):
    urls = {
        text(function["Properties"]["Environment"]["Variables"]["PENSTOCK_API_URL"])
        for function in sealed.of_type("webhooks", "AWS::Lambda::Function")
    }

    assert urls == {"https://api.example.com"}
    outputs = sealed.by_part["gateway"]["Outputs"]
    assert outputs["Url"]["Value"] == "https://api.example.com/"
    assert text(outputs["DomainTarget"]["Value"]).endswith(".RegionalDomainName>")


def test_awss_own_name_is_switched_off_only_where_it_is_asked_for(cloud, sealed):
    assert sealed.properties("gateway", "AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    assert "DisableExecuteApiEndpoint" not in cloud.properties("gateway", "AWS::ApiGateway::RestApi")


@pytest.mark.parametrize("name", ["local", "localstack"])
def test_no_name_leads_to_a_developers_machine(name):
    domain = Domain(
        name="api.example.com", certificate_arn="arn:aws:acm:eu-west-1:111122223333:certificate/0123-ab"
    )

    local = stage.named(name)

    assert local.domain(domain) is None
    assert stage.named("cloud").domain(domain) is domain
    assert "example.com" not in local.base_url("abc", local.domain(domain))
