from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_lambda import views
from gateway_lambda.gateway import MAX_RESULT_BYTES
from gateway_lambda.routes import ROUTES, route_table
from penstock.ports import DependencyError
from penstock.records import Failure, ResultRef, Status
from penstock.testing import MemoryObjects, MemoryRecords
from penstock.versions import UnknownVersion
from tests.unit.gateway.front_door import FrontDoor


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def submit(door) -> str:
    return door.call("POST", "/async/words", body=b"x").json["id"]


def finish(door, body=b"{}", content_type="application/json", status=Status.COMPLETED, **changes):
    record = door.only_record
    size = changes.pop("size_bytes", len(body))
    headers = changes.pop("headers", {})
    result = ResultRef(key="results/r", size_bytes=size, status_code=changes.pop("status_code", 200),
                       content_type=content_type, headers=headers)  # fmt: skip
    door.objects.bodies["results/r"] = body
    door.records.rows[record.key] = replace(
        record,
        status=status,
        attempt=1,
        started_ms=record.created_ms + 1500,
        finished_ms=record.created_ms + 4000,
        expires_at=record.created_ms // 1000 + 600,
        result=result,
        **changes,
    )


def test_a_queued_request_says_so(door):
    answer = door.call("GET", f"/async/words/{submit(door)}")
    assert answer.status == 200
    assert answer.json["status"] == "in_queue"
    assert answer.json["created_at"] == "2023-11-14T22:13:20.000Z"
    assert not {"result", "result_url", "error", "finished_at"} & set(answer.json)


def test_a_small_json_result_is_part_of_the_status(door):
    request_id = submit(door)
    finish(door, b'{"words": 2, "big": 12345678901234567890.10}')
    answer = door.call("GET", f"/async/words/{request_id}")
    assert answer.json["status"] == "completed"
    assert answer.json["result"]["words"] == 2
    assert b"12345678901234567890.10" in answer.body, "numbers keep every digit"
    assert answer.json["queued_seconds"] == 1.5
    assert answer.json["processing_seconds"] == 2.5
    assert answer.json["timestamp"] == answer.json["finished_at"]
    assert answer.json["status_code"] == 200
    assert "result_url" not in answer.json


@pytest.mark.parametrize(
    ("body", "content_type", "headers"),
    [
        (b'"' + b"x" * 1000 + b'"', "application/json", {}),  # over the API's limit
        (b"\x89PNG", "image/png", {}),  # not JSON
        (b"{", "application/json", {}),  # says JSON, is none
        (b"NaN", "application/json", {}),  # Python's JSON, not the world's
        (b"\xff", "application/json", {}),  # not even text
        (b"[" * 900, "application/json", {}),
        (b"\x1f\x8b", "application/json", {"content-encoding": "gzip"}),
        (b"{}", None, {}),
    ],
)
def test_any_other_result_is_linked(door, body, content_type, headers):
    request_id = submit(door)
    finish(door, body, content_type, headers=headers)
    answer = door.call("GET", f"/async/words/{request_id}")
    assert answer.json["status"] == "completed"
    assert answer.json["result_url"].startswith("https://objects.invalid/results/r")
    assert "result" not in answer.json


floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | floats | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(json_values)
def test_any_json_result_comes_through_unchanged(value):
    whole = views.with_result({"id": "a", "links": {}}, json.dumps(value).encode())
    assert whole is not None
    assert json.loads(whole) == {"id": "a", "links": {}, "result": value}


def test_a_result_that_is_gone_from_the_bucket_does_not_hide_the_status(door):
    request_id = submit(door)
    finish(door)
    door.objects.bodies.clear()
    answer = door.call("GET", f"/async/words/{request_id}")
    assert (answer.status, answer.json["status"]) == (200, "completed")
    assert "result_url" in answer.json


def test_a_failure_is_told_with_its_reason_and_the_containers_answer(door):
    request_id = submit(door)
    finish(door, b"boom", "text/plain", Status.FAILED, status_code=500,
           failure=Failure(code="container_error", message="The container answered 500."))  # fmt: skip
    answer = door.call("GET", f"/async/words/{request_id}")
    assert answer.json["error"] == {"code": "container_error", "message": "The container answered 500."}
    assert answer.json["status_code"] == 500
    body = door.call("GET", f"/async/words/{request_id}/result")
    assert (body.status, body.body) == (200, b"boom")
    assert body.headers["x-penstock-status"] == "failed"
    assert body.headers["x-penstock-status-code"] == "500"


@pytest.mark.parametrize("body", [b"", bytes(range(256)), b"text"])
def test_a_result_is_returned_byte_for_byte_with_its_type_and_headers(door, body):
    request_id = submit(door)
    finish(door, body, "image/png", headers={"content-disposition": "attachment"})
    answer = door.call("GET", f"/async/words/{request_id}/result", headers={"Accept": "*/*"})
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_result_too_large_for_lambda_is_redirected_to(door):
    request_id = submit(door)
    finish(door, size_bytes=MAX_RESULT_BYTES + 1)
    answer = door.call("GET", f"/async/words/{request_id}/result")
    assert answer.status == 303
    assert answer.headers["location"].startswith("https://objects.invalid/results/r")


def test_binary_for_a_client_without_accept_is_redirected_to_as_api_gateway_would_not_decode_it(door):
    request_id = submit(door)
    finish(door, b"\xff\x00", "image/png")
    assert door.call("GET", f"/async/words/{request_id}/result").status == 303
    assert door.call("GET", f"/async/words/{request_id}/result", headers={"accept": "a/b"}).status == 200


@pytest.mark.parametrize("size", [500_000, 500_001])
def test_however_text_travels_it_arrives_the_same(door, size):
    request_id = submit(door)
    finish(door, b"x" * size, "text/plain")
    answer = door.call("GET", f"/async/words/{request_id}/result", headers={"accept": "*/*"})
    assert answer.body == b"x" * size


def test_a_result_that_is_not_there_yet_is_a_conflict(door):
    answer = door.call("GET", f"/async/words/{submit(door)}/result")
    assert (answer.status, answer.json["code"]) == (409, "not_finished")
    assert "retry-after" in answer.headers


def test_a_request_that_ended_without_a_response_has_no_result(door):
    request_id = submit(door)
    door.call("DELETE", f"/async/words/{request_id}")
    answer = door.call("GET", f"/async/words/{request_id}/result")
    assert (answer.status, answer.json["code"]) == (404, "no_result")


def test_a_result_that_vanished_from_the_bucket_is_named_as_such(door):
    request_id = submit(door)
    finish(door)
    door.objects.bodies.clear()
    answer = door.call("GET", f"/async/words/{request_id}/result")
    assert (answer.status, answer.json["code"]) == (404, "no_result")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/async/words/{unknown}", "/async/thumbnail/{known}", "/async/words/healthz", "/async/words/x"]
)
def test_an_unknown_id_and_an_id_of_another_api_are_not_found(door, method, path):
    known = submit(door)
    answer = door.call(method, path.format(known=known, unknown="b" * 26))
    assert (answer.status, answer.json["code"]) == (404, "unknown_request")
    assert door.only_record.status is Status.IN_QUEUE


def test_a_request_past_its_retention_is_not_found_even_if_it_is_not_deleted_yet(door):
    request_id = submit(door)
    finish(door)
    door.clock.advance(601)
    cancelled = door.call("POST", "/async/thumbnail", body=b"x").json["id"]
    door.call("DELETE", f"/async/thumbnail/{cancelled}")
    door.clock.advance(601)
    for method, path in [
        ("GET", f"words/{request_id}"),
        ("GET", f"words/{request_id}/result"),
        ("DELETE", f"words/{request_id}"),
        ("DELETE", f"thumbnail/{cancelled}"),
    ]:
        answer = door.call(method, f"/async/{path}")
        assert (answer.status, answer.json["code"]) == (404, "unknown_request")


def test_a_queued_request_is_cancelled_and_cancelling_twice_is_one_cancel(door):
    request_id = submit(door)
    for _ in range(2):
        answer = door.call("DELETE", f"/async/words/{request_id}")
        assert (answer.status, answer.json["status"]) == (200, "cancelled")


def test_a_finished_request_cannot_be_cancelled(door):
    request_id = submit(door)
    finish(door)
    answer = door.call("DELETE", f"/async/words/{request_id}")
    assert (answer.status, answer.json["code"]) == (409, "already_finished")
    assert door.only_record.status is Status.COMPLETED


def test_a_failing_result_store_does_not_hide_the_status(door):
    class Down(MemoryObjects):
        def read(self, key):
            raise DependencyError("down")

    request_id = submit(door)
    finish(door)
    door.objects = Down()
    door.build()
    answer = door.call("GET", f"/async/words/{request_id}")
    assert (answer.json["status"], "result_url" in answer.json) == ("completed", True)


def test_a_failing_store_is_a_503_not_a_404(door):
    class Down(MemoryRecords):
        def get(self, key):
            raise DependencyError("down")

        def apply(self, key, transition):
            raise DependencyError("down")

    door.records = Down()
    door.build()
    for method, tail in [("GET", ""), ("GET", "/result"), ("DELETE", "")]:
        answer = door.call(method, f"/async/words/{'a' * 26}{tail}")
        assert (answer.status, answer.json["code"]) == (503, "unavailable")


def test_health_answers(door):
    assert door.call("GET", "/healthz").json == {"status": "ok"}


def test_every_route_is_in_the_table_that_builds_the_api():
    assert {(method, path) for path, methods in route_table().items() for method in methods} == {
        (route.method.value, route.path) for route in ROUTES
    }


def test_a_record_of_a_later_version_is_told_apart_from_a_fault_that_passes(door):
    def newer(_key):
        raise UnknownVersion("the RequestRecord has version 2, and this is a program for version 1")

    door.records.get = newer
    answer = door.call("GET", f"/async/words/{submit(door)}")

    assert (answer.status, answer.json["code"]) == (503, "unknown_version")
    assert "has version 2" in answer.json["detail"]
    assert answer.headers["retry-after"] == "60"
