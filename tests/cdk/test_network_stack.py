from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

import aws_cdk
import pytest

from cdk import stage
from cdk.network import Network
from penstock.config import Config
from tests.cdk.templates import Templates, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.synth

EXISTING: dict[str, Any] = {
    "kind": "existing",
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}
ALWAYS = {"ecr.api", "ecr.dkr", "logs", "sqs"}
ON_INSTANCES = {"kind": "ec2", "instance_types": ["m7i.large"]}
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/server"
STORED = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf"


def network(
    folder: Path,
    *,
    api: str = "AsyncAPI",
    secrets: dict[str, str] | None = None,
    capacity: dict[str, Any] | None = None,
    tracing: dict[str, Any] | None = None,
    **configured: Any,
) -> Templates:
    """The stack of such a network alone, which is made in no time."""
    container = {"name": "server", "image": IMAGE, "secrets": secrets or {}, "compute": {"mem": "1Gi"}}
    echo: dict[str, Any] = {"name": "echo", "kind": api, "pod": {"containers": [container]}}
    if capacity is not None:
        echo["capacity"] = capacity
    written: dict[str, Any] = {"deployment": "shop", "network": configured, "apis": [echo]}
    if tracing is not None:
        written["tracing"] = tracing
    config = Config.model_validate(written)
    app = aws_cdk.App(outdir=str(folder))
    stack = aws_cdk.Stack(app, "network")
    Network(stack, "Network", config=config, stage=stage.named("cloud"))
    return Templates({"network": app.synth().get_stack_by_name("network").template}, folder)


def routes(made: Templates) -> Iterator[tuple[str, str, str]]:
    """Subnet's name, destination and kind of what leads there."""
    resources = made.by_part["network"]["Resources"]
    names = {
        association["Properties"]["RouteTableId"]["Ref"]: subnet_name(
            resources[association["Properties"]["SubnetId"]["Ref"]]
        )
        for association in made.of_type("network", "AWS::EC2::SubnetRouteTableAssociation")
    }
    for route in made.of_type("network", "AWS::EC2::Route"):
        properties = route["Properties"]
        [way] = [key for key in ("GatewayId", "NatGatewayId") if key in properties]
        yield names[properties["RouteTableId"]["Ref"]], properties["DestinationCidrBlock"], way


def subnet_name(subnet: dict[str, Any]) -> str:
    [name] = [tag["Value"] for tag in subnet["Properties"]["Tags"] if tag["Key"] == "aws-cdk:subnet-name"]
    return str(name)


def subnets(made: Templates) -> list[str]:
    return [subnet_name(subnet) for subnet in made.of_type("network", "AWS::EC2::Subnet")]


def published(made: Templates) -> dict[str, Any]:
    found = [parameter["Properties"] for parameter in made.of_type("network", "AWS::SSM::Parameter")]
    return {parameter["Name"].removeprefix("/penstock/shop/"): parameter["Value"] for parameter in found}


def put_into(made: Templates) -> set[str]:
    """Names of the subnets that are published for tasks."""
    resources = made.by_part["network"]["Resources"]
    listed = text(published(made)["subnet-ids"]).split(",")
    return {subnet_name(resources[reference.strip("<>")]) for reference in listed}


def interfaces(made: Templates) -> dict[str, dict[str, Any]]:
    found = [endpoint["Properties"] for endpoint in made.of_type("network", "AWS::EC2::VPCEndpoint")]
    return {
        text(endpoint["ServiceName"]).removeprefix("com.amazonaws.<AWS::Region>."): endpoint
        for endpoint in found
        if endpoint["VpcEndpointType"] == "Interface"
    }


def test_two_public_subnets_and_nothing_that_costs_when_idle(cloud):
    made = cloud.of_type("network", "AWS::EC2::Subnet")

    zones = [subnet["Properties"]["AvailabilityZone"] for subnet in made]
    assert zones == [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in (0, 1)]
    assert [subnet["Properties"]["MapPublicIpOnLaunch"] for subnet in made] == [False, False]
    assert set(routes(cloud)) == {("public", "0.0.0.0/0", "GatewayId")}
    assert cloud.of_type("network", "AWS::EC2::NatGateway") == []
    assert cloud.of_type("network", "AWS::EC2::EIP") == []


@pytest.mark.parametrize("configured", [{}, {"kind": "nat"}], ids=["public", "nat"])
def test_bodies_and_records_go_through_free_gateway_endpoints(tmp_path, configured):
    made = network(tmp_path, **configured)
    endpoints = [endpoint["Properties"] for endpoint in made.of_type("network", "AWS::EC2::VPCEndpoint")]

    services = sorted(text(endpoint["ServiceName"]) for endpoint in endpoints)
    assert services == ["com.amazonaws.<AWS::Region>.dynamodb", "com.amazonaws.<AWS::Region>.s3"]
    assert {endpoint["VpcEndpointType"] for endpoint in endpoints} == {"Gateway"}
    tables = {reference["Ref"] for endpoint in endpoints for reference in endpoint["RouteTableIds"]}
    there_are = made.by_part["network"]["Resources"]
    assert tables == {key for key, value in there_are.items() if value["Type"] == "AWS::EC2::RouteTable"}


@pytest.mark.parametrize(
    "configured",
    [{}, {"kind": "nat"}, {"kind": "endpoints"}, EXISTING],
    ids=["public", "nat", "endpoints", "existing"],
)
def test_nothing_may_call_a_task(tmp_path, configured):
    made = network(tmp_path, **configured)

    reference = text(published(made)["security-group-id"]).strip("<>").removesuffix(".GroupId")
    group = made.by_part["network"]["Resources"][reference]["Properties"]
    assert "SecurityGroupIngress" not in group
    assert made.of_type("network", "AWS::EC2::SecurityGroupIngress") == []


def test_the_cluster_has_the_agreed_name(cloud):
    assert cloud.properties("network", "AWS::ECS::Cluster")["ClusterName"] == "penstock-shop"


def test_what_the_apis_need_is_published_as_parameters(cloud):
    parameters = cloud.of_type("network", "AWS::SSM::Parameter")

    kinds = {parameter["Properties"]["Name"]: parameter["Properties"]["Type"] for parameter in parameters}
    assert kinds == {
        "/penstock/shop/vpc-id": "String",
        "/penstock/shop/subnet-ids": "StringList",
        "/penstock/shop/security-group-id": "String",
    }


@pytest.mark.parametrize("zones", [1, 2, 3])
def test_as_many_zones_as_configured_share_the_range(tmp_path, zones):
    made = network(tmp_path, availability_zones=zones, cidr="172.20.4.0/22")

    ranges = [
        IPv4Network(subnet["Properties"]["CidrBlock"])
        for subnet in made.of_type("network", "AWS::EC2::Subnet")
    ]
    assert len(ranges) == zones
    assert all(found.subnet_of(IPv4Network("172.20.4.0/22")) for found in ranges)
    assert made.properties("network", "AWS::EC2::VPC")["CidrBlock"] == "172.20.4.0/22"


@pytest.mark.parametrize("gateways", [1, 2])
def test_private_subnets_go_out_through_as_many_nat_gateways_as_configured(tmp_path, gateways):
    made = network(tmp_path, kind="nat", nat_gateways=gateways)

    assert sorted(subnets(made)) == ["private", "private", "public", "public"]
    assert len(made.of_type("network", "AWS::EC2::NatGateway")) == gateways
    assert set(routes(made)) == {
        ("private", "0.0.0.0/0", "NatGatewayId"),
        ("public", "0.0.0.0/0", "GatewayId"),
    }
    assert put_into(made) == {"private"}


def test_one_nat_gateway_serves_all_zones_unless_more_are_asked_for(tmp_path):
    assert len(network(tmp_path, kind="nat").of_type("network", "AWS::EC2::NatGateway")) == 1


def test_the_smallest_network_has_room_for_tasks_in_three_zones_behind_nat(tmp_path):
    made = network(tmp_path, kind="nat", availability_zones=3, cidr="10.9.8.0/24")

    rooms = [
        IPv4Network(subnet["Properties"]["CidrBlock"]).num_addresses
        for subnet in made.of_type("network", "AWS::EC2::Subnet")
        if subnet_name(subnet) == "private"
    ]
    assert rooms == [64, 64, 64]


def test_isolated_subnets_have_no_way_out(tmp_path):
    made = network(tmp_path, kind="endpoints")

    assert subnets(made) == ["isolated", "isolated"]
    assert put_into(made) == {"isolated"}
    assert list(routes(made)) == []
    assert made.of_type("network", "AWS::EC2::InternetGateway") == []
    assert made.of_type("network", "AWS::EC2::NatGateway") == []


@pytest.mark.parametrize(
    ("apis", "services"),
    [
        ({}, {*ALWAYS, "ecs"}),
        # Workers of jobs have no protection to ask for.
        ({"api": "BatchAPI"}, ALWAYS),
        # Instances register, and their agents have connections of their own.
        ({"api": "BatchAPI", "capacity": ON_INSTANCES}, {*ALWAYS, "ecs", "ecs-agent", "ecs-telemetry"}),
        ({"secrets": {"A": STORED}}, {*ALWAYS, "ecs", "secretsmanager"}),
        ({"secrets": {"A": "/shop/a"}}, {*ALWAYS, "ecs", "ssm"}),
        # The collector cannot be reached, but no task starts without what the configuration names.
        (
            {"tracing": {"endpoint": "https://otlp.example.com", "headers_secret": STORED}},
            {*ALWAYS, "ecs", "secretsmanager"},
        ),
    ],
    ids=["requests", "jobs", "instances", "stored secrets", "parameters", "secret of the collector"],
)
def test_there_is_an_endpoint_for_each_service_that_tasks_call_and_for_no_other(tmp_path, apis, services):
    made = network(tmp_path, kind="endpoints", **apis)

    assert interfaces(made).keys() == services


def test_endpoints_stand_in_all_zones_under_the_services_own_names(tmp_path):
    made = network(tmp_path, kind="endpoints", availability_zones=3)

    for endpoint in interfaces(made).values():
        assert len(endpoint["SubnetIds"]) == 3
        assert endpoint["PrivateDnsEnabled"] is True


def test_only_tasks_reach_the_endpoints_and_only_by_https(tmp_path):
    made = network(tmp_path, kind="endpoints")
    tasks = published(made)["security-group-id"]

    groups = {text(group) for endpoint in interfaces(made).values() for group in endpoint["SecurityGroupIds"]}
    [group] = groups
    found = made.by_part["network"]["Resources"][group.strip("<>").removesuffix(".GroupId")]["Properties"]
    [rule] = found["SecurityGroupIngress"]
    assert rule["SourceSecurityGroupId"] == tasks
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
    assert "CidrIp" not in rule


def test_endpoints_let_through_this_accounts_principals_and_layers_of_images_alone(tmp_path):
    made = network(tmp_path, kind="endpoints", secrets={"A": STORED, "B": "/shop/b"})
    own = {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}

    open_to_others = set()
    for endpoint in made.of_type("network", "AWS::EC2::VPCEndpoint"):
        for statement in endpoint["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            if statement.get("Condition") != own:
                open_to_others.add((statement["Action"], text(statement["Resource"])))
    assert open_to_others == {
        ("s3:GetObject", "arn:<AWS::Partition>:s3:::prod-<AWS::Region>-starport-layer-bucket/*")
    }


def test_an_existing_network_is_used_as_it_is(tmp_path):
    made = network(tmp_path, **EXISTING)

    kinds = {resource["Type"] for resource in made.by_part["network"]["Resources"].values()}
    assert {kind for kind in kinds if kind.startswith("AWS::EC2::")} == {"AWS::EC2::SecurityGroup"}
    assert made.properties("network", "AWS::EC2::SecurityGroup")["VpcId"] == EXISTING["vpc_id"]
    found = published(made)
    assert found["vpc-id"] == EXISTING["vpc_id"]
    assert found["subnet-ids"] == ",".join(EXISTING["subnet_ids"])


def test_a_security_group_of_ones_own_is_left_as_it_is(tmp_path):
    made = network(tmp_path, **EXISTING, security_group_id="sg-0123456789abcdef0")

    assert made.of_type("network", "AWS::EC2::SecurityGroup") == []
    assert published(made)["security-group-id"] == "sg-0123456789abcdef0"


@pytest.mark.parametrize(
    ("recorded", "traffic"), [({}, "REJECT"), ({"flow_logs": "all"}, "ALL")], ids=["default", "all"]
)
def test_who_knocks_is_logged_for_a_month(tmp_path, recorded, traffic):
    made = network(tmp_path, **recorded)
    log = made.properties("network", "AWS::EC2::FlowLog")

    assert (log["ResourceType"], log["TrafficType"]) == ("VPC", traffic)
    assert log["ResourceId"] == published(made)["vpc-id"]
    group = made.properties("network", "AWS::Logs::LogGroup")
    assert (group["LogGroupName"], group["RetentionInDays"]) == ("/penstock/shop/flow_log", 30)
    [statement] = made.properties("network", "AWS::IAM::Role")["Policies"][0]["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "logs:DescribeLogStreams",
    }


def test_flow_logs_can_be_left_out(tmp_path):
    made = network(tmp_path, flow_logs="none")

    assert made.of_type("network", "AWS::EC2::FlowLog") == []
    assert made.of_type("network", "AWS::Logs::LogGroup") == []


def assigned(templates: Templates) -> list[str]:
    """Whether tasks of services and of jobs have public addresses."""
    service = templates.properties("api-resize", "AWS::ECS::Service")["NetworkConfiguration"]
    machine = text(
        templates.properties("api-convert", "AWS::StepFunctions::StateMachine")["DefinitionString"]
    )
    found = [part.split('"')[1] for part in machine.split('"AssignPublicIp": ')[1:]]
    return [service["AwsvpcConfiguration"]["AssignPublicIp"], *found]


def test_tasks_have_public_addresses_where_nothing_else_leads_out_and_nowhere_else(cloud, sealed):
    assert set(assigned(cloud)) == {"ENABLED"}
    assert set(assigned(sealed)) == {"DISABLED"}
    # A job's state machine starts workers in two places.
    assert len(assigned(cloud)) == len(assigned(sealed)) == 3
