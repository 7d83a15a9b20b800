from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.ports import DependencyError
from penstock.workers import ContainerView, ServiceView, TaskView
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.gateway.test_openapi import call

ALL, ONE = "/apis", "/apis/{api}"
READY = ServiceView(desired=1, running=1, pending=0)


@pytest.fixture
def door():
    return FrontDoor()


def task(door: FrontDoor, **parts) -> TaskView:
    began_ms = door.clock() - 1000
    return replace(TaskView(id="t1", of_service=True, last_status="RUNNING", started_ms=began_ms), **parts)


def test_all_apis_are_told_by_their_services(door):
    door.roll.of_services = {door.apis[0].name: READY}
    answer = call(door, "GET", ALL, ALL)
    assert answer.status == 200
    told = {api["api"]: api for api in answer.json["apis"]}
    assert told.keys() == {api.name for api in door.apis}
    first = told[door.apis[0].name]
    assert (first["state"], first["workers_desired"], first["workers_running"]) == ("ready", 1, 1)
    assert {told[api.name]["state"] for api in door.apis[1:]} <= {"idle"}


def test_an_api_is_told_with_its_workers_newest_first_and_why_they_stopped(door):
    name, endpoint = door.apis[0].name, door.apis[0].endpoint
    door.roll.of_services = {name: ServiceView(desired=1, running=0, pending=1)}
    door.roll.of_tasks[name] = [
        task(door, id="old", last_status="STOPPED", stopped_ms=door.clock() - 5000,
             stopped_reason="Essential container in task exited", stop_code="EssentialContainerExited",
             containers=(ContainerView(name="server", exit_code=3),)),
        task(door, id="new", last_status="PENDING", started_ms=None, created_ms=door.clock() - 10),
    ]  # fmt: skip
    answer = call(door, "GET", f"/apis/{endpoint}", ONE)
    assert answer.json["state"] == "failed"
    assert [(one["id"], one["state"]) for one in answer.json["workers"]] == [
        ("new", "pending"),
        ("old", "failed"),
    ]
    reason = "Essential container in task exited; server exited with code 3"
    assert answer.json["workers"][1]["reason"] == answer.json["problem"] == reason


def test_an_api_that_is_not_there_is_unknown(door):
    answer = call(door, "GET", "/apis/nope", ONE)
    assert (answer.status, answer.json["code"]) == (404, "unknown_api")


@pytest.mark.parametrize(("path", "route"), [("/apis", ALL), ("/apis/words", ONE)])
def test_while_ecs_does_not_answer_the_gateway_says_so(door, path, route):
    def down(_apis):
        raise DependencyError("ecs: throttled")

    door.roll.services = down
    answer = call(door, "GET", path, route)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert "throttled" not in answer.json["detail"]


def test_a_key_sees_its_apis_and_no_others(door):
    mine = {"key_id": "k", "apis": door.apis[0].name}
    assert call(door, "GET", f"/apis/{door.apis[0].endpoint}", ONE, authorizer=mine).status == 200
    assert call(door, "GET", "/apis", ALL, authorizer=mine).status == 403
