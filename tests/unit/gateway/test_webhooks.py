from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway_lambda import cursor
from gateway_lambda.delivery_query import DeliveryQuery
from penstock.batch.jobs import JobStatus
from penstock.ports import DependencyError
from penstock.records import Status
from penstock.testing import MemoryDeliveries
from penstock.webhooks import deliveries as delivering
from penstock.webhooks import events, job_events
from penstock.webhooks.deliveries import Attempt, Delivery, State, Target, stop
from penstock.webhooks.guard import Policy
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due
from tests.unit.batch.test_moves import JOB
from tests.unit.gateway.front_door import Answer, FrontDoor
from tests.unit.gateway.test_openapi import call, held

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.webhooks.deliveries import DeliveryKey

CALLBACK = "https://hooks.example.com/mine"
LIST, ONE = "/webhooks/{api}", "/webhooks/{api}/{id}"
REPLAY, REPLAY_MANY, TEST = "/webhooks/{api}/{id}/replay", "/webhooks/{api}/replay", "/webhooks/{api}/test"


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def submit(door: FrontDoor, **headers: str) -> Answer:
    return call(door, "POST", "/async/words", "/async/{api}", body=b"x", headers=headers)


def delivery(door: FrontDoor, number: int = 0, **changes: Any) -> Delivery:
    """One in the store; numbers make ids, and later ones are newer."""
    now_ms = door.clock() - 100_000 + number
    made = Delivery(
        event_id=f"{'abcdefghijklmnopqrstuvwxyz'[number % 26] * 25}{'abcdefghij'[number // 26]}",
        target=Target.API,
        api="word-count",
        subject="r" * 26,
        type="request.completed",
        url="https://hooks.example.com/all",
        body='{"type": "request.completed"}',
        created_ms=now_ms,
        next_attempt_ms=now_ms,
        expires_at=delivering.expires_at(now_ms),
    )
    return door.deliveries.create(replace(made, **changes))


def listed(door: FrontDoor, **query: str) -> dict[str, Any]:
    values = {name: [value] for name, value in query.items()}
    return call(door, "GET", "/webhooks/words", LIST, query=values).json


# Callbacks of submissions.


def test_a_callback_is_stored_with_the_request(door):
    assert submit(door, **{"X-Callback-Url": CALLBACK}).status == 202
    assert (door.only_record.callback, door.only_record.depth) == (CALLBACK, 0)


def test_without_one_nothing_is_asked_of_any_name_server(door):
    asked: list[str] = []
    door.resolve = asked.append
    door.build()

    assert submit(door).status == 202
    assert door.only_record.callback is None
    assert asked == []


def test_the_callback_is_part_of_what_a_key_stands_for(door):
    keyed = {"Idempotency-Key": "order-1"}
    first = submit(door, **keyed, **{"X-Callback-Url": CALLBACK})

    assert submit(door, **keyed, **{"X-Callback-Url": CALLBACK}).json["id"] == first.json["id"]
    other = submit(door, **keyed, **{"X-Callback-Url": f"{CALLBACK}?other"})
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert submit(door, **keyed).status == 422


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Callback-Url": "/async/thumbnail"}, None),
        ({"X-Callback-Url": "/async/thumbnail?size=9"}, None),
        ({"X-Callback-Url": "/async/words"}, "callback_api_refused"),
        ({"X-Callback-Url": "/async/unheard-of"}, "callback_api_refused"),
        ({"X-Callback-Url": "/uploads/thumbnail"}, "callback_api_refused"),
        ({"X-Callback-Url": "/async/thumbnail/../words"}, "callback_api_refused"),
        ({"X-Callback-Url": "/async/thumbnail", "X-Penstock-Depth": "2"}, None),
        ({"X-Callback-Url": "/async/thumbnail", "X-Penstock-Depth": "3"}, "callback_loop"),
        # A deep request may still tell others.
        ({"X-Callback-Url": CALLBACK, "X-Penstock-Depth": "3"}, None),
        ({"X-Penstock-Depth": "3"}, None),
        ({"X-Penstock-Depth": "4"}, "callback_loop"),
        ({"X-Penstock-Depth": "-1"}, "callback_loop"),
        ({"X-Penstock-Depth": "x"}, "callback_loop"),
    ],
)
def test_own_apis_are_called_within_the_chain_and_not_in_circles(door, headers, code):
    answer = submit(door, **headers)

    assert answer.json.get("code") == code
    if code is None:
        assert door.only_record.depth == int(headers.get("X-Penstock-Depth", 0))
    else:
        assert door.records.rows == {}


def test_what_one_api_hands_to_the_next_is_a_submission_like_any_other(door):
    sent = {"Idempotency-Key": "event", "X-Penstock-Depth": "1", "Content-Type": "application/json"}
    first, again = (
        door.call("POST", "/chain/words", body=b"{}", headers=sent, query={"top": ["3"]}, caller="sender")
        for _ in range(2)
    )

    assert (first.status, again.status, first.json["id"]) == (202, 202, again.json["id"])
    record = door.only_record
    assert (record.api, record.depth, record.call.query) == ("word-count", 1, "top=3")
    deep = door.call("POST", "/chain/words", body=b"{}", headers=sent | {"X-Penstock-Depth": "4"})
    assert (deep.status, deep.json["code"]) == (400, "callback_loop")
    assert door.call("POST", "/chain/nope", body=b"{}").status == 404


def test_the_deployments_lists_hold_at_submit(door):
    door.policy = Policy(deny=("hooks.example.com",))
    door.build()

    assert submit(door, **{"X-Callback-Url": CALLBACK}).json["code"] == "callback_host_refused"


# Deliveries.


def test_a_request_links_to_its_deliveries(door):
    request_id = submit(door, **{"X-Callback-Url": CALLBACK}).json["id"]
    link = door.call("GET", f"/async/words/{request_id}").json["links"]["deliveries"]
    path, _, query = link.partition("?")
    assert (path, query) == ("/webhooks/words", f"request={request_id}")
    assert listed(door, request=request_id) == {"deliveries": []}

    ended = replace(door.only_record, status=Status.COMPLETED, finished_ms=door.clock())
    door.records.rows[ended.key] = ended
    event_id = events.event_id(ended, deployment="demo")
    delivery(door, 0, event_id=event_id, subject=request_id)
    delivery(door, 1, event_id=event_id, subject=request_id, target=Target.CALLBACK, state=State.FAILED)
    delivery(door, 2)

    found = listed(door, request=request_id)["deliveries"]
    assert [entry["id"] for entry in found] == [f"{event_id}-callback", f"{event_id}-api"]
    assert [e["id"] for e in listed(door, request=request_id, state="failed")["deliveries"]] == [
        f"{event_id}-callback"
    ]


def test_a_list_goes_over_all_of_an_api_newest_first_without_bodies(door):
    made = [delivery(door, number) for number in range(7)]
    delivery(door, 8, api="thumbnail")
    seen, query = [], {"limit": "3"}
    while True:
        page = listed(door, **query)
        seen += page["deliveries"]
        if "next_cursor" not in page:
            break
        query["cursor"] = page["next_cursor"]

    assert [entry["id"] for entry in seen] == [str(each.key) for each in reversed(made)]
    assert all("body" not in entry for entry in seen)


def test_deliveries_of_one_job_are_those_of_its_start_and_of_its_end(door):
    job = replace(JOB, api="sum-batch", created_ms=door.clock())
    door.jobs.rows[job.key] = job
    started, ended, other = (
        job_events.event_id(job, deployment="demo", status=status)
        for status in ("started", "succeeded", "stopped")
    )
    for number, event_id in enumerate((started, ended, other)):
        delivery(door, number, event_id=event_id, api="sum-batch", subject=job.id, type="job.x")

    def found() -> list[dict[str, Any]]:
        return call(door, "GET", "/webhooks/sums", LIST, query={"job": [job.id]}).json["deliveries"]

    assert [(entry["event_id"], entry["job_id"]) for entry in found()] == [(started, job.id)]
    door.jobs.rows[job.key] = replace(job, status=JobStatus.SUCCEEDED, finished_ms=door.clock())
    assert [entry["event_id"] for entry in found()] == [started, ended]


def test_deliveries_of_a_batch_api_are_listed_sent_again_and_tested_as_any_others(door):
    made = delivery(door, api="sum-batch", type="job.succeeded", subject=JOB.id, state=State.DELIVERED)
    assert call(door, "GET", "/webhooks/sums", LIST).json["deliveries"][0]["id"] == str(made.key)
    replayed = call(door, "POST", f"/webhooks/sums/{made.key}/replay", REPLAY)
    assert (replayed.status, replayed.json["state"]) == (202, "pending")
    door.apis = tuple(replace(api, webhook_url="https://hooks.example.com/all") for api in door.apis)
    door.build()
    assert call(door, "POST", "/webhooks/sums/test", TEST).status == 202


def test_a_list_may_be_of_one_state(door):
    delivery(door, 0)
    failed = delivery(door, 1, state=State.FAILED)

    page = listed(door, state="failed")
    assert [entry["id"] for entry in page["deliveries"]] == [str(failed.key)]


class Vanished(MemoryDeliveries):
    """Deliveries that have gone, and are in the index still."""

    calls = 0

    def read(self, keys: Sequence[DeliveryKey]) -> Mapping[DeliveryKey, Delivery]:
        self.calls += 1
        assert self.calls < 20, "the list goes on for ever"
        return {}


def test_what_the_index_has_longer_than_the_table_is_passed_over(door):
    door.deliveries = Vanished()
    door.build()
    for number in range(150):
        delivery(door, number)

    page = listed(door, state="failed")
    assert page["deliveries"] == []
    assert "next_cursor" in page


@pytest.mark.parametrize(
    "place", ["17-1", "1-1", "9999999999999#", "0000000000000#", f"1690000000000#{JOB.id}"]
)
def test_the_place_in_a_cursor_may_be_made_up(door, place):
    made = cursor.encode(place, belongs_to=DeliveryQuery.parse("", api="word-count").belongs_to)
    answer = call(door, "GET", "/webhooks/words", LIST, query={"cursor": [made]})
    assert answer.status == (400 if "-" in place else 200)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"state": "lost"}, "invalid_query"),
        ({"status": "failed"}, "invalid_query"),
        ({"request": "x"}, "invalid_query"),
        ({"request": "q" * 26}, "unknown_request"),
        ({"job": "q" * 16}, "invalid_query"),
        ({"job": JOB.id, "request": "q" * 26}, "invalid_query"),
        ({"job": JOB.id}, "unknown_job"),
        ({"limit": "0"}, "invalid_query"),
        ({"cursor": "x"}, "invalid_cursor"),
    ],
)
def test_a_query_that_cannot_be_followed_is_refused(door, query, code):
    assert listed(door, **query)["code"] == code


def test_a_delivery_shows_its_event_and_its_attempts(door):
    at_ms = door.clock()
    made = delivery(
        door,
        attempt=2,
        attempts=(
            Attempt(at_ms=at_ms, latency_ms=31, status_code=500),
            Attempt(at_ms=at_ms, latency_ms=15_000, error="timeout"),
        ),
    )
    shown = call(door, "GET", f"/webhooks/words/{made.key}", ONE).json

    assert shown["body"] == made.body
    assert [(a.get("status_code"), a.get("error"), a["latency_ms"]) for a in shown["attempts"]] == [
        (500, None, 31),
        (None, "timeout", 15_000),
    ]
    assert shown["last_attempt"] == shown["attempts"][1]
    assert shown["state"] == "pending"
    assert "next_attempt_at" in shown


@pytest.mark.parametrize("name", ["x", "a" * 26, f"{'z' * 26}-api", f"{'z' * 26}-other"])
def test_an_unknown_delivery_is_not_found(door, name):
    assert call(door, "GET", f"/webhooks/words/{name}", ONE).json["code"] == "unknown_delivery"


def test_a_delivery_that_is_overdue_is_seen_no_more(door):
    made = delivery(door, expires_at=door.clock() // 1000)
    assert call(door, "GET", f"/webhooks/words/{made.key}", ONE).json["code"] == "unknown_delivery"
    assert listed(door)["deliveries"] == []


def test_anothers_delivery_is_not_found_below_this_api(door):
    made = delivery(door, api="thumbnail")

    assert call(door, "GET", f"/webhooks/words/{made.key}", ONE).json["code"] == "unknown_delivery"
    assert call(door, "POST", f"/webhooks/words/{made.key}/replay", REPLAY).json["code"] == "unknown_delivery"


def test_a_delivery_that_has_ended_is_sent_again_and_its_receiver_enabled(door):
    made = delivery(door, state=State.DISABLED, attempt=1)
    door.endpoints.disable("word-count", made.url, now_ms=0)

    answer = call(door, "POST", f"/webhooks/words/{made.key}/replay", REPLAY)

    assert (answer.status, answer.json["state"], answer.json["replays"]) == (202, "pending", 1)
    assert not door.endpoints.disabled("word-count", made.url)
    assert door.lanes.waiting(Lane.FIRST) == [Due(key=made.key, round=1, attempt=1)]


def test_one_that_is_under_way_is_not_sent_again_unless_its_message_must_have_been_lost(door):
    made = delivery(door, attempt=3, next_attempt_ms=door.clock())
    path = f"/webhooks/words/{made.key}/replay"

    assert call(door, "POST", path, REPLAY).json["code"] == "delivery_pending"
    door.clock.advance(1801)
    assert call(door, "POST", path, REPLAY).status == 202
    assert door.lanes.waiting(Lane.LATER) == [Due(key=made.key, round=0, attempt=4)]
    assert door.deliveries.rows[made.key].attempt == 3


def test_several_are_sent_again_and_each_is_answered_for(door):
    failed, pending = delivery(door, 0, state=State.FAILED), delivery(door, 1)
    unknown = f"{'z' * 26}-api"
    body = f'{{"deliveries": ["{failed.key}", "{pending.key}", "{unknown}", "{failed.key}"]}}'

    answer = held(door.call("POST", "/webhooks/words/replay", body=body.encode()), "POST", REPLAY_MANY)

    assert answer.json["replays"] == [
        {"id": str(failed.key), "state": "pending"},
        {"id": str(pending.key), "error": "delivery_pending"},
        {"id": unknown, "error": "unknown_delivery"},
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"deliveries": []}', b'{"deliveries": ["x"]}', b'{"deliveries": [1]}', b"{" * 9999,
     b'{"deliveries": "x"}', b'{"deliveries": ["%b-api"], "more": 1}' % (b"a" * 26),
     b'{"deliveries": [' + b",".join([b'"%b-api"' % (b"a" * 26)] * 51) + b"]}"],
)  # fmt: skip
def test_a_body_that_says_nothing_to_send_is_refused(door, body):
    answer = call(door, "POST", "/webhooks/words/replay", REPLAY_MANY, body=body)

    assert (answer.status, answer.json["code"]) == (400, "invalid_body")


def test_a_test_goes_to_the_webhook_of_the_configuration(door):
    answer = call(door, "POST", "/webhooks/words/test", TEST)

    assert (answer.status, answer.json["event"]) == (202, "test.sent")
    assert answer.json["url"] == "https://hooks.example.com/all"
    [due] = door.lanes.waiting(Lane.FIRST)
    assert str(due.key) == answer.json["id"]
    assert call(door, "POST", "/webhooks/thumbnail/test", TEST).json["code"] == "no_webhook"


def test_a_delivery_that_was_stopped_says_why(door):
    made = delivery(door)
    door.deliveries.apply(
        made.key, stop(made, state=State.FAILED, reason="callback_loop", now_ms=door.clock())
    )

    assert call(door, "GET", f"/webhooks/words/{made.key}", ONE).json["reason"] == "callback_loop"


class Broken(MemoryDeliveries):
    def get(self, key):
        raise DependencyError("store")

    def newest(self, api, day, *, below, limit):
        raise DependencyError("store")

    def create(self, delivery):
        raise DependencyError("store")


def test_a_store_that_fails_is_unavailable(door):
    door.deliveries = Broken()
    door.build()

    for method, path, route in (
        ("GET", "/webhooks/words", LIST),
        ("GET", f"/webhooks/words/{'a' * 26}-api", ONE),
        ("POST", f"/webhooks/words/{'a' * 26}-api/replay", REPLAY),
        ("POST", "/webhooks/words/test", TEST),
    ):
        assert call(door, method, path, route).json["code"] == "unavailable"


def test_a_replay_that_meets_another_is_told(door):
    made = delivery(door, state=State.FAILED)
    door.deliveries.apply(made.key, delivering.replay(made, now_ms=door.clock()))

    assert door.deliveries.apply(made.key, delivering.replay(made, now_ms=door.clock())) is not None
    assert door.deliveries.rows[made.key].round == 1, "the same replay, repeated, is one"
