"""What a deploy leaves for `penstock promote`, and what becomes of it at the next environment's."""

from __future__ import annotations

import json
import re

import pytest

from cdk.release import LONGEST_SECTION_CHARACTERS, TooLong
from penstock import config
from penstock.config.writing import dump
from penstock.image_references import ecr_image
from penstock.promotion.promote import document, pinned
from penstock.promotion.releases import Release
from penstock.testing import MemoryRegistry
from tests.cdk import templates

pytestmark = pytest.mark.synth

VALUES = {
    "<AWS::AccountId>": "111122223333",
    "<AWS::Region>": "eu-west-1",
    "<AWS::URLSuffix>": "amazonaws.com",
}
SERVER = "public.ecr.aws/x/server@sha256:" + "e" * 64


class AnyDigest(MemoryRegistry):
    """A registry that has every image."""

    def digest(self, image):
        return "sha256:" + "d" * 64


def parameter(cloud, part):
    """Properties of the parameter that lies where promote looks."""
    [found] = [
        one["Properties"]
        for one in cloud.of_type(part, "AWS::SSM::Parameter")
        if one["Properties"]["Name"] == f"/penstock/shop/release/{part.removeprefix('api-')}"
    ]
    return found


def release(cloud, part) -> Release:
    """The record as SSM would hold it."""
    text = templates.text(parameter(cloud, part)["Value"])
    for token, value in VALUES.items():
        text = text.replace(token, value)
    return Release.from_json(
        re.sub(r"<(\w+)>", r"arn:aws:ecs:eu-west-1:111122223333:task-definition/\1:1", text)
    )


@pytest.mark.parametrize("api", ["resize", "echo", "convert"])
def test_each_stack_says_what_its_task_runs(cloud, api):
    part = f"api-{api}"
    recorded = release(cloud, part)

    images = {
        container["Name"]: templates.text(container["Image"])
        for container in cloud.properties(part, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
        if container["Name"] != "spec"
    }
    for token, value in VALUES.items():
        images = {name: image.replace(token, value) for name, image in images.items()}
    assert recorded.images == images
    assert recorded.name == api
    assert (recorded.cluster, recorded.service) == ("penstock-shop", None if api == "convert" else api)
    definition = cloud.by_part[part]["Resources"]
    [logical_id] = [name for name, one in definition.items() if one["Type"] == "AWS::ECS::TaskDefinition"]
    assert logical_id in recorded.task_definition


def test_the_record_holds_the_entry_as_it_was_written_but_for_what_is_built(cloud):
    section = release(cloud, "api-resize").section

    assert (section["timeout"], section["networking"]["forward_headers"]) == ("2h", ["X-Tenant"])
    server, cache = section["pod"]["containers"]
    assert server["compute"] == {"cpu": "500m", "mem": "1Gi"}
    assert not {"build", "image"} & {*server, *cache}


def test_a_record_that_is_longer_than_most_is_still_kept(cloud):
    assert parameter(cloud, "api-echo")["Tier"] == "Intelligent-Tiering"


def test_a_deploy_of_what_was_promoted_builds_nothing_and_runs_the_same_images(cloud, tmp_path):
    releases = [release(cloud, f"api-{api}") for api in ("resize", "convert")]
    images = {one.name: pinned(one, AnyDigest(), allow_tags=True) for one in releases}
    # Its chain leads to an API that is left out here, for the sake of time.
    own = {"deployment": "live", "apis": [{"name": "resize", "webhook": {"chain": []}}]}
    file = tmp_path / "live.lock.yaml"
    file.write_text(dump(document(own, releases, images)))

    promoted = templates.synthesise(config.load(file), "cloud", tmp_path)

    manifests = (tmp_path / "cdk.out").glob("*.assets.json")
    assert [json.loads(manifest.read_text())["dockerImages"] for manifest in manifests if manifest] == [
        {} for _ in promoted.by_part
    ]
    for one in releases:
        for container in promoted.properties(f"api-{one.name}", "AWS::ECS::TaskDefinition")[
            "ContainerDefinitions"
        ]:
            source = "dequeuer" if container["Name"] == "spec" else container["Name"]
            assert container["Image"] == images[one.name][source]
    pulled = promoted.actions("api-resize")["ecr:BatchGetImage"]
    repositories = {ecr_image(one).repository for one in images["resize"].values()}
    assert {arn.rpartition("repository/")[2] for arn in pulled} == repositories


def test_an_entry_that_no_parameter_holds_is_refused_with_the_remedy(tmp_path):
    long = "x" * LONGEST_SECTION_CHARACTERS
    file = tmp_path / "penstock.yaml"
    file.write_text(templates.SMALL_CONFIG.format(auth="{}").replace('slim"', f'slim", env: {{A: {long}}}'))

    with pytest.raises(TooLong, match=r"entry of echo .* move long values of env"):
        templates.synthesise(config.load(file), "local", tmp_path)
