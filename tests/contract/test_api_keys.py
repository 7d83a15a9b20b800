"""What both stores of an API key promise: the table, and API Gateway's usage plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from penstock import ids, names
from penstock.api_keys import ApiKey, Meter, NoUsagePlan, digest_of, new_secret
from penstock.aws.api_keys import DynamoApiKeys
from penstock.aws.meters import ApiGatewayMeters
from penstock.ports import DependencyError
from penstock.testing import MemoryApiKeys, MemoryMeters

if TYPE_CHECKING:
    from penstock.api_keys import ApiKeys, Meters


@dataclass(frozen=True)
class Stores:
    keys: ApiKeys
    meters: Meters
    #: Those of a deployment whose name this one's name begins.
    longer: Meters
    without_plan: Meters


@pytest.fixture(params=["memory", "moto", pytest.param("emulator", marks=pytest.mark.emulator)])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return Stores(MemoryApiKeys(), MemoryMeters(), MemoryMeters(), MemoryMeters(has_plan=False))
    url = request.getfixturevalue(f"{request.param}_url")
    dynamodb, gateway = _client("dynamodb", url), _client("apigateway", url)
    deployment = f"d{ids.new_request_id()[:8]}"
    dynamodb.create_table(
        TableName=deployment,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    for name in (deployment, f"{deployment}-b"):
        gateway.create_usage_plan(name=names.usage_plan(name))
    return Stores(
        DynamoApiKeys(dynamodb, deployment),
        ApiGatewayMeters(gateway, deployment),
        ApiGatewayMeters(gateway, f"{deployment}-b"),
        ApiGatewayMeters(gateway, f"{deployment}-none"),
    )


def _client(service: str, url: str) -> Any:
    return boto3.client(service, endpoint_url=url)  # type: ignore[call-overload]  # any of two


def test_a_key_is_found_as_it_was_put_until_it_is_deleted(stores):
    digest, other = digest_of(new_secret()), digest_of(new_secret())
    key = ApiKey(id="k1", name="ci", apis=("a", "b"), created_ms=1_790_000_000_000)
    assert stores.keys.find(digest) is None

    stores.keys.put(digest, key)
    assert stores.keys.find(digest) == key
    assert stores.keys.find(other) is None

    stores.keys.delete(other)
    assert stores.keys.find(digest) == key
    stores.keys.delete(digest)
    stores.keys.delete(digest)
    assert stores.keys.find(digest) is None


def test_meters_are_listed_with_what_they_were_made_from_until_removed(stores):
    digests = [digest_of(new_secret()) for _ in range(2)]
    first, second = (stores.meters.add("same-name", digest=digest) for digest in digests)
    assert first != second

    by_id = {meter.id: meter for meter in stores.meters.list()}
    assert by_id == {
        first: Meter(id=first, name="same-name", digest=digests[0]),
        second: Meter(id=second, name="same-name", digest=digests[1]),
    }

    stores.meters.remove(first)
    stores.meters.remove(first)
    assert [meter.id for meter in stores.meters.list()] == [second]


def test_meters_of_another_deployment_are_not_listed_however_alike_the_names(stores):
    mine = stores.meters.add("b_x", digest=digest_of(new_secret()))
    theirs = stores.longer.add("x", digest=digest_of(new_secret()))

    assert [meter.id for meter in stores.meters.list()] == [mine]
    assert [meter.id for meter in stores.longer.list()] == [theirs]


def test_without_a_usage_plan_no_meter_is_made(stores):
    with pytest.raises(NoUsagePlan):
        stores.without_plan.add("x", digest=digest_of(new_secret()))
    assert list(stores.without_plan.list()) == []


@pytest.mark.emulator
def test_all_pages_of_meters_are_read(emulator_url):
    gateway = _client("apigateway", emulator_url)
    deployment = f"d{ids.new_request_id()[:8]}"
    gateway.create_usage_plan(name=names.usage_plan(deployment))
    meters = ApiGatewayMeters(gateway, deployment)
    made = {meters.add(f"k{number}", digest=digest_of(new_secret())) for number in range(40)}

    assert len(gateway.get_api_keys(nameQuery=names.api_key(deployment, ""))["items"]) < len(made)
    assert {meter.id for meter in meters.list()} == made


def test_a_meter_is_part_of_the_usage_plan(moto_url):
    gateway = _client("apigateway", moto_url)
    deployment = f"d{ids.new_request_id()[:8]}"
    plan = gateway.create_usage_plan(name=names.usage_plan(deployment))
    digest = digest_of(new_secret())

    made = ApiGatewayMeters(gateway, deployment).add("ci", digest=digest)

    [entry] = gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
    assert (entry["id"], entry["value"]) == (made, digest)


def test_a_store_that_does_not_answer_is_a_dependency_error(moto_url):
    with pytest.raises(DependencyError):
        DynamoApiKeys(_client("dynamodb", moto_url), "no-such-table").find("x")
