"""What network, front door and APIs can have together."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from penstock.config import Config, ConfigError, FlowLogs, NetworkKind, load
from tests.unit.config.conftest import VALID

if TYPE_CHECKING:
    from tests.unit.config.conftest import Write

PRIVATE_IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/server:7"
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0123-ab"
EXISTING = {"kind": "existing", "vpc_id": "vpc-01234567", "subnet_ids": ["subnet-01234567"]}
INSIDE = {"vpc_endpoints": ["vpce-01234567"]}


def with_image(image: str, **more: Any) -> dict[str, Any]:
    """A valid file whose containers all have this image, with these sections."""
    data = copy.deepcopy(VALID)
    for api in data["apis"]:
        api["pod"]["containers"][0]["image"] = image
    return {**data, **more}


def read(write: Write, data: dict[str, Any]) -> Config:
    return load(write(yaml.safe_dump(data)))


def problems(write: Write, data: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(write, data)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def test_without_a_word_tasks_have_public_addresses_and_nothing_else_is_made(write):
    config = read(write, VALID)

    network = config.network
    assert (network.kind, network.availability_zones) == (NetworkKind.PUBLIC, 2)
    assert (network.cidr, network.flow_logs) == ("10.0.0.0/16", FlowLogs.REJECTED)
    assert network.public_addresses
    assert (config.domain, config.encryption.kms_key, config.access.model_fields_set) == (None, None, set())


@pytest.mark.parametrize(
    ("network", "public"),
    [
        ({"kind": "nat"}, False),
        ({"kind": "endpoints"}, False),
        (EXISTING, False),
        (EXISTING | {"assign_public_ip": True}, True),
    ],
    ids=["nat", "endpoints", "existing", "existing with addresses"],
)
def test_tasks_have_a_public_address_only_where_they_need_one(write, network, public):
    assert read(write, with_image(PRIVATE_IMAGE, network=network)).network.public_addresses is public


@pytest.mark.parametrize(
    "image",
    [
        "python:3.12-slim",
        "public.ecr.aws/docker/library/python:3.12",
        "ghcr.io/acme/server",
        "123.dkr.ecr.eu-west-1.amazonaws.com/x",
    ],
)
def test_a_public_image_is_refused_where_no_public_registry_is_reached_with_what_to_do(write, image):
    found = problems(write, with_image(image, network={"kind": "endpoints"}))

    assert [path for path, _ in found] == [
        f"apis[{number}].pod.containers[0].image" for number in range(len(VALID["apis"]))
    ]
    for _, message in found:
        assert "cannot be pulled with network.kind: endpoints" in message
        assert "copy the image to a private ECR repository" in message


@pytest.mark.parametrize("kind", ["public", "nat"])
def test_a_public_image_is_taken_where_there_is_a_way_out(write, kind):
    assert read(write, with_image("python:3.12-slim", network={"kind": kind})).network.kind == kind


@pytest.mark.parametrize("lacking", ["vpc_id", "subnet_ids"])
def test_nothing_of_an_existing_network_is_looked_up_so_its_ids_are_asked_for(write, lacking):
    network = {key: value for key, value in EXISTING.items() if key != lacking}

    [(path, message)] = problems(write, {**VALID, "network": network})

    assert path == "network"
    assert message == f'needs "{lacking}" with kind: existing: nothing is looked up in the account'


@pytest.mark.parametrize("mode", ["api_key", "none"])
@pytest.mark.parametrize(
    "access",
    [
        {"accounts": ["111122223333"]},
        {"principals": ["arn:aws:iam::111122223333:role/caller"]},
        {"organizations": ["o-a1b2c3d4e5"]},
    ],
    ids=["accounts", "principals", "organizations"],
)
def test_callers_are_told_apart_by_account_only_where_they_sign(write, mode, access):
    found = problems(write, {**VALID, "auth": {"mode": mode}, "access": access})

    [key] = access
    assert found == [
        (f"access.{key}", f"tells callers by their signatures, and auth.mode: {mode} asks for none")
    ]


def test_addresses_are_checked_however_callers_prove_who_they_are(write):
    access = {"source_ips": ["203.0.113.0/24", "2001:db8::/32"]}
    for mode in ("iam", "api_key", "none"):
        config = read(write, {**VALID, "auth": {"mode": mode}, "access": access})
        assert config.access.source_ips == ("203.0.113.0/24", "2001:db8::/32")


@pytest.mark.parametrize("webhook", [{"chain": ["one"]}, {"url": "/async/one"}], ids=["chain", "url"])
def test_apis_behind_a_private_front_door_cannot_call_each_other(write, webhook):
    data = copy.deepcopy(VALID)
    data["apis"][0]["webhook"] = webhook

    [(path, message)] = problems(write, {**data, "access": INSIDE})

    [key] = webhook
    assert path == f"apis[0].webhook.{key}"
    assert "webhooks are sent from outside the VPC" in message


def test_webhooks_to_others_are_sent_from_behind_a_private_front_door_all_the_same(write):
    data = copy.deepcopy(VALID)
    data["apis"][0]["webhook"] = {"url": "https://hooks.example.com/"}

    assert read(write, {**data, "access": INSIDE}).access.private


def test_a_private_front_door_has_no_name_of_its_own(write):
    domain = {"name": "api.example.com", "certificate_arn": CERTIFICATE}

    [(path, message)] = problems(write, {**VALID, "access": INSIDE, "domain": domain})

    assert path == "domain"
    assert "access.vpc_endpoints makes this one private" in message


def test_aws_is_told_of_a_key_of_ones_own_by_its_alias(write):
    arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    created = read(write, {**VALID, "encryption": {"kms_key": "create"}}).encryption
    given = read(write, {**VALID, "encryption": {"kms_key": arn}}).encryption

    assert (created.creates_key, created.key_id("demo")) == (True, "alias/penstock-demo")
    assert (given.creates_key, given.key_id("demo")) == (False, arn)
