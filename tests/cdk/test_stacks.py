from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.synth


def test_each_life_cycle_has_its_stack(cloud):
    assert cloud.by_part.keys() == {
        "data",
        "network",
        "gateway",
        "recovery",
        "scaling",
        "webhooks",
        "monitoring",
        "api-resize",
        "api-echo",
        "batch",
        "api-convert",
    }


def test_no_stack_holds_on_to_another(cloud):
    for template in cloud.by_part.values():
        assert "Fn::ImportValue" not in json.dumps(template)
        assert all("Export" not in output for output in template.get("Outputs", {}).values())


def test_everything_is_tagged_with_its_deployment(cloud):
    tagged = ["AWS::SQS::Queue", "AWS::ECS::Service", "AWS::Logs::LogGroup", "AWS::IAM::Role"]

    for kind in tagged:
        for resource in cloud.of_type("api-resize", kind):
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
            assert tags == {"penstock:deployment": "shop", "penstock:api": "resize"}


def test_no_custom_resource_runs_code_in_the_account(cloud):
    for part in cloud.by_part:
        kinds = {resource["Type"] for resource in cloud.by_part[part]["Resources"].values()}
        assert {kind for kind in kinds if kind.startswith("Custom::")} == set()
        assert ("AWS::Lambda::Function" in kinds) == (
            part in {"batch", "gateway", "recovery", "scaling", "webhooks"}
        )
