"""OpenFaaS's callback on the whole stack: every header, and the function's bytes as they were."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from penstock.aws.signing_secrets import StoredSecrets
from penstock.records import RequestKey, Status
from penstock.webhooks import signature
from penstock.webhooks.answers import MOST_BODY_BYTES
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.receivers import Received, Receiver, receiving
from tests.waiting import eventually

#: Its own name, so that no other test has made or rotated its secret.
NAME = "single"
#: NUL, bytes that are no UTF-8, line ends of every kind.
BINARY = bytes(range(256)) * 2 + b"\r\n\0"

#: What any call of ours has.
OURS = {
    "host", "content-length", "connection", "user-agent",
    "webhook-id", "webhook-timestamp", "webhook-signature",
}  # fmt: skip


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def secret(stack: Stack) -> str:
    return StoredSecrets(stack.aws("secretsmanager"), DEPLOYMENT).create(NAME)


def called_back(receiver: Receiver, path: str, *, within_seconds: float = 60) -> Received:
    """The one call at the path."""
    eventually(lambda: receiver.at(path), within_seconds=within_seconds, what=f"a call of {path}")
    [call] = receiver.at(path)
    return call


def submit(stack: Stack, tail: str, callback: str, *, body: bytes = b"x", timeout_seconds: int = 60) -> str:
    """The call id of an accepted call."""
    answer = stack.http.post(
        f"/async-function/{NAME}{tail}",
        content=body,
        headers={
            "X-Callback-Url": callback,
            "Content-Type": "text/plain",
            "X-Timeout-Seconds": str(timeout_seconds),
        },
    )
    assert (answer.status_code, answer.content) == (202, b""), answer.text
    return str(answer.headers["x-call-id"])


def delivery(stack: Stack, call_id: str, state: str) -> dict[str, Any]:
    """The delivery of a call's end, once it is in this state."""
    request_id = stack.http.get(f"/async-function/{NAME}/{call_id}").json()["id"]

    def reached() -> dict[str, Any] | None:
        listed = stack.http.get(f"/webhooks/{NAME}", params={"request": request_id}).json()["deliveries"]
        found = [entry for entry in listed if entry["state"] == state]
        return stack.http.get(found[0]["links"]["self"]).json() if found else None

    found = eventually(reached, within_seconds=60, what=f"a delivery {state}")
    assert found is not None
    return found


def test_the_callback_of_a_call_header_by_header(stack, receiver, secret):
    sent = {"X-Call-Id": str(uuid.uuid4()), "Content-Type": "image/x-odd"}
    parts = {"content": BINARY, "headers": sent | {"X-Callback-Url": receiver.url("/done?a=b")}}
    before_ns = time.time_ns()
    answer = stack.http.post(f"/async-function/{NAME}/sub/path?do=tag", **parts)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["x-call-id"] == sent["X-Call-Id"]
    assert before_ns - 10**6 <= int(answer.headers["x-start-time"]) <= time.time_ns()

    call = called_back(receiver, "/done?a=b")
    assert call.body == BINARY
    told = {name: value for name, value in call.headers.items() if name not in OURS}
    duration = told.pop("x-duration-seconds")
    assert told == {
        "content-type": "image/x-odd",
        "etag": '"POST"',
        "x-call-id": sent["X-Call-Id"],
        "x-start-time": answer.headers["x-start-time"],
        "x-function-name": NAME,
        "x-function-status": "200",
    }
    assert 0 <= float(duration) < 20
    assert len(duration.partition(".")[2]) == 6
    assert call.headers.keys() >= OURS
    assert call.headers["content-length"] == str(len(BINARY))
    signature.verify(call.headers, call.body, secret=secret, now_ms=int(call.at * 1000))
    shown = delivery(stack, sent["X-Call-Id"], "delivered")
    assert call.headers["webhook-id"] == shown["event_id"]
    assert shown["answer"]["size_bytes"] == len(BINARY)

    # The same id by the same caller is the same execution: no second callback either.
    again = stack.http.post(f"/async-function/{NAME}/sub/path?do=tag", **parts)
    assert (again.status_code, again.headers["x-start-time"]) == (202, answer.headers["x-start-time"])
    other = called_back(receiver, _elsewhere(stack, receiver))
    assert other.headers["webhook-id"] != call.headers["webhook-id"]
    assert len(receiver.at("/done?a=b")) == 1


def _elsewhere(stack: Stack, receiver: Receiver) -> str:
    """The path of a call that was submitted after all others, and so is told after them."""
    path = f"/{uuid.uuid4()}"
    submit(stack, "?do=echo", receiver.url(path))
    return path


def test_a_failed_call_brings_the_functions_own_words(stack, receiver, secret):
    call_id = submit(stack, "?do=status&code=404", receiver.url("/failed"), body=b"\xff\0 no")
    call = called_back(receiver, "/failed")
    assert call.body == b"because \xff\0 no"
    assert (call.headers["x-function-status"], call.headers["content-type"]) == ("404", "text/plain")
    assert call.headers["x-call-id"] == call_id
    signature.verify(call.headers, call.body, secret=secret, now_ms=int(call.at * 1000))


def test_a_call_that_ends_without_an_answer_is_told_as_a_503_without_a_body(stack, receiver, secret):
    timed_out = submit(stack, "?do=describe&delay=30", receiver.url("/late"), timeout_seconds=1)
    cancelled = submit(stack, "?do=describe&delay=30", receiver.url("/cancelled"))
    assert stack.http.delete(f"/async-function/{NAME}/{cancelled}").status_code == 202
    for path, call_id in (("/late", timed_out), ("/cancelled", cancelled)):
        call = called_back(receiver, path)
        assert (call.body, call.headers["content-length"]) == (b"", "0")
        assert (call.headers["x-function-status"], call.headers["x-call-id"]) == ("503", call_id)
        assert not {"content-type", "link"} & call.headers.keys()
        signature.verify(call.headers, b"", secret=secret, now_ms=int(call.at * 1000))
    ends = [stack.http.get(f"/async-function/{NAME}/{each}").json() for each in (timed_out, cancelled)]
    assert [end["status"] for end in ends] == [Status.FAILED, Status.CANCELLED]
    assert ends[0]["error"]["code"] == "timeout"


def test_a_body_that_is_too_long_is_linked(stack, receiver):
    times = MOST_BODY_BYTES // 1000 + 1
    call_id = submit(stack, f"?do=repeat&times={times}", receiver.url("/long"), body=b"y" * 1000)
    call = called_back(receiver, "/long")
    assert (call.body, call.headers["x-function-status"]) == (b"", "200")
    assert "content-type" not in call.headers
    link = call.headers["link"].removeprefix("<").removesuffix('>; rel="enclosure"')
    state = stack.http.get(f"/async-function/{NAME}/{call_id}").json()
    assert link == f"{stack.local.url}/async/{NAME}/{state['id']}/result"
    assert stack.http.get(link, follow_redirects=True).content == b"y" * (1000 * times)


def test_a_waiting_call_is_answered_and_its_callback_told_as_well(stack, receiver):
    sent = {"X-Callback-Url": receiver.url("/both"), "Content-Type": "image/png"}
    answer = stack.http.post(f"/function/{NAME}?do=echo", content=BINARY, headers=sent)
    assert (answer.status_code, answer.content) == (200, BINARY)
    call = called_back(receiver, "/both")
    assert call.body == BINARY
    for name in ("x-call-id", "x-function-status", "x-duration-seconds", "x-start-time"):
        assert call.headers[name] == answer.headers[name]


def test_a_replay_brings_the_same_bytes_until_the_result_is_gone_and_then_calls_nobody(stack, receiver):
    call_id = submit(stack, "?do=echo", receiver.url("/again"), body=BINARY)
    told = delivery(stack, call_id, "delivered")
    assert stack.http.post(told["links"]["replay"]).status_code == 202
    eventually(lambda: len(receiver.at("/again")) == 2, within_seconds=30, what="the replay")
    first, second = receiver.at("/again")
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])

    delivery(stack, call_id, "delivered")
    record = stack.records.get(
        RequestKey(api=NAME, id=stack.http.get(f"/async-function/{NAME}/{call_id}").json()["id"])
    )
    assert record is not None
    assert record.result is not None
    stack.aws("s3").delete_object(Bucket=stack.bucket, Key=record.result.key)
    assert stack.http.post(told["links"]["replay"]).status_code == 202
    stopped = delivery(stack, call_id, "failed")
    assert (stopped["reason"], stopped["replays"]) == ("result_gone", 2)
    assert len(receiver.at("/again")) == 2


def test_the_next_api_gets_the_functions_body_as_its_payload(stack):
    kind = f"application/x-{uuid.uuid4().hex}"
    answer = stack.http.post(
        "/async-function/awkward-path?do=echo",
        content=BINARY,
        headers={"X-Callback-Url": f"/async/{NAME}?do=describe", "Content-Type": kind},
    )
    assert answer.status_code == 202

    def described() -> dict[str, Any] | None:
        states = [
            stack.client.get(NAME, entry.id)
            for entry in stack.client.page(NAME, limit=5).requests
            if entry.status is Status.COMPLETED
        ]
        results = [state.result for state in states if isinstance(state.result, dict)]
        return next((each for each in results if each["headers"].get("content-type") == kind), None)

    result = eventually(described, within_seconds=30, what="the next API's request")
    assert result is not None
    assert result["bytes"] == len(BINARY)
