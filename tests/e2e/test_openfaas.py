"""OpenFaaS's contract on the whole stack, header by header."""

from __future__ import annotations

import http.client
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from penstock import ids
from penstock.records import RequestKey, Status
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.waiting import eventually

API, NAME = "awkward", "awkward-path"
BINARY = bytes(range(256))


def request_of(call_id: str) -> RequestKey:
    made = ids.keyed_request_id(deployment=DEPLOYMENT, api=API, caller="anonymous", key=call_id)
    return RequestKey(api=API, id=made)


def ended(stack: Stack, call_id: str) -> dict[str, Any]:
    """The status document of a call, once it has ended."""
    answer = stack.http.get(f"/async-function/{call_id}", headers={"Prefer": "wait=20"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["preference-applied"] == "wait=20"
    return answer.json()


def test_a_call_is_accepted_in_openfaas_terms(stack: Stack):
    before_ns = time.time_ns()
    answer = stack.http.post(f"/async-function/{NAME}?do=describe", content=b"12345")
    assert (answer.status_code, answer.content) == (202, b"")
    assert "location" not in answer.headers
    call_id = answer.headers["x-call-id"]
    assert ids.is_request_id(call_id)
    # Milliseconds in nanoseconds: the record's own time.
    assert before_ns - 10**6 <= int(answer.headers["x-start-time"]) <= time.time_ns()
    state = ended(stack, call_id)
    assert (state["status"], state["api"]) == ("completed", API)
    told = state["result"]["headers"]
    assert told["x-call-id"] == call_id
    assert told["x-start-time"] == answer.headers["x-start-time"]
    assert told["x-penstock-request-id"] == state["id"] == request_of(call_id).id
    assert state["result"]["bytes"] == 5


def test_the_callers_own_id_is_kept_echoed_and_told_to_the_function(stack: Stack):
    call_id = str(uuid.uuid4())
    sent = {"X-Call-Id": call_id, "Authorization": "Bearer secret", "X-Tenant": "a", "X-Other": "x"}
    answer = stack.http.post(f"/async-function/{NAME}?do=describe", content=b"x", headers=sent)
    assert answer.headers["x-call-id"] == call_id
    told = ended(stack, call_id)["result"]["headers"]
    assert (told["x-call-id"], told["x-tenant"]) == (call_id, "a")
    assert not {"authorization", "x-other"} & set(told)


def test_the_same_id_is_one_execution_and_another_request_under_it_is_refused(stack: Stack):
    sent = {"X-Call-Id": str(uuid.uuid4()), "Content-Type": "text/plain"}

    def call(body: bytes = b"a b"):
        return stack.http.post("/async-function/word-count", content=body, headers=sent)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call(), range(8)))
    assert {(a.status_code, a.headers["x-call-id"]) for a in answers} == {(202, sent["X-Call-Id"])}
    assert len({a.headers["x-start-time"] for a in answers}) == 1
    state = ended(stack, sent["X-Call-Id"])
    assert (state["status"], state["attempt"], state["result"]["words"]) == ("completed", 1, 2)
    assert call().status_code == 202
    other = call(b"something else")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def raw_call(stack: Stack, method: str, target: str, body: bytes | None, headers: dict[str, str]):
    """Send the target as it is: HTTP libraries would tidy it up."""
    base = urlsplit(stack.local.url)
    connection = http.client.HTTPConnection(base.netloc, timeout=60)
    try:
        connection.putrequest(method, base.path + target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("behind", "seen"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/"),
        ("/with%20space/%C3%BC", "/with%20space/%C3%BC"),
        ("/a//b", "/a//b"),
        ("/a/../b", "/a/../b"),
        ("/a;b=c,d@e:f!$&'()*+~", "/a;b=c,d@e:f!$&'()*+~"),
        ("/100%25", "/100%25"),
        ("/result", "/result"),
        (f"/function/{NAME}/x", f"/function/{NAME}/x"),
    ],
)
def test_path_and_query_reach_the_function(stack: Stack, behind: str, seen: str):
    call_id = uuid.uuid4().hex
    target = f"/async-function/{NAME}{behind}?do=describe&q=a%20b&q=%26"
    status, headers, _ = raw_call(
        stack, "POST", target, b"x", {"X-Call-Id": call_id, "Content-Type": "text/plain"}
    )
    assert (status, headers["x-call-id"]) == (202, call_id)
    result = ended(stack, call_id)["result"]
    path, _, query = result["target"].partition("?")
    assert (result["method"], path) == ("POST", seen)
    assert query == "do=describe&q=a+b&q=%26"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", [b"", b"body"])
def test_a_waiting_call_brings_method_and_body_to_the_function(stack: Stack, method: str, body: bytes):
    answer = stack.http.request(method, f"/function/{NAME}/sub?do=describe", content=body or None)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["method"], told["target"]) == (method, "/sub?do=describe")
    assert told["bytes"] == len(body)
    if body or method in {"POST", "PUT", "PATCH"}:
        assert told["headers"]["content-length"] == str(len(body))
    assert "transfer-encoding" not in told["headers"]


def test_head_reaches_the_function_and_is_answered_without_a_body(stack: Stack):
    answer = stack.http.head(f"/function/{NAME}?do=tag")
    assert (answer.status_code, answer.headers["etag"], answer.content) == (200, '"HEAD"', b"")
    assert answer.headers["x-function-status"] == "200"


def test_a_waiting_call_is_answered_by_the_function_itself_header_by_header(stack: Stack):
    sent = {"Content-Type": "image/png", "X-Call-Id": str(uuid.uuid4()), "Accept": "*/*"}
    answer = stack.http.post(f"/function/{NAME}?do=tag", content=BINARY, headers=sent)
    assert (answer.status_code, answer.content) == (200, BINARY)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["etag"] == '"POST"'
    assert answer.headers["x-call-id"] == sent["X-Call-Id"]
    assert answer.headers["x-function-name"] == NAME
    assert answer.headers["x-function-status"] == "200"
    assert 0 <= float(answer.headers["x-duration-seconds"]) < 20
    record = stack.records.get(request_of(sent["X-Call-Id"]))
    assert int(answer.headers["x-start-time"]) == record.created_ms * 1_000_000
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not {"set-cookie", "x-own"} & set(answer.headers)
    # The same id again is the same execution, and its answer.
    again = stack.http.post(f"/function/{NAME}?do=tag", content=BINARY, headers=sent)
    assert (again.status_code, again.content) == (200, BINARY)
    assert again.headers["x-duration-seconds"] == answer.headers["x-duration-seconds"]


@pytest.mark.parametrize("code", [201, 204, 302, 404, 418])
def test_the_functions_status_is_the_answers_whatever_it_is(stack: Stack, code: int):
    answer = stack.http.post(f"/function/{NAME}?do=status&code={code}", content=b"it said so")
    assert (answer.status_code, answer.headers["x-function-status"]) == (code, str(code))
    if code != 204:
        assert answer.content == b"because it said so"
        assert answer.headers["content-type"].startswith("text/plain")


def test_a_function_that_does_not_answer_is_a_502_that_says_why(stack: Stack):
    answer = stack.http.post(
        f"/function/{NAME}?do=describe&delay=30", content=b"x", headers={"X-Timeout-Seconds": "1"}
    )
    assert (answer.status_code, answer.json()["code"]) == (502, "function_failed")
    assert "within 1 s" in answer.json()["detail"]
    assert answer.headers["x-function-status"] == "503"
    assert answer.headers["x-call-id"]


def test_a_call_that_outlasts_the_wait_is_accepted_and_brings_its_end_later(stack: Stack):
    sent = {"X-Call-Id": str(uuid.uuid4()), "Prefer": "wait=1"}
    started = time.monotonic()
    answer = stack.http.post(f"/function/{NAME}?do=describe&delay=5", content=b"x", headers=sent)
    assert 1 <= time.monotonic() - started < 5
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["x-call-id"] == sent["X-Call-Id"]
    assert answer.headers["preference-applied"] == "wait=1"
    assert "x-function-status" not in answer.headers
    assert ended(stack, sent["X-Call-Id"])["status"] == "completed"
    # Sent again, it is answered by what has become of it.
    again = stack.http.post(f"/function/{NAME}?do=describe&delay=5", content=b"x", headers=sent)
    assert (again.status_code, again.json()["headers"]["x-call-id"]) == (200, sent["X-Call-Id"])


@pytest.mark.parametrize("prefix", ["", "single/"])
def test_a_call_is_cancelled_by_its_id_whether_it_waits_or_runs(stack: Stack, prefix: str):
    def call(delay: int) -> str:
        answer = stack.http.post(f"/async-function/single?do=describe&delay={delay}", content=b"x")
        assert answer.status_code == 202
        return answer.headers["x-call-id"]

    def path(call_id: str) -> str:
        return f"/async-function/{prefix}{call_id}"

    running = call(60)
    eventually(
        lambda: stack.http.get(path(running)).json()["status"] == "in_progress",
        within_seconds=20,
        what="running",
    )
    queued = call(0)
    for call_id in (queued, running):
        answer = stack.http.delete(path(call_id))
        assert (answer.status_code, answer.content) == (202, b"")
        assert stack.http.get(path(call_id)).json()["status"] == Status.CANCELLED
    later = call(0)
    assert ended(stack, later)["status"] == "completed"
    assert queued not in stack.local.pairs("single")[0].server_log.read_text()
    finished = stack.http.delete(path(later))
    assert (finished.status_code, finished.json()["code"]) == (409, "already_finished")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/async-function/nope", "unknown_api"),
        ("POST", "/async-function/nope/with/path", "unknown_api"),
        ("POST", "/async-function/awkward", "unknown_api"),  # its name is another one
        ("POST", "/function/nope", "unknown_api"),
        ("GET", "/function/nope/x", "unknown_api"),
        ("GET", "/async-function/0f1c6f5e-7c0e-4d7e-9d9a-3c2b1a000000", "unknown_request"),
        ("DELETE", "/async-function/0f1c6f5e-7c0e-4d7e-9d9a-3c2b1a000000", "unknown_request"),
        ("GET", f"/async-function/{NAME}/0f1c6f5e-7c0e-4d7e-9d9a-3c2b1a000000", "unknown_request"),
        ("DELETE", "/async-function/nope/0f1c6f5e-7c0e-4d7e-9d9a-3c2b1a000000", "unknown_api"),
        ("PUT", f"/async-function/{NAME}", "unknown_route"),
        ("PATCH", f"/async-function/{NAME}/x", "unknown_route"),
        ("POST", "/function", "unknown_route"),
    ],
)
def test_what_does_not_exist_is_a_404(stack: Stack, method: str, path: str, code: str):
    answer = stack.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


def test_an_id_that_was_used_for_two_functions_is_asked_for_by_name(stack: Stack):
    sent = {"X-Call-Id": str(uuid.uuid4()), "Content-Type": "text/plain"}
    for name in ("word-count", NAME):
        assert stack.http.post(f"/async-function/{name}", content=b"x", headers=sent).status_code == 202
    both = stack.http.get(f"/async-function/{sent['X-Call-Id']}")
    assert (both.status_code, both.json()["code"]) == (409, "ambiguous_call_id")
    assert f"{NAME}, word-count" in both.json()["detail"]
    one = stack.http.get(f"/async-function/word-count/{sent['X-Call-Id']}")
    assert one.json()["api"] == "word-count"
