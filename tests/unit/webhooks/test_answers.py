"""Callbacks by OpenFaaS's contract: the function's answer byte for byte, in place of the event."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway_lambda.incoming import MAX_BODY_BYTES
from penstock.ports import DependencyError
from penstock.records import Call, Failure, ResultRef, Status
from penstock.testing import MemoryObjects
from penstock.webhooks import deliveries as delivering
from penstock.webhooks import signature
from penstock.webhooks.answers import MOST_BODY_BYTES
from penstock.webhooks.deliveries import State, Target
from penstock.webhooks.hosts import Lane
from penstock.webhooks.schedule import Answer
from tests.examples import NOW_MS
from tests.unit.webhooks.station import BASE_URL, CALLBACK, SECRET, WEBHOOK, Station
from tests.unit.webhooks.station import Call as Made

CALL = Call(call_id="mine", method="POST")
#: NUL, no UTF-8, line ends: every byte there is.
BINARY = bytes(range(256)) * 3
LINK = f"{BASE_URL}/async/words/{'a' * 26}/result"


@pytest.fixture
def station() -> Station:
    return Station()


def answered(status_code: int = 200, body: bytes = BINARY, **parts) -> ResultRef:
    result = ResultRef(
        key="results/r", size_bytes=len(body), status_code=status_code, content_type="image/png"
    )
    return replace(result, **parts)


def told(station: Station, *, body: bytes = BINARY, **changes) -> Made:
    """The one call that a request's end leads to."""
    station.objects.bodies["results/r"] = body
    station.end(**{"call": CALL, "result": answered(body=body)} | changes)
    station.run()
    [made] = station.calls
    return made


def sent(made: Made) -> dict[str, str]:
    """Its headers, without those that any delivery has."""
    ours = {"User-Agent", "Connection", "webhook-id", "webhook-timestamp", "webhook-signature"}
    return {name: value for name, value in made.headers.items() if name not in ours}


def test_the_callback_is_the_functions_body_byte_for_byte_with_every_header_of_the_contract(station):
    made = told(station, result=answered(201, headers={"etag": '"1"'}))

    assert (made.url, made.body) == (CALLBACK, BINARY)
    assert sent(made) == {
        "etag": '"1"',
        "Content-Type": "image/png",
        "X-Call-Id": "mine",
        "X-Start-Time": str(NOW_MS * 1_000_000),
        "X-Function-Name": "words",
        "X-Function-Status": "201",
        "X-Duration-Seconds": "0.400000",
    }
    signature.verify(made.headers, made.body, secret=SECRET, now_ms=made.at_ms)
    assert made.headers["webhook-id"] == station.only.event_id
    assert station.only.state is State.DELIVERED


def test_a_failed_function_is_told_with_its_body(station):
    failure = Failure(code="container_error", message="m")
    made = told(station, body=b"\x00broken", status=Status.FAILED, failure=failure,
                result=answered(500, b"\x00broken"))  # fmt: skip

    assert (made.body, made.headers["X-Function-Status"]) == (b"\x00broken", "500")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.CANCELLED, None),
        (Status.EXPIRED, None),
        (Status.FAILED, "worker_lost"),
        (Status.FAILED, "timeout"),
    ],
)
def test_an_end_without_an_answer_is_told_with_an_empty_body_and_503(station, status, code):
    made = told(station, status=status, failure=Failure(code=code, message="m") if code else None,
                result=None, started_ms=None)  # fmt: skip

    assert made.body == b""
    assert sent(made) == {
        "X-Call-Id": "mine",
        "X-Start-Time": str(NOW_MS * 1_000_000),
        "X-Function-Name": "words",
        "X-Function-Status": "503",
        "X-Duration-Seconds": "0.000000",
    }
    signature.verify(made.headers, b"", secret=SECRET, now_ms=made.at_ms)


def test_the_longest_body_is_sent_and_a_longer_one_is_linked_without_headers_that_describe_it(station):
    longest = bytes(MOST_BODY_BYTES)
    assert told(station, body=longest).body == longest
    station.calls.clear()
    headers = {"content-encoding": "gzip"}
    station.end(id="b" * 26, call=CALL, result=answered(size_bytes=MOST_BODY_BYTES + 1, headers=headers))
    station.run()

    [made] = station.calls
    assert made.body == b""
    link = LINK.replace("a" * 26, "b" * 26)
    assert made.headers["Link"] == f'<{link}>; rel="enclosure"'
    assert made.headers["X-Function-Status"] == "200"
    assert {"Content-Type", "content-encoding"} & made.headers.keys() == set()


def test_a_body_without_a_type_is_any_bytes(station):
    assert told(station, result=answered(content_type=None)).headers["Content-Type"] == (
        "application/octet-stream"
    )


def test_the_function_cannot_say_what_penstock_says(station):
    forged = {"x-call-id": "forged", "user-agent": "forged", "webhook-id": "forged"}
    made = told(station, result=answered(headers=forged))

    # The record keeps none of these; if it did, ours would stand last.
    assert made.headers["X-Call-Id"] == "mine"
    assert made.headers["webhook-id"] == station.only.event_id


def test_bodies_are_never_in_the_table_and_read_for_each_attempt(station):
    station.answers = [Answer(500), Answer(200)]
    station.objects.bodies["results/r"] = BINARY
    station.end(call=CALL, result=answered())
    assert repr(BINARY)[2:-1] not in repr(station.only)
    station.run()

    assert [made.body for made in station.calls] == [BINARY, BINARY]
    assert len({made.headers["webhook-id"] for made in station.calls}) == 1
    assert len({made.headers["webhook-timestamp"] for made in station.calls}) == 2


def test_a_replay_after_the_results_retention_calls_nobody_and_says_why(station):
    told(station)
    station.objects.bodies.clear()
    delivered = station.only
    again = station.deliveries.apply(delivered.key, delivering.replay(delivered, now_ms=station.clock()))
    assert again is not None
    station.send_first(again)
    station.run()

    assert (station.only.state, station.only.reason) == (State.FAILED, "result_gone")
    assert len(station.calls) == 1
    assert [ended.state for ended in station.ended] == [State.DELIVERED, State.FAILED]
    # It does not hold the host's places, and can be sent again if the body is restored.
    station.objects.bodies["results/r"] = BINARY
    again = station.deliveries.apply(delivered.key, delivering.replay(station.only, now_ms=station.clock()))
    assert again is not None
    station.send_first(again)
    station.run()
    assert (station.only.state, station.calls[-1].body) == (State.DELIVERED, BINARY)


def test_while_the_bucket_cannot_be_read_the_attempt_is_neither_made_nor_lost(station):
    class Down(MemoryObjects):
        def read(self, key: str) -> bytes:
            raise DependencyError(key)

    station.objects, up = Down(), station.objects
    station.build()
    station.end(call=CALL, result=answered())
    first = station.lanes.take(Lane.FIRST)
    assert first is not None
    with pytest.raises(DependencyError):
        station.deliverer.deliver(first, Lane.FIRST)

    # The message comes back when its visibility ends, longer than the lease.
    station.objects = up
    station.objects.bodies["results/r"] = BINARY
    station.build()
    station.clock.advance(70)
    station.deliverer.deliver(first, Lane.FIRST)
    assert (station.only.state, station.only.attempt) == (State.DELIVERED, 1)
    assert [made.body for made in station.calls] == [BINARY]


def test_the_apis_own_webhook_and_subscribers_get_the_event_as_for_any_request(station):
    station.configure(webhook_url=WEBHOOK)
    station.objects.bodies["results/r"] = BINARY
    station.end(call=CALL, result=answered())
    station.run()

    by_url = {made.url: made for made in station.calls}
    assert by_url[CALLBACK].body == BINARY
    event = json.loads(by_url[WEBHOOK].body)
    assert (event["type"], event["data"]["links"]["result"]) == ("request.completed", LINK)
    assert len(station.topic.published) == 1


def test_a_request_that_came_another_way_is_told_by_its_event(station):
    made = told(station, call=Call())

    assert json.loads(made.body)["type"] == "request.completed"
    assert station.only.answer is None


# From one API to the next (N7).


def test_the_next_api_gets_the_functions_body_as_its_payload(station):
    made = told(station, callback="/async/next", depth=1)

    assert (made.body, made.headers["Content-Type"]) == (BINARY, "image/png")
    assert made.headers["x-penstock-depth"] == "2"
    assert made.headers["Idempotency-Key"] == station.only.event_id
    assert MOST_BODY_BYTES <= MAX_BODY_BYTES


def test_a_body_that_is_too_long_is_not_handed_to_the_next_api_as_an_empty_one(station):
    station.end(call=CALL, callback="/async/next", result=answered(size_bytes=MOST_BODY_BYTES + 1))
    station.run()

    assert (station.only.state, station.only.reason) == (State.FAILED, "result_too_large")
    assert station.only.target is Target.CALLBACK
    assert station.calls == []
