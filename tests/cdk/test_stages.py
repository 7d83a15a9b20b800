from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cdk import stage
from penstock import config
from tests.cdk import templates
from tests.cdk.templates import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

# A hash of content or of definitions differs whenever anything else does, and is no difference itself.
_HASH = re.compile(r"[0-9a-f]{64}")
_DEPLOYMENT_ID = re.compile(r"(ApiDeployment)[0-9A-F]{8}[0-9a-f]{32}")


def differences(left: Any, right: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where two templates differ, as paths of keys; lists of named things go by their names."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            yield from differences(left.get(key), right.get(key), (*path, key))
    elif isinstance(left, list) and isinstance(right, list) and _named(left) and _named(right):
        yield from differences({item["Name"]: item for item in left}, {i["Name"]: i for i in right}, path)
    elif left != right:
        yield path


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and "Name" in item for item in items)


def _comparable(template: dict[str, Any]) -> Any:
    text = _DEPLOYMENT_ID.sub(r"\1", _HASH.sub("hash", json.dumps(template)))
    return json.loads(text)


def _described(part: str, left: Any, right: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    """The type in place of the generated id; nothing below a property whose inside differs by nature."""
    if path[0] != "Resources":
        return (part, *path)
    kind = (left["Resources"] | right["Resources"])[path[1]]["Type"]
    return (part, kind, *(key for key in path[2:] if key not in {"Properties", "ContainerDefinitions"}))


def _found(left: Templates, right: Templates) -> set[tuple[str, ...]]:
    """All differences between two stages, in the parts that both have."""
    found = set()
    for part in left.by_part.keys() & right.by_part.keys():
        one, other = _comparable(left.by_part[part]), _comparable(right.by_part[part])
        found |= {_described(part, one, other, path) for path in differences(one, other)}
    return found


def test_the_stages_differ_in_what_the_stage_module_lists_and_in_nothing_else(cloud, local):
    assert cloud.by_part.keys() == local.by_part.keys()
    assert _found(cloud, local) == {
        # removal_policy
        ("data", "AWS::DynamoDB::Table", "DeletionPolicy"),
        ("data", "AWS::DynamoDB::Table", "UpdateReplacePolicy"),
        ("data", "AWS::S3::Bucket", "DeletionPolicy"),
        ("data", "AWS::S3::Bucket", "UpdateReplacePolicy"),
        # deletion_protection
        ("data", "AWS::DynamoDB::Table", "DeletionProtectionEnabled"),
        # loopback_callbacks
        ("gateway", "AWS::Lambda::Function", "Environment", "Variables", "PENSTOCK_LOOPBACK"),
        ("webhooks", "AWS::Lambda::Function", "Environment", "Variables", "PENSTOCK_LOOPBACK"),
        # console
        ("gateway", "AWS::Lambda::Function", "Environment", "Variables", "PENSTOCK_CONSOLE"),
        # api_url
        ("webhooks", "AWS::Lambda::Function", "Environment", "Variables", "PENSTOCK_API_URL", "Fn::Join"),
        # authorization
        ("gateway", "AWS::ApiGateway::Method", "AuthorizationType"),
        # capacity_providers
        ("network", "AWS::ECS::ClusterCapacityProviderAssociations"),
        # full_network
        ("network", "AWS::EC2::FlowLog"),
        ("network", "AWS::IAM::Role"),
        ("network", "AWS::Logs::LogGroup"),
        # auto_scaling
        *(
            (api, kind)
            for api in ("api-resize", "api-echo")
            for kind in (
                "AWS::ApplicationAutoScaling::ScalableTarget",
                "AWS::ApplicationAutoScaling::ScalingPolicy",
                "AWS::CloudWatch::Alarm",
            )
        ),
        # watched
        *(
            (part, "AWS::CloudWatch::Dashboard")
            for part in ("monitoring", "api-resize", "api-echo", "api-convert")
        ),
        ("api-convert", "AWS::CloudWatch::Alarm"),
        # images: only what is built; where nothing is, nothing needs to be pulled either
        ("api-resize", "AWS::ECS::TaskDefinition", "server", "Image"),
        ("api-resize", "AWS::ECS::TaskDefinition", "dequeuer", "Image"),
        ("api-resize", "AWS::IAM::Role", "Policies"),
        ("api-echo", "AWS::ECS::TaskDefinition", "dequeuer", "Image"),
        ("api-echo", "AWS::IAM::Role", "Policies"),
        ("api-convert", "AWS::ECS::TaskDefinition", "dequeuer", "Image"),
        ("api-convert", "AWS::ECS::TaskDefinition", "spec", "Image"),
        ("api-convert", "AWS::IAM::Role", "Policies"),
        *(
            (api, "AWS::SSM::Parameter", "Value", "Fn::Join")
            for api in ("api-resize", "api-echo", "api-convert")
        ),
        # poll_seconds
        *(
            (api, "AWS::ECS::TaskDefinition", "dequeuer", "Environment", "PENSTOCK_POLL_SECONDS", "Value")
            for api in ("api-resize", "api-echo", "api-convert")
        ),
    }


def test_the_localstack_stage_differs_from_the_local_one_by_compute_and_links_alone(local, localstack):
    assert local.by_part.keys() - localstack.by_part.keys() == {
        # compute: no tasks, and so nothing that runs jobs or needs a network
        "network",
        "scaling",
        "batch",
        "api-convert",
    }
    found = _found(local, localstack)

    for api in ("api-resize", "api-echo"):
        assert {path[1] for path in found if path[0] == api} == {
            # compute: what the task would be, instead of the task
            "AWS::SSM::Parameter",
            "AWS::ECS::Service",
            "AWS::ECS::TaskDefinition",
            "AWS::IAM::Role",
            "AWS::Logs::LogGroup",
            # where the stack of an API finds the network
            "Parameters",
        }
    assert {path for path in found if not path[0].startswith("api-")} == {
        # links
        ("gateway", "AWS::Lambda::Function", "Environment", "Variables", "AWS_ENDPOINT_URL_S3"),
        # compute: names, rights and alarms of APIs that are not there
        ("gateway", "AWS::SSM::Parameter", "Value"),
        ("gateway", "AWS::IAM::Role", "Policies"),
        ("webhooks", "AWS::CloudWatch::Alarm"),
    }


def test_a_stage_that_runs_no_jobs_deploys_no_gateway_that_takes_them(local, localstack):
    def known(templates: Templates) -> list[str]:
        [file] = templates.folder.glob("build/gateway_lambda.handler/penstock/catalogue.json")
        return [api["name"] for api in json.loads(file.read_text())["apis"]]

    assert known(local) == ["resize", "echo", "convert"]
    assert known(localstack) == ["resize", "echo"]


def test_a_configuration_of_batch_apis_alone_is_deployed_where_jobs_run_and_refused_elsewhere(tmp_path):
    file = tmp_path / "penstock.yaml"
    file.write_text(
        "deployment: shop\n"
        "apis: [{name: sum, kind: BatchAPI, pod: {containers: [{name: server, image: sum}]}}]\n"
    )

    deployed = templates.synthesise(config.load(file), "local", tmp_path)

    assert deployed.by_part.keys() == {
        *("data", "network", "gateway", "recovery", "webhooks", "monitoring", "batch", "api-sum")
    }
    with pytest.raises(stage.NoApis, match="no ECS"):
        templates.synthesise(config.load(file), "localstack", tmp_path)


def test_localstacks_free_edition_knows_every_type_of_its_stage(localstack):
    lines = (Path(__file__).with_name("localstack_types.txt")).read_text().splitlines()
    known = {line for line in lines if not line.startswith("#")}

    used = {
        resource["Type"]
        for template in localstack.by_part.values()
        for resource in template["Resources"].values()
    }

    assert "AWS::Lambda::Function" in used
    assert {kind for kind in used if kind.lower() not in known} == set()


@pytest.mark.parametrize("api", ["resize", "echo"])
def test_a_described_task_says_what_the_task_definition_would(local, localstack, api):
    part = f"api-{api}"
    definition = local.properties(part, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    [parameter] = [
        resource["Properties"]
        for resource in localstack.of_type(part, "AWS::SSM::Parameter")
        if resource["Properties"]["Name"] == f"/penstock/shop/task/{api}"
    ]
    described = json.loads(text(parameter["Value"]))

    assert [(item["name"], item["stopTimeout"]) for item in described] == [
        (container["Name"], container["StopTimeout"]) for container in definition
    ]
    [dequeuer] = [item for item in described if item["name"] == "dequeuer"]
    assert {pair["name"]: pair["value"] for pair in dequeuer["environment"]} == local.environment(
        part, "dequeuer"
    )


def test_nobody_has_to_sign_on_a_developers_machine(local):
    methods = local.of_type("gateway", "AWS::ApiGateway::Method")

    assert {method["Properties"]["AuthorizationType"] for method in methods} == {"NONE"}


def test_a_local_deployment_builds_no_image(local):
    assert list(local.folder.glob("cdk.out/asset.*/**/Dockerfile")) == []


def test_a_local_dequeuer_stops_soon(local):
    assert local.environment("api-resize", "dequeuer")["PENSTOCK_POLL_SECONDS"] == "2"


def test_an_unknown_stage_is_answered_with_those_that_exist():
    with pytest.raises(stage.UnknownStage, match='no stage "prod"; the stages are: cloud, local, localstack'):
        stage.named("prod")
