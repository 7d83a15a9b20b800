"""Sweeper, recorder, retries and dead letters on the whole stack."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from penstock import ids, names
from penstock.messages import Message
from penstock.ports import Applied
from penstock.records import Failure, RequestRecord, Status
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.examples import record
from tests.waiting import eventually

#: A schedule of a minute, and whatever the emulator needs to begin with it.
SWEPT_WITHIN_SECONDS = 100

HOUR_MS = 3600 * 1000


def plant(stack: Stack, *, body: bytes | None = b"planted", **changes: Any) -> RequestRecord:
    """A record as the gateway would have made it, with changes, and its payload."""
    now_ms = time.time_ns() // 1_000_000
    request_id = ids.new_request_id()
    made = record(api="awkward", id=request_id, created_ms=now_ms, fingerprint=ids.new_token())
    payload = replace(made.payload, key=f"payloads/awkward/{request_id}/planted", size_bytes=len(body or b""))
    call = replace(made.call, query="do=echo")
    due_ms = now_ms + HOUR_MS
    made = replace(made, payload=payload, call=call, deadline_ms=due_ms, due_ms=due_ms)
    made = replace(made, **changes)
    assert isinstance(stack.records.create(made), Applied)
    if body is not None:
        stack.aws("s3").put_object(Bucket=stack.bucket, Key=payload.key, Body=body)
    return made


def failed(stack: Stack, *, minutes_ago: int = 10, **changes: Any) -> RequestRecord:
    """A request that failed some time ago."""
    then_ms = time.time_ns() // 1_000_000 - minutes_ago * 60_000
    ended: dict[str, Any] = {
        "status": Status.FAILED,
        "attempt": 3,
        "created_ms": then_ms,
        "finished_ms": then_ms,
        "expires_at": then_ms // 1000 + 86_400,
        "due_ms": None,
        "failure": Failure(code="timeout", message="planted"),
    }
    return plant(stack, **(ended | changes))


def queue_url(stack: Stack, name: str) -> str:
    return str(stack.aws("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def send(stack: Stack, queue: str, body: str, *, group: str) -> None:
    stack.aws("sqs").send_message(
        QueueUrl=queue_url(stack, queue),
        MessageBody=body,
        MessageGroupId=group,
        MessageDeduplicationId=ids.new_token(),
    )


DEAD_LETTERS = names.dead_letter_queue(DEPLOYMENT, "awkward")


def left_in(stack: Stack, queue: str) -> int:
    attributes = stack.aws("sqs").get_queue_attributes(
        QueueUrl=queue_url(stack, queue),
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(int(count) for count in attributes.values())


def test_the_sweeper_ends_what_nobody_received_and_what_lost_its_last_worker(stack: Stack):
    now_ms = time.time_ns() // 1_000_000
    overdue = plant(stack, deadline_ms=now_ms - 1, due_ms=now_ms - 1)
    lost = plant(
        stack,
        status=Status.IN_PROGRESS,
        attempt=3,
        lease="dead",
        lease_until_ms=now_ms - 1,
        due_ms=now_ms - 1,
    )
    waiting = plant(stack)
    expired = stack.until("awkward-path", overdue.id, "expired", within_seconds=SWEPT_WITHIN_SECONDS)
    gone = stack.until("awkward-path", lost.id, "failed", within_seconds=SWEPT_WITHIN_SECONDS)
    assert expired.document["links"]["retry"] == f"/async/awkward-path/{overdue.id}/retry"
    assert gone.error is not None
    assert gone.error.code == "worker_lost"
    assert stack.client.get("awkward-path", waiting.id).status is Status.IN_QUEUE
    stack.client.cancel("awkward-path", waiting.id)


def test_the_request_of_a_dead_letter_fails(stack: Stack):
    made = plant(stack)
    send(stack, DEAD_LETTERS, Message(made.key).encode(), group=made.id)
    state = stack.until("awkward-path", made.id, "failed", within_seconds=60)
    assert state.error is not None
    assert state.error.code == "undeliverable"
    eventually(lambda: left_in(stack, DEAD_LETTERS) == 0, within_seconds=20, what="no dead letter left")


def test_the_recorder_answers_which_messages_must_stay_and_counts_what_the_alarm_looks_at(stack: Stack):
    now_ms = time.time_ns() // 1_000_000
    running = plant(
        stack, status=Status.IN_PROGRESS, attempt=1, lease="alive", lease_until_ms=now_ms + HOUR_MS
    )
    ended = failed(stack)
    bodies = [Message(running.key).encode(), "none of ours", Message(ended.key).encode()]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{DEAD_LETTERS}"
    records = [
        {
            "messageId": f"m-{number}",
            "body": body,
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "attributes": {"MessageGroupId": f"g-{number}"},
        }
        for number, body in enumerate(bodies)
    ]
    answer = stack.aws("lambda").invoke(
        FunctionName=names.recorder_function(DEPLOYMENT),
        Payload=json.dumps({"Records": records}),
        LogType="Tail",
    )
    assert json.load(answer["Payload"]) == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert stack.keys("malformed/awkward/m-1") == ["malformed/awkward/m-1"]
    assert stack.records.get(running.key) == running
    log = base64.b64decode(answer["LogResult"]).decode()
    (metric,) = [json.loads(line) for line in log.splitlines() if "CloudWatchMetrics" in line]
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Penstock"
    assert [one["Name"] for one in directive["Metrics"]] == ["MalformedMessage"]
    assert directive["Dimensions"] == [["deployment", "api"]]
    assert (metric["deployment"], metric["api"]) == (DEPLOYMENT, "awkward")


def test_a_malformed_message_is_kept_in_the_bucket_and_blocks_nobody(stack: Stack):
    before = set(stack.keys("malformed/awkward/"))
    send(stack, names.queue(DEPLOYMENT, "awkward"), "garbage of mine", group="anything")
    after = stack.submit("awkward-path", b"behind it")
    assert stack.finished("awkward-path", after).status is Status.COMPLETED

    def kept() -> set[str]:
        return set(stack.keys("malformed/awkward/")) - before

    (key,) = eventually(kept, within_seconds=60, what="the garbage in the bucket")
    stored = stack.aws("s3").get_object(Bucket=stack.bucket, Key=key)
    assert stored["Body"].read() == b"garbage of mine"
    assert left_in(stack, DEAD_LETTERS) == 0


def test_a_failed_request_runs_again_as_a_new_one_and_only_once(stack: Stack):
    first = stack.submit("awkward-path", b"so it is", query={"do": "status", "code": "404"})
    assert stack.finished("awkward-path", first).status is Status.FAILED
    answers = [stack.http.post(f"/async/awkward-path/{first}/retry") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    (retry,) = {answer.json()["id"] for answer in answers}
    assert retry != first
    where = answers[0].request.url.join(answers[0].headers["location"])
    assert stack.http.get(where).json()["id"] == retry
    state = stack.finished("awkward-path", retry)
    assert state.document["retry_of"] == first
    # The copy of the payload reached the container.
    assert stack.client.result("awkward-path", retry).content == b"because so it is"
    assert stack.client.get("awkward-path", first).status is Status.FAILED
    shown = stack.http.get(f"/dead-letters/awkward-path/{first}").json()
    assert (shown["error"]["code"], shown["retried_as"]) == ("container_error", retry)


def test_a_large_payload_is_copied_in_parts(stack: Stack):
    body = bytes(range(256)) * (70 * 4096)
    made = failed(stack, body=body)
    answer = stack.http.post(f"/async/awkward-path/{made.id}/retry")
    assert answer.status_code == 202, answer.text
    assert stack.finished("awkward-path", answer.json()["id"]).result_size_bytes == len(body)


def test_what_has_no_payload_any_more_and_what_runs_cannot_run_again(stack: Stack):
    made = failed(stack, body=None)
    gone = stack.http.post(f"/async/awkward-path/{made.id}/retry")
    assert (gone.status_code, gone.json()["code"]) == (410, "payload_gone")
    running = stack.submit("awkward-path", query={"do": "describe", "delay": "3"})
    refused = stack.http.post(f"/async/awkward-path/{running}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_retryable")
    stack.client.cancel("awkward-path", running)


@pytest.fixture
def dead(stack: Stack) -> list[RequestRecord]:
    """Dead letters of a code that no other test has."""
    return [failed(stack, failure=Failure(code="payload_changed", message="planted")) for _ in range(12)]


def test_dead_letters_are_listed_redriven_once_each_and_purged(stack: Stack, dead: list[RequestRecord]):
    wanted = {"filter": {"error": "payload_changed"}}
    listed = stack.http.get("/dead-letters/awkward-path", params={"error": "payload_changed"}).json()
    assert {entry["id"] for entry in listed["dead_letters"]} >= {made.id for made in dead}
    redriven = [stack.http.post("/dead-letters/awkward-path/redrive", json=wanted).json() for _ in range(2)]
    assert (redriven[0]["redriven"], redriven[0]["failures"]) == (len(dead), [])
    assert (redriven[1]["redriven"], redriven[1]["already_redriven"]) == (0, len(dead))
    assert redriven[0]["retries"] == redriven[1]["retries"]
    for entry in redriven[0]["retries"]:
        assert stack.finished("awkward-path", entry["retried_as"]).status is Status.COMPLETED
    purge = {**wanted, "confirm": "awkward-path"}
    unconfirmed = stack.http.post("/dead-letters/awkward-path/purge", json=wanted)
    assert (unconfirmed.status_code, unconfirmed.json()["code"]) == (400, "not_confirmed")
    purged = stack.http.post("/dead-letters/awkward-path/purge", json=purge).json()
    assert (purged["purged"], purged["failures"]) == (len(dead), [])
    for made in dead:
        assert stack.records.get(made.key) is None
        assert stack.keys(f"payloads/awkward/{made.id}/") == []


def test_what_ended_just_now_is_not_purged(stack: Stack):
    just_now = stack.submit("awkward-path", query={"do": "status", "code": "404"})
    stack.finished("awkward-path", just_now)
    chosen = {"ids": [just_now, "b" * 26], "confirm": "awkward-path"}
    purged = stack.http.post("/dead-letters/awkward-path/purge", json=chosen).json()
    assert purged["purged"] == 0
    assert {entry["id"]: entry["code"] for entry in purged["failures"]} == {
        just_now: "ended_too_recently",
        "b" * 26: "unknown_request",
    }
    assert stack.client.get("awkward-path", just_now).status is Status.FAILED
