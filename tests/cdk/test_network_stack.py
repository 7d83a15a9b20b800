from __future__ import annotations

import pytest

from tests.cdk.templates import text

pytestmark = pytest.mark.synth


def test_two_public_subnets_and_nothing_that_costs_when_idle(cloud):
    subnets = cloud.of_type("network", "AWS::EC2::Subnet")

    zones = [subnet["Properties"]["AvailabilityZone"] for subnet in subnets]
    assert zones == [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in (0, 1)]
    assert [subnet["Properties"]["MapPublicIpOnLaunch"] for subnet in subnets] == [False, False]
    assert cloud.of_type("network", "AWS::EC2::NatGateway") == []
    assert cloud.of_type("network", "AWS::EC2::EIP") == []


def test_bodies_and_records_go_through_free_gateway_endpoints(cloud):
    endpoints = [endpoint["Properties"] for endpoint in cloud.of_type("network", "AWS::EC2::VPCEndpoint")]

    services = sorted(text(endpoint["ServiceName"]) for endpoint in endpoints)
    assert services == ["com.amazonaws.<AWS::Region>.dynamodb", "com.amazonaws.<AWS::Region>.s3"]
    assert {endpoint["VpcEndpointType"] for endpoint in endpoints} == {"Gateway"}


def test_nothing_may_call_a_task(cloud):
    group = cloud.properties("network", "AWS::EC2::SecurityGroup")

    assert "SecurityGroupIngress" not in group
    assert cloud.of_type("network", "AWS::EC2::SecurityGroupIngress") == []


def test_the_cluster_has_the_agreed_name(cloud):
    assert cloud.properties("network", "AWS::ECS::Cluster")["ClusterName"] == "penstock-shop"


def test_what_the_apis_need_is_published_as_parameters(cloud):
    parameters = cloud.of_type("network", "AWS::SSM::Parameter")

    published = {parameter["Properties"]["Name"]: parameter["Properties"]["Type"] for parameter in parameters}
    assert published == {
        "/penstock/shop/vpc-id": "String",
        "/penstock/shop/subnet-ids": "StringList",
        "/penstock/shop/security-group-id": "String",
    }
