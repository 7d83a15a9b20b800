from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from penstock import ids, keys
from penstock.records import Call, PayloadRef, RequestKey, Status
from tests.examples import record
from tests.waiting import eventually


def test_a_text_is_counted(stack):
    answer = stack.http.post(
        "/async/word-count?top=1", content=b"one two two", headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 202
    request_id = answer.json()["id"]
    state = stack.finished("word-count", request_id)
    assert state.status == Status.COMPLETED
    assert state.result["words"] == 3
    assert state.result["most_common"] == [["two", 2]]
    assert state.attempt == 1
    assert state.queued_seconds is not None
    assert stack.http.get(f"/async/word-count/{request_id}/result").json() == state.result


def test_a_picture_becomes_a_thumbnail(stack):
    picture = io.BytesIO()
    Image.new("RGB", (400, 200), "teal").save(picture, "PNG")
    request_id = stack.submit("thumbnail", picture.getvalue(), content_type="image/png", query={"size": "64"})
    assert stack.finished("thumbnail", request_id).status == Status.COMPLETED
    answer = stack.http.get(f"/async/thumbnail/{request_id}/result")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as thumbnail:
        assert thumbnail.size == (64, 32)


def test_nothing_of_a_completed_request_is_left_but_its_record_and_its_result(stack):
    request_id = stack.submit("word-count", b"x", content_type="text/plain")
    stack.finished("word-count", request_id)
    eventually(
        lambda: not stack.keys(f"payloads/word-count/{request_id}"), within_seconds=10, what="payload deleted"
    )
    assert len(stack.keys(f"results/word-count/{request_id}")) == 1


BODIES = [b"", bytes(range(256)) * 40, b'{"a": [1, 2]}', "grüße".encode()]


@pytest.mark.parametrize("accept", ["*/*", "image/png", "application/json"])
@pytest.mark.parametrize("body", BODIES)
def test_any_bytes_come_back_byte_for_byte(stack, accept, body):
    sent = {"Content-Type": "application/octet-stream", "Accept": accept}
    answer = stack.http.post("/async/awkward-path", content=body, headers=sent)
    assert answer.status_code == 202, answer.text
    request_id = answer.json()["id"]
    assert stack.finished("awkward-path", request_id).status == Status.COMPLETED
    assert stack.http.get(f"/async/awkward-path/{request_id}/result").content == body


def test_a_client_that_sends_neither_accept_nor_content_type_is_served(stack):
    def bare(method, path, **parts):
        request = stack.http.build_request(method, path, **parts)
        del request.headers["accept"]
        return stack.http.send(request)

    request_id = bare("POST", "/async/awkward-path", content=b"{}").json()["id"]
    stack.finished("awkward-path", request_id)
    assert bare("GET", f"/async/awkward-path/{request_id}").json()["status"] == "completed"
    assert bare("GET", f"/async/awkward-path/{request_id}/result").content == b"{}"


def test_binary_for_a_client_that_sends_no_accept_is_redirected_to(stack):
    request_id = stack.submit("awkward-path", b"\xff\x00", content_type="image/png")
    stack.finished("awkward-path", request_id)
    request = stack.http.build_request("GET", f"/async/awkward-path/{request_id}/result")
    del request.headers["accept"]
    answer = stack.http.send(request)
    assert answer.status_code == 303
    assert stack.http.get(answer.headers["location"]).content == b"\xff\x00"


def test_binary_without_a_content_type_is_refused_rather_than_damaged(stack):
    answer = stack.http.post("/async/awkward-path", content=b"\xff\x00")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")
    assert "Content-Type" in answer.json()["detail"]


def test_a_container_sees_the_callers_type_query_and_allowed_headers_but_no_credentials(stack):
    sent = {
        "Content-Type": "application/x-thing",
        "X-Tenant": "a",
        "Authorization": "Bearer secret",
        "Cookie": "secret",
        "X-Other": "x",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    answer = stack.http.post("/async/awkward-path?do=describe", content=b"12345", headers=sent)
    request_id = answer.json()["id"]
    told = stack.finished("awkward-path", request_id).result
    assert told["bytes"] == 5
    assert told["headers"]["content-type"] == "application/x-thing"
    assert told["headers"]["content-length"] == "5"
    assert told["headers"]["x-tenant"] == "a"
    assert told["headers"]["traceparent"] == sent["traceparent"]
    assert told["headers"]["x-penstock-request-id"] == told["headers"]["x-cortex-request-id"] == request_id
    assert told["headers"]["x-penstock-attempt"] == "1"
    assert not {"authorization", "cookie", "x-other"} & set(told["headers"])


def test_a_failure_keeps_the_containers_answer(stack):
    request_id = stack.submit("awkward-path", b"it said so", query={"do": "status", "code": "418"})
    state = stack.finished("awkward-path", request_id)
    assert (state.status, state.error.code) == (Status.FAILED, "container_error")
    answer = stack.http.get(f"/async/awkward-path/{request_id}/result")
    assert answer.content == b"because it said so"
    assert answer.headers["x-penstock-status-code"] == "418"


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("nothing", "incomplete_response"),
        ("half", "incomplete_response"),
        ("short_length", "incomplete_response"),
        ("crash", "incomplete_response"),
    ],
)
def test_a_container_that_answers_nothing_or_half_or_more_than_it_said_fails_clearly(stack, behaviour, code):
    request_id = stack.submit("awkward-path", query={"do": behaviour})
    state = stack.finished("awkward-path", request_id)
    assert (state.status, state.error.code) == (Status.FAILED, code)
    assert stack.keys(f"results/awkward/{request_id}") == []


def peak_megabytes(pid: int) -> float:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) / 1024


def test_the_same_key_is_one_execution(stack):
    sent = {"Idempotency-Key": "order-1", "Content-Type": "text/plain"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: stack.http.post("/async/word-count", content=b"a b", headers=sent), range(8))
        )
    assert {answer.status_code for answer in answers} == {202}
    (request_id,) = {answer.json()["id"] for answer in answers}
    state = stack.finished("word-count", request_id)
    assert (state.status, state.attempt) == (Status.COMPLETED, 1)
    replay = stack.http.post("/async/word-count", content=b"a b", headers=sent)
    assert (replay.json()["id"], replay.json()["status"]) == (request_id, "completed")
    other = stack.http.post("/async/word-count", content=b"something else", headers=sent)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    eventually(
        lambda: not stack.keys(f"payloads/word-count/{request_id}"),
        within_seconds=10,
        what="payloads deleted",
    )


def test_a_submission_that_died_between_record_and_message_is_healed_by_its_replay(stack):
    body, caller = b"heal me", "anonymous"
    key = RequestKey(
        api="word-count",
        id=ids.keyed_request_id(deployment="e2e", api="word-count", caller=caller, key="crashed"),
    )
    call = Call(content_type="text/plain")
    # What the gateway has written when it dies right after the record: no payload yet, no message.
    now_ms = time.time_ns() // 1_000_000
    stack.records.create(
        record(
            api=key.api,
            id=key.id,
            call=call,
            payload=PayloadRef(key=keys.payload(key, nonce="lost"), size_bytes=len(body)),
            fingerprint=ids.fingerprint(
                body=body, content_type="text/plain", method="POST", path="/", query=""
            ),
            created_ms=now_ms,
            deadline_ms=now_ms + 10**9,
        )
    )
    sent = {"Idempotency-Key": "crashed", "Content-Type": "text/plain"}
    answer = stack.http.post("/async/word-count", content=body, headers=sent)
    assert (answer.status_code, answer.json()["id"]) == (202, key.id)
    state = stack.finished("word-count", key.id)
    assert (state.status, state.result["words"]) == (Status.COMPLETED, 2)


def test_a_queued_request_is_cancelled_and_never_runs(stack):
    running = stack.submit("single", query={"do": "describe", "delay": "2"})
    stack.until("single", running, "in_progress")
    queued = stack.submit("single", query={"do": "describe"})
    answer = stack.http.delete(f"/async/single/{queued}")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert stack.finished("single", running).status == Status.COMPLETED
    # A later request overtakes nothing: when it is done, the cancelled one has been passed over.
    later = stack.submit("single", query={"do": "describe"})
    assert stack.finished("single", later).status == Status.COMPLETED
    assert stack.client.get("single", queued).status == Status.CANCELLED
    server_log = stack.local.pairs("single")[0].server_log.read_text()
    assert running in server_log
    assert queued not in server_log
    again = stack.http.delete(f"/async/single/{running}")
    assert (again.status_code, again.json()["code"]) == (409, "already_finished")


def test_a_running_request_is_cancelled_within_a_heartbeat(stack):
    running = stack.submit("single", query={"do": "describe", "delay": "60"})
    stack.until("single", running, "in_progress")
    assert stack.http.delete(f"/async/single/{running}").json()["status"] == "cancelled"
    following = stack.submit("single", query={"do": "describe"})
    assert stack.finished("single", following, within_seconds=20).status == Status.COMPLETED
    assert stack.client.get("single", running).status == Status.CANCELLED


UNKNOWN = "a" * 26


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/async/nope", 404, "unknown_api"),
        ("GET", f"/async/nope/{UNKNOWN}", 404, "unknown_api"),
        ("GET", f"/async/word-count/{UNKNOWN}", 404, "unknown_request"),
        ("GET", f"/async/word-count/{UNKNOWN}/result", 404, "unknown_request"),
        ("DELETE", f"/async/word-count/{UNKNOWN}", 404, "unknown_request"),
        ("GET", "/async/word-count/not-an-id", 404, "unknown_request"),
        ("POST", "/async/awkward", 404, "unknown_api"),  # its path is another one
        ("GET", "/no/such/path", 404, "unknown_route"),
        ("PUT", "/async/word-count", 404, "unknown_route"),
        ("PATCH", f"/async/word-count/{UNKNOWN}", 404, "unknown_route"),
    ],
)
def test_what_does_not_exist_is_a_problem_document(stack, method, path, status, code):
    answer = stack.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_an_id_of_another_api_is_unknown(stack):
    request_id = stack.submit("word-count", b"x", content_type="text/plain")
    answer = stack.http.get(f"/async/thumbnail/{request_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_request")


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ({"content": b"x" * 4_500_001}, 413, "payload_too_large"),
        ({"headers": {"Idempotency-Key": "two words"}}, 400, "invalid_idempotency_key"),
        ({"headers": {"Idempotency-Key": "x" * 256}}, 400, "invalid_idempotency_key"),
        ({"headers": {"Prefer": "wait=soon"}}, 400, "invalid_preference"),
        ({"headers": {"Prefer": "wait=-1"}}, 400, "invalid_preference"),
        ({"headers": {"Prefer": "wait=1e9"}}, 400, "invalid_preference"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_stored(stack, parts, status, code):
    before = len(stack.keys("payloads/thumbnail"))
    answer = stack.http.post("/async/thumbnail", **({"content": b"x"} | parts))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(stack.keys("payloads/thumbnail")) == before


def test_the_largest_payload_that_is_taken_arrives_whole(stack):
    request_id = stack.submit("awkward-path", b"x" * 4_500_000, query={"do": "describe"})
    assert stack.finished("awkward-path", request_id).result["bytes"] == 4_500_000


def test_a_presigned_link_gives_the_result(stack):
    request_id = stack.submit("awkward-path", b"\x00\x01", content_type="image/png")
    state = stack.finished("awkward-path", request_id)
    answer = stack.http.get(state.result_url)
    assert (answer.content, answer.headers["content-type"]) == (b"\x00\x01", "image/png")


def test_the_command_line_submits_waits_and_prints_the_result(stack):
    done = subprocess.run(
        [Path(sys.executable).with_name("penstock"), "submit", "word-count", "--data", "a b c", "--wait",
         "--url", stack.local.url],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["words"] == 3
    assert "completed" in done.stderr


def test_the_gateway_is_healthy(stack):
    assert stack.http.get("/healthz").json() == {"status": "ok"}
