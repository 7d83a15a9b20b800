"""Ends of requests told to receivers: signed, tried again, once more on demand, and never in circles."""

from __future__ import annotations

import json
import os
import signal
import statistics
import uuid
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import Webhook

from penstock import names
from penstock.aws.signing_secrets import StoredSecrets
from penstock.records import Status
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.receivers import Received, Receiver, receiving
from tests.waiting import eventually

API = "awkward-path"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def secret(stack: Stack) -> str:
    return StoredSecrets(stack.aws("secretsmanager"), DEPLOYMENT).create("awkward")


def submit(stack: Stack, url: str, *, api: str = API, body: bytes = b"{}", **query: str) -> str:
    answer = stack.http.post(
        f"/async/{api}",
        params=query,
        content=body,
        headers={"X-Callback-Url": url, "Content-Type": "application/json"},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def calls(receiver: Receiver, path: str, count: int, *, within_seconds: float = 30) -> list[Received]:
    return eventually(
        lambda: receiver.at(path) if len(receiver.at(path)) >= count else [],
        within_seconds=within_seconds,
        what=f"call {count} of {path}",
    )


def deliveries(stack: Stack, api: str, request_id: str) -> list[dict[str, Any]]:
    answer = stack.http.get(f"/webhooks/{api}", params={"request": request_id})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["deliveries"])


def delivery(stack: Stack, request_id: str, state: str, *, api: str = API) -> dict[str, Any]:
    """The whole delivery of a request, once it is in this state."""

    def reached() -> dict[str, Any] | None:
        found = [entry for entry in deliveries(stack, api, request_id) if entry["state"] == state]
        return found[0] if found else None

    found = eventually(reached, within_seconds=60, what=f"a delivery {state}")
    assert found is not None
    whole: dict[str, Any] = stack.http.get(found["links"]["self"]).json()
    return whole


def verified(call: Received, secret: str) -> dict[str, Any]:
    """The event, if the reference library takes its signature."""
    event: dict[str, Any] = Webhook(secret).verify(call.body, call.headers)
    return event


def test_an_end_is_told_with_a_signature_that_the_reference_library_verifies(stack, receiver, secret):
    request_id = submit(stack, receiver.url("/hook"), body=b'{"n": 1.00000000000000000001}')
    [call] = calls(receiver, "/hook", 1)
    event = verified(call, secret)
    assert event["type"] == "request.completed"
    data = event["data"]
    assert (data["id"], data["api"], data["status"], data["version"]) == (
        request_id,
        "awkward",
        "completed",
        1,
    )
    # As the container wrote it, with all its digits.
    assert b'"result": {"n": 1.00000000000000000001}' in call.body
    link = data["links"]["status"]
    assert link == f"{stack.local.url}/async/{API}/{request_id}"
    assert stack.http.get(link).json()["status"] == "completed"
    told = delivery(stack, request_id, "delivered")
    assert told["event_id"] == call.headers["webhook-id"]
    assert [attempt["status_code"] for attempt in told["attempts"]] == [200]
    assert len(receiver.at("/hook")) == 1


def test_after_a_rotation_receivers_with_the_old_and_with_the_new_secret_verify(stack, receiver, secret):
    new = StoredSecrets(stack.aws("secretsmanager"), DEPLOYMENT).rotate("awkward")

    def signed_twice() -> Received | None:
        path = f"/{uuid.uuid4()}"
        submit(stack, receiver.url(path))
        [call] = calls(receiver, path, 1)
        return call if len(call.headers["webhook-signature"].split(" ")) == 2 else None

    # Functions remember secrets for half a minute.
    call = eventually(signed_twice, within_seconds=60, what="a signature with each secret")
    assert call is not None
    for known in (secret, new):
        assert verified(call, known)["type"] == "request.completed"


def test_a_receiver_that_fails_twice_gets_one_id_three_times(stack, receiver):
    receiver.script["/flaky"] = [500, 500, 200]
    request_id = submit(stack, receiver.url("/flaky"))
    told = delivery(stack, request_id, "delivered")
    got = receiver.at("/flaky")
    assert len(got) == 3
    assert {call.headers["webhook-id"] for call in got} == {told["event_id"]}
    assert {call.body for call in got} == {told["body"].encode()}
    assert [attempt["status_code"] for attempt in told["attempts"]] == [500, 500, 200]
    assert all(later.at - earlier.at >= 1 for earlier, later in pairwise(got))
    assert stack.client.get(API, request_id).status is Status.COMPLETED


def test_a_receiver_that_wants_no_more_gets_no_more_until_it_is_asked_for(stack, receiver):
    receiver.script["/gone"] = [410]
    first = submit(stack, receiver.url("/gone"))
    delivery(stack, first, "disabled")
    second = submit(stack, receiver.url("/gone"))
    told = delivery(stack, second, "disabled")
    assert (told["reason"], told["attempts"]) == ("endpoint_disabled", [])
    assert len(receiver.at("/gone")) == 1

    receiver.script["/gone"] = [200]
    assert stack.http.post(told["links"]["replay"]).status_code == 202
    delivery(stack, second, "delivered")
    assert len(receiver.at("/gone")) == 2


def test_a_redirect_is_a_failure_and_nothing_follows_it(stack, receiver):
    receiver.script["/moved"] = [307]
    receiver.extra["/moved"] = {"Location": receiver.url("/elsewhere")}
    request_id = submit(stack, receiver.url("/moved"))
    told = delivery(stack, request_id, "failed")
    assert [attempt["status_code"] for attempt in told["attempts"]] == [307] * 4
    assert receiver.at("/elsewhere") == []

    receiver.script["/moved"] = [200]
    answer = stack.http.post(f"/webhooks/{API}/replay", json={"deliveries": [told["id"], f"{'a' * 26}-api"]})
    assert answer.json()["replays"] == [
        {"id": told["id"], "state": "pending"},
        {"id": f"{'a' * 26}-api", "error": "unknown_delivery"},
    ]
    again = delivery(stack, request_id, "delivered")
    assert (again["replays"], again["event_id"]) == (1, told["event_id"])
    assert {call.headers["webhook-id"] for call in receiver.at("/moved")} == {told["event_id"]}


def test_a_receiver_that_hangs_is_given_up_after_15_seconds_and_tried_again(stack, receiver):
    receiver.script["/hang"] = ["hang", 200]
    request_id = submit(stack, receiver.url("/hang"))
    told = delivery(stack, request_id, "delivered")
    hung, answered = told["attempts"]
    assert hung["error"] == "timeout"
    assert 14_500 <= hung["latency_ms"] <= 20_000
    assert answered["status_code"] == 200


def test_the_event_arrives_although_the_worker_is_killed_right_after_the_outcome(stack, receiver):
    request_id = submit(stack, receiver.url("/orphan"), api=API, do="describe", delay="1")
    stack.until(API, request_id, "in_progress")
    pid = stack.dequeuer("awkward")
    eventually(
        lambda: stack.client.get(API, request_id).status is Status.COMPLETED,
        within_seconds=30,
        what="the outcome",
    )
    os.kill(pid, signal.SIGKILL)
    [call] = calls(receiver, "/orphan", 1)
    assert json.loads(call.body)["data"]["id"] == request_id


def test_a_poisonous_change_of_the_table_does_not_stop_the_others(stack, receiver):
    table, key = names.table(DEPLOYMENT), {"pk": {"S": f"REQ#awkward#{'z' * 26}"}, "sk": {"S": "META"}}
    dynamodb = stack.aws("dynamodb")
    # A request that nothing can read: it has a status, and no more.
    dynamodb.put_item(TableName=table, Item={**key, "status": {"S": "in_queue"}})
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": {"S": "completed"}},
    )
    sqs = stack.aws("sqs")
    unread = sqs.get_queue_url(QueueName=names.webhook_queue(DEPLOYMENT, "unread"))["QueueUrl"]
    for number in range(3):
        submit(stack, receiver.url(f"/after-{number}"))
    for number in range(3):
        # The worker that was killed above may have taken one with it, for 30 s.
        calls(receiver, f"/after-{number}", 1, within_seconds=90)
    [kept] = sqs.receive_message(QueueUrl=unread, WaitTimeSeconds=5)["Messages"]
    assert json.loads(kept["Body"])["keys"] == key


def open_to_topic(topic: str, queue: str) -> str:
    """The policy that AWS asks for: without it the topic may not send to the queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_queue_that_subscribes_with_a_filter_gets_what_it_asked_for(stack, receiver):
    sns, sqs = stack.aws("sns"), stack.aws("sqs")
    queue_url = sqs.create_queue(QueueName=f"wants-{uuid.uuid4().hex}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    [topic] = [
        topic["TopicArn"]
        for topic in sns.list_topics()["Topics"]
        if topic["TopicArn"].endswith(f":{names.event_topic(DEPLOYMENT)}")
    ]
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": open_to_topic(topic, arn)})
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={
            "RawMessageDelivery": "true",
            "FilterPolicy": json.dumps({"api": ["awkward"], "status": ["failed"]}),
        },
    )
    fine = submit(stack, receiver.url("/fine"))
    broken = submit(stack, receiver.url("/broken"), do="status", code="404")
    calls(receiver, "/fine", 1)
    calls(receiver, "/broken", 1)

    def arrived() -> list[dict[str, Any]]:
        messages = sqs.receive_message(
            QueueUrl=queue_url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    events = eventually(arrived, within_seconds=20, what="the failed one's event")
    assert [event["data"]["id"] for event in events] == [broken]
    assert events[0]["data"]["error"]["code"] == "container_error"
    assert fine not in json.dumps(events)


def test_one_api_hands_its_result_to_the_next(stack):
    request_id = submit(stack, "/async/single?do=describe", body=b'{"step": 1}')
    told = delivery(stack, request_id, "delivered")
    assert told["attempts"][0]["status_code"] == 202

    page = eventually(
        lambda: [
            entry
            for entry in stack.client.page("single", limit=20).requests
            if entry.status is Status.COMPLETED
        ],
        within_seconds=30,
        what="the next API's request",
    )
    described = stack.client.get("single", page[0].id).result
    assert described["bytes"] == len(told["body"].encode())


def test_a_callback_to_an_api_that_is_not_in_the_chain_is_refused(stack):
    answer = stack.http.post(f"/async/{API}", content=b"x", headers={"X-Callback-Url": "/async/word-count"})
    assert (answer.status_code, answer.json()["code"]) == (400, "callback_api_refused")


def test_a_loop_of_callbacks_stops_at_the_third(stack):
    first = stack.submit("ring", b"{}")

    def all_told() -> list[dict[str, Any]]:
        listed = stack.http.get("/webhooks/ring", params={"state": "failed"}).json()["deliveries"]
        return [entry for entry in listed if entry.get("reason") == "callback_loop"]

    [stopped] = eventually(all_told, within_seconds=60, what="the end of the loop")
    assert stopped["attempt"] == 0
    requests = stack.client.page("ring", limit=20).requests
    assert len(requests) == 4, "the first, and three that it led to"
    assert requests[-1].id == first
    assert stopped["request_id"] == requests[0].id


def test_an_address_of_this_account_s_metadata_is_refused_at_submit(stack):
    for url in ("http://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/", "https://10.0.0.1/"):
        answer = stack.http.post(f"/async/{API}", content=b"x", headers={"X-Callback-Url": url})
        assert answer.status_code == 400
        assert answer.json()["code"] in {"callback_address_refused", "callback_scheme_refused"}


def test_from_the_end_to_the_first_attempt_it_takes_less_than_a_second_at_the_median(stack, receiver):
    seconds = []
    for number in range(9):
        request_id = submit(stack, receiver.url(f"/soon-{number}"))
        [call] = calls(receiver, f"/soon-{number}", 1)
        finished_at = stack.finished(API, request_id).finished_at
        assert finished_at is not None
        seconds.append(call.at - finished_at.timestamp())
    assert statistics.median(seconds) < 1, sorted(seconds)


def test_a_burst_to_one_receiver_arrives_once_each(stack, receiver):
    ids = [submit(stack, receiver.url("/burst")) for _ in range(30)]
    got = calls(receiver, "/burst", len(ids), within_seconds=90)
    assert sorted(json.loads(call.body)["data"]["id"] for call in got) == sorted(ids)
    for request_id in ids:
        delivery(stack, request_id, "delivered")
    assert len(receiver.at("/burst")) == len(ids)
