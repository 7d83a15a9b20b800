from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.aws import items
from penstock.records import Failure, RequestRecord, Status
from penstock.webhooks import events
from penstock.webhooks.deliveries import DeliveryKey, Target
from penstock.webhooks.events import Kind
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due
from tests.examples import NOW_MS, record
from tests.unit.webhooks.station import BASE_URL, CALLBACK, WEBHOOK, Station, completed
from webhook_lambda.images import news_in, stream_filters


@pytest.fixture
def station() -> Station:
    return Station()


def change(old: RequestRecord | None, new: RequestRecord | None) -> dict[str, Any]:
    """A change as the stream brings it."""
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    images = {"OldImage": old, "NewImage": new}
    return {
        "eventName": name,
        "dynamodb": {key: items.encode(image) for key, image in images.items() if image is not None},
    }


def let_through(told: dict[str, Any]) -> bool:
    """What Lambda's filters do, as far as ours use them: one of them must match."""
    return any(passes(pattern, told) for pattern in stream_filters())


def passes(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(passes(rule, value.get(key)) for key, rule in pattern.items())
    return any(_matches(rule, value) for rule in pattern)


def _matches(rule: Any, value: Any) -> bool:
    match rule:
        case {"prefix": start}:
            return isinstance(value, str) and value.startswith(start)
        case {"anything-but": others}:
            return value is not None and value not in others
    return bool(rule == value)


STATUSES = st.sampled_from(list(Status))


@given(st.none() | STATUSES, st.none() | STATUSES)
def test_only_the_step_from_a_live_status_to_a_terminal_one_counts(before, after):
    if before is None and after is None:
        return
    old, new = (record(status=status) if status else None for status in (before, after))
    counts = before is not None and after is not None and not before.terminal and after.terminal

    assert (news_in(change(old, new)) is not None) is counts
    # The filter lets nothing through that does not count, and keeps nothing back that does.
    assert let_through(change(old, new)) is counts


def test_what_is_no_request_does_not_count():
    ending = change(record(), completed())
    for image in ending["dynamodb"].values():
        image["pk"] = {"S": "HOOK#x"}

    assert news_in(ending) is None
    assert not let_through(ending)


def test_the_image_is_the_record():
    news = news_in(change(record(), completed()))

    assert news is not None
    assert news.kind is Kind.REQUEST
    assert items.decode(news.item) == completed()


def test_an_end_is_published_with_its_attributes_and_sent_to_its_receiver(station):
    station.end()

    [event] = station.topic.published
    assert (event.type, event.api, event.status, event.subject) == (
        "request.completed", "word-count", "completed", "a" * 26,
    )  # fmt: skip
    assert station.only.body == event.body
    assert station.only.url == CALLBACK
    assert station.lanes.waiting(Lane.FIRST) == [Due(key=station.only.key, round=0, attempt=1)]


def test_the_document_links_to_our_api_and_says_what_happened(station):
    station.end(
        status=Status.FAILED,
        attempt=2,
        failure=Failure(code="timeout", message="Too long."),
        retry_of="b" * 26,
        result=None,
    )

    [event] = station.topic.published
    assert json.loads(event.body) == {
        "type": "request.failed",
        "timestamp": "2023-11-14T22:13:20.500Z",
        "data": {
            "version": 1,
            "kind": "request",
            "deployment": "demo",
            "api": "word-count",
            "id": "a" * 26,
            "status": "failed",
            "attempt": 2,
            "created_at": "2023-11-14T22:13:20.000Z",
            "started_at": "2023-11-14T22:13:20.100Z",
            "finished_at": "2023-11-14T22:13:20.500Z",
            "retry_of": "b" * 26,
            "error": {"code": "timeout", "message": "Too long."},
            "links": {
                "status": f"{BASE_URL}/async/words/{'a' * 26}",
                "result": f"{BASE_URL}/async/words/{'a' * 26}/result",
            },
        },
    }


def test_told_twice_it_is_one_event_with_one_id_and_one_call(station):
    station.end()
    station.end()

    first, second = station.topic.published
    assert first == second
    station.run()
    assert len(station.calls) == 1


def test_told_again_after_the_delivery_it_is_not_sent_again(station):
    station.end()
    station.run()
    station.end()
    station.run()

    assert len(station.calls) == 1


def test_the_id_follows_from_the_request_its_time_and_its_end():
    base = completed()
    others = [
        replace(base, id="b" * 26),
        replace(base, api="other"),
        replace(base, status=Status.FAILED),
        # The same key after the first request's retention: another request.
        replace(base, created_ms=NOW_MS + 1),
    ]
    ids = {events.event_id(each, deployment="demo") for each in [base, *others]}

    assert len(ids) == 5
    assert events.event_id(base, deployment="other") not in ids
    assert DeliveryKey.parse(f"{ids.pop()}-callback") is not None


def test_a_request_that_has_not_ended_has_no_event():
    with pytest.raises(ValueError, match="has not ended"):
        events.ended(record(), deployment="demo", endpoint="words", base_url=BASE_URL)


@pytest.mark.parametrize(("status", "told"), [("completed", True), ("failed", True), ("cancelled", False)])
def test_the_apis_webhook_gets_the_ends_it_asked_for(station, status, told):
    station.configure(webhook_url=WEBHOOK)
    station.end(status=Status(status), callback=None)

    assert [delivery.url for delivery in station.deliveries.rows.values()] == [WEBHOOK] * told
    assert len(station.topic.published) == 1


def test_one_receiver_named_twice_is_told_once(station):
    station.configure(webhook_url=CALLBACK)
    station.end()

    assert station.only.target is Target.CALLBACK


def test_nobody_asked_so_nobody_is_called_but_subscribers_are_told(station):
    station.end(callback=None)

    assert station.deliveries.rows == {}
    assert len(station.topic.published) == 1


def test_the_last_events_of_an_api_that_is_deployed_no_more_are_told(station):
    station.end(api="gone")

    assert station.only.url == CALLBACK
    assert json.loads(station.only.body)["data"]["links"]["status"].startswith(f"{BASE_URL}/async/gone/")


@pytest.mark.parametrize(
    ("content", "limit", "inline"),
    [
        (b'{"n": 1.10}', 1000, True),
        (b'{"n": 1.10}', 0, False),  # not asked for
        (b'{"n": 1.10}', 10, False),  # too large
        (b'{"n": NaN}', 1000, False),  # no JSON after all
    ],
)
def test_a_small_json_result_is_part_of_the_event_if_that_is_configured(station, content, limit, inline):
    station.configure(webhook_inline_bytes=limit)
    station.objects.bodies["results/r"] = content
    station.end()

    [event] = station.topic.published
    assert json.loads(event.body)["data"].get("result") == ({"n": 1.1} if inline else None)
    assert (content.decode() in event.body) is inline


def test_a_result_that_is_gone_is_left_out(station):
    station.configure(webhook_inline_bytes=1000)
    station.end()

    assert "result" not in json.loads(station.topic.published[0].body)["data"]


def test_a_trial_says_nothing_but_that_it_was_sent():
    event = events.trial("word-count", deployment="demo", now_ms=NOW_MS)

    assert event.type == "test.sent"
    assert json.loads(event.body)["data"] == {
        "version": 1, "kind": "test", "deployment": "demo", "api": "word-count",
    }  # fmt: skip
