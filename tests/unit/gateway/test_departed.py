"""The gateway for APIs that have left the configuration: answers for what they have, and nothing new."""

from __future__ import annotations

import json

import pytest

from penstock.deployed import DeployedApi
from tests.unit.gateway.front_door import FrontDoor


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def leave(door: FrontDoor) -> None:
    """All APIs leave the configuration; their stacks stay."""
    for api in door.apis:
        door.stacks.add(DeployedApi(api))
    door.apis = ()
    door.build()


def test_a_request_of_an_api_that_has_left_can_be_read_and_cancelled(door):
    path = f"/async/words/{door.call('POST', '/async/words', body=b'x').json['id']}"
    leave(door)

    assert door.call("GET", path).json["status"] == "in_queue"
    assert door.call("GET", "/async/words").json["requests"][0]["status"] == "in_queue"
    assert door.call("DELETE", path).json["status"] == "cancelled"
    assert door.call("GET", path).json["status"] == "cancelled"
    assert door.call("GET", "/webhooks/words").status == 200


def test_a_call_of_openfaas_is_found_by_its_id_alone(door):
    call_id = door.call("POST", "/async-function/words", body=b"x").headers["x-call-id"]
    leave(door)

    assert door.call("GET", f"/async-function/{call_id}").json["status"] == "in_queue"


NEW = [
    ("POST", "/async/words"),
    ("POST", "/uploads/words"),
    ("POST", "/async-function/words"),
    ("POST", "/function/words"),
    ("POST", "/async/words/{id}/retry"),
    ("POST", "/dead-letters/words/redrive"),
    ("POST", "/batch/sums"),
    ("POST", "/batch/sums/{job}/retry"),
]


@pytest.mark.parametrize(("method", "path"), NEW, ids=[path for _, path in NEW])
def test_nothing_new_is_taken_and_the_reason_told(door, method, path):
    request_id = door.call("POST", "/async/words", body=b"x").json["id"]
    before = dict(door.records.rows)
    leave(door)

    answer = door.call(
        method,
        path.format(id=request_id, job="69a3f0e0a1b2c3d4e5f60718"),
        body=json.dumps({"ids": [request_id]}).encode(),
    )

    assert (answer.status, answer.json["code"]) == (410, "api_removed")
    assert "not in the configuration any more" in answer.json["detail"]
    assert door.records.rows == before
    assert door.jobs.rows == {}


def test_it_is_unavailable_and_not_unknown_while_what_has_left_cannot_be_read(door):
    leave(door)
    door.stacks.reachable = False
    answer = door.call("GET", "/async/words/aaaaaaaaaaaaaaaaaaaaaaaaaa")

    assert (answer.status, answer.json["code"]) == (503, "unavailable")


def test_an_api_whose_stack_is_gone_is_unknown(door):
    leave(door)
    door.stacks.texts.clear()

    answer = door.call("GET", "/async/words")
    assert (answer.status, answer.json["code"]) == (404, "unknown_api")
