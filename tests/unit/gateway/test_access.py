"""API keys at the front door: the authorizer's decision, and what the gateway makes of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gateway_lambda import access
from gateway_lambda.routes import ROUTES
from penstock.api_keys import ApiKey, digest_of, new_secret
from penstock.catalogue import Catalogue
from penstock.ports import DependencyError
from penstock.testing import MemoryApiKeys
from tests.unit.gateway.front_door import FrontDoor, event

ARN = "arn:aws:execute-api:eu-central-1:111122223333:abc/live/GET/async/words"
TEXT = {"Content-Type": "text/plain"}

#: What a caller of an API can do; all but the health check, whatever is added to the routes.
#: The health check takes no key, and the list of all APIs is closed to each: none is for all of them.
ROUTES_OF_AN_API = [route for route in ROUTES if route.path not in {"/healthz", "/apis"}]


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


@pytest.fixture
def keys() -> MemoryApiKeys:
    return MemoryApiKeys()


def made(keys, *apis, id_="k1") -> str:
    secret = new_secret()
    keys.put(digest_of(secret), ApiKey(id=id_, name="ci", apis=apis, created_ms=1))
    return secret


def asked(headers, *, api: str | None = "words") -> dict[str, Any]:
    """The event of a REQUEST authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": ARN,
        "headers": headers,
        "pathParameters": None if api is None else {"api": api},
    }


def decide(keys, asking) -> dict[str, Any]:
    return access.decide(asking, keys=keys, catalogue=Catalogue(FrontDoor.apis))


def context(keys, secret) -> dict[str, str]:
    """What the gateway is told of a key, as API Gateway passes it on."""
    answer = decide(keys, asked({"X-Api-Key": secret}))
    return {**answer["context"], "principalId": answer["principalId"]}


def test_a_known_key_is_let_in_for_this_one_call(keys):
    secret = made(keys, "word-count")

    answer = decide(keys, asked({"Authorization": f"Bearer {secret}"}))

    [statement] = answer["policyDocument"]["Statement"]
    assert statement == {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}
    assert answer["principalId"] == "k1"


def test_calls_are_counted_by_the_hash_and_the_secret_is_in_no_answer(keys):
    secret = made(keys, "word-count")

    answer = decide(keys, asked({"X-Api-Key": secret}))

    assert answer["usageIdentifierKey"] == digest_of(secret)
    assert secret not in json.dumps(answer)
    # API Gateway passes only text on, and refuses an answer with anything else in its context.
    assert all(isinstance(value, str) for value in answer["context"].values())


@pytest.mark.parametrize("api", ["thumbnail", "nope", "word-count", None])
def test_a_key_is_turned_away_from_what_it_is_not_for(keys, api):
    secret = made(keys, "word-count")  # its endpoint is "words"

    answer = decide(keys, asked({"X-Api-Key": secret}, api=api))

    assert [statement["Effect"] for statement in answer["policyDocument"]["Statement"]] == ["Deny"]


@pytest.mark.parametrize(
    "headers",
    [
        lambda secret: {"Authorization": f"Bearer {secret}"},
        lambda secret: {"authorization": f"bearer  {secret}"},
        lambda secret: {"X-Api-Key": secret},
        lambda secret: {"x-api-key": secret},
        # Something else than a key in the one header does not hide the key in the other.
        lambda secret: {"Authorization": "Basic dXNlcjpwYXNz", "X-Api-Key": secret},
        lambda secret: {"Authorization": f"Bearer {secret}", "X-Api-Key": "nonsense"},
    ],
)
def test_a_key_is_found_in_either_header(keys, headers):
    secret = made(keys, "word-count")
    assert decide(keys, asked(headers(secret)))["principalId"] == "k1"


@pytest.mark.parametrize(
    "headers",
    [
        lambda _secret: None,
        lambda _secret: {},
        lambda secret: {"Authorization": secret},
        lambda secret: {"Authorization": f"Basic {secret}"},
        lambda secret: {"X-Api-Key": f"Bearer {secret}"},
        lambda secret: {"X-Api-Key": secret + "x"},
        lambda secret: {"X-Api-Key": digest_of(secret)},
        lambda _secret: {"X-Api-Key": "k1"},
        lambda _secret: {"X-Api-Key": new_secret()},
        lambda secret: {"Authorization": "Bearer nonsense", "X-Api-Key": secret},
    ],
)
def test_without_a_known_key_nobody_is_let_in(keys, headers):
    secret = made(keys, "word-count")
    with pytest.raises(access.NoKey):
        decide(keys, asked(headers(secret)))


def test_a_revoked_key_is_nobodys(keys):
    secret = made(keys, "word-count")
    keys.delete(digest_of(secret))
    with pytest.raises(access.NoKey):
        decide(keys, asked({"X-Api-Key": secret}))


class Failing(MemoryApiKeys):
    def find(self, digest):
        raise DependencyError("read API key: throttled")


def test_only_what_has_the_shape_of_a_key_is_looked_up():
    with pytest.raises(access.NoKey):
        decide(Failing(), asked({"X-Api-Key": "x" * 52}))


def test_a_store_that_fails_lets_nobody_in_and_says_so():
    with pytest.raises(DependencyError):
        decide(Failing(), asked({"X-Api-Key": new_secret()}))


def call(door, route, *, api, authorizer):
    """One call of a route, as API Gateway passes it on."""
    names = dict.fromkeys(re.findall(r"{(\w+)}", route.path), "a" * 26) | {"api": api}
    passed = event(route.method.value, "/healthz", authorizer=authorizer)
    passed |= {"resource": route.path, "pathParameters": names}
    passed["requestContext"] |= {"resourcePath": route.path}
    return door.send(passed)


@pytest.mark.parametrize("route", ROUTES_OF_AN_API, ids=lambda route: f"{route.method.value} {route.path}")
@pytest.mark.parametrize("api", ["thumbnail", "nope"])
def test_the_gateway_itself_refuses_a_key_of_another_api_on_every_route(door, keys, route, api):
    answer = call(door, route, api=api, authorizer=context(keys, made(keys, "word-count")))

    assert (answer.status, answer.json["code"]) == (403, "access_denied")
    # Neither what is deployed nor whether this is.
    assert "thumbnail" not in answer.body.decode()
    assert (door.records.rows, door.objects.bodies) == ({}, {})


@pytest.mark.parametrize("route", ROUTES_OF_AN_API, ids=lambda route: f"{route.method.value} {route.path}")
def test_a_key_may_go_every_route_of_its_api(door, keys, route):
    answer = call(door, route, api="words", authorizer=context(keys, made(keys, "word-count")))
    assert answer.status != 403


@pytest.mark.parametrize("route", ROUTES_OF_AN_API, ids=lambda route: f"{route.method.value} {route.path}")
def test_every_other_route_names_its_api_where_keys_are_checked(route):
    assert "{api}" in route.path.split("/")


def test_a_key_without_any_api_gets_nothing(door, keys):
    secret = made(keys)
    assert context(keys, secret)["apis"] == ""
    answer = call(door, ROUTES_OF_AN_API[0], api="words", authorizer=context(keys, secret))
    assert answer.status == 403


def test_without_keys_the_gateway_leaves_the_question_to_api_gateway(door):
    answer = door.call("POST", "/async/words", body=b"x", headers=TEXT, caller="arn:aws:iam::1:user/ann")
    assert answer.status == 202
    assert door.only_record.caller == "arn:aws:iam::1:user/ann"


def submit(door, authorizer, **parts):
    return door.call("POST", "/async/words", body=b"x", authorizer=authorizer, **parts)


def test_the_caller_of_a_request_is_its_key(door, keys):
    submit(door, context(keys, made(keys, "word-count", id_="abc123")), headers=TEXT)
    assert door.only_record.caller == "key:abc123"


def test_one_idempotency_key_of_two_keys_is_two_requests(door, keys):
    headers = TEXT | {"Idempotency-Key": "order-1"}
    alice, bob = (context(keys, made(keys, "word-count", id_=name)) for name in ("alice", "bob"))

    first = submit(door, alice, headers=headers).json["id"]
    second = submit(door, bob, headers=headers).json["id"]

    assert first != second
    assert submit(door, alice, headers=headers).json["id"] == first
    # Neither is it that of somebody who comes without a key.
    assert submit(door, None, headers=headers).json["id"] not in {first, second}


def test_an_upload_of_one_key_cannot_be_used_by_another(door, keys):
    alice, bob = (context(keys, made(keys, "word-count", id_=name)) for name in ("alice", "bob"))
    terms = json.dumps({"size_bytes": 1}).encode()
    invited = door.call("POST", "/uploads/words", body=terms, authorizer=alice).json
    door.objects.upload(invited["url"], b"x", invited["headers"])
    used = {"X-Upload-Id": invited["upload_id"]}

    stolen = door.call("POST", "/async/words", headers=used, authorizer=bob)
    assert (stolen.status, stolen.json["code"]) == (404, "upload_missing")
    assert door.call("POST", "/async/words", headers=used, authorizer=alice).status == 202


def test_the_key_is_not_stored_with_the_request(door, keys):
    secret = made(keys, "word-count")
    headers = TEXT | {"Authorization": f"Bearer {secret}", "X-Api-Key": secret}

    submit(door, context(keys, secret), headers=headers)

    assert secret not in repr(door.only_record)
