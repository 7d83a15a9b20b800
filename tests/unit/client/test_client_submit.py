from __future__ import annotations

import httpx
import pytest

from penstock.client import ApiProblem, InvalidInput, ServerUnreachable, UnexpectedAnswer
from penstock.client.testing import REQUEST_ID, accepted, answer, problem
from penstock.records import Status


def test_submit_sends_the_body_as_it_is(start):
    client, server = start(accepted())

    submission = client.submit(
        "word-count",
        b"\x00\xff",
        content_type="image/png",
        idempotency_key="order-1",
        query=[("a", "b c"), ("a", "ä&=+"), ("empty", "")],
    )

    assert (submission.id, submission.status) == (REQUEST_ID, Status.IN_QUEUE)
    assert submission.idempotency_key == "order-1"
    (request,) = server.requests
    assert request.method == "POST"
    assert str(request.url) == (
        "https://penstock.test/prod/async/word-count?a=b%20c&a=%C3%A4%26%3D%2B&empty="
    )
    assert request.content == b"\x00\xff"
    assert request.headers["content-type"] == "image/png"
    assert request.headers["idempotency-key"] == "order-1"


def test_submit_makes_a_fresh_key_for_each_submission(start):
    client, server = start(accepted(), accepted())

    first = client.submit("word-count", b"")
    second = client.submit("word-count", b"")

    assert first.idempotency_key != second.idempotency_key
    assert [request.headers["idempotency-key"] for request in server.requests] == [
        first.idempotency_key,
        second.idempotency_key,
    ]


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("too slow"),
        httpx.RemoteProtocolError("closed in the middle"),
        problem(429, "too_many_requests"),
        httpx.Response(502, text="<html>Bad gateway</html>"),
        problem(503, "unavailable"),
        httpx.Response(504, json={"message": "Endpoint request timed out"}),
    ],
    ids=lambda failure: str(getattr(failure, "status_code", type(failure).__name__)),
)
def test_submit_tries_again_under_the_same_key(start, failure):
    client, server = start(failure, accepted())

    submission = client.submit("word-count", b"text", content_type="text/plain")

    assert submission.id == REQUEST_ID
    first, second = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.content == second.content == b"text"
    assert second.headers["content-type"] == "text/plain"


def test_submit_tries_again_when_the_answer_breaks_off(start):
    class Broken(httpx.SyncByteStream):
        def __iter__(self):
            yield b'{"id'
            raise httpx.ReadError("connection reset")

    client, server = start(httpx.Response(202, stream=Broken()), accepted())

    assert client.submit("word-count", b"").id == REQUEST_ID
    assert server.exhausted


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_submit_does_not_repeat_what_would_fail_again(start, manual, status):
    client, server = start(problem(status, "some_code"))

    with pytest.raises(ApiProblem) as caught:
        client.submit("word-count", b"")

    assert (caught.value.status, caught.value.code) == (status, "some_code")
    assert caught.value.transient == (status == 500)
    assert len(server.requests) == 1
    assert manual.sleeps_seconds == []


def test_submit_gives_up_after_four_retries(start, manual):
    client, server = start(*[httpx.ConnectError("Connection refused")] * 5)

    with pytest.raises(
        ServerUnreachable, match=r"No answer from https://penstock\.test/prod/async/word-count: "
    ):
        client.submit("word-count", b"")

    assert len(server.requests) == 5
    assert manual.sleeps_seconds == [0.25, 0.5, 1, 2]


def test_the_last_refusal_is_told(start):
    client, _ = start(*[problem(503, "unavailable") for _ in range(5)])

    with pytest.raises(ApiProblem, match="unavailable, HTTP 503") as caught:
        client.submit("word-count", b"")

    assert caught.value.transient


@pytest.mark.parametrize(
    ("retry_after", "expected_seconds"),
    [
        ("7", 7),  # longer than our own pause
        ("0", 0.25),  # a server in a hurry does not take the spread from us
        ("-1", 0.25),
        ("soon", 0.25),
        ("٣", 0.25),  # a digit, but not ASCII
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.25),  # neither AWS nor Penstock sends dates
    ],
)
def test_retry_after_is_honoured(start, manual, retry_after, expected_seconds):
    refusal = httpx.Response(503, headers=[(b"retry-after", retry_after.encode())])
    client, _ = start(refusal, accepted())

    client.submit("word-count", b"")

    assert manual.sleeps_seconds == [expected_seconds]


@pytest.mark.parametrize("retry_after", ["31", "9" * 5000])
def test_a_server_that_asks_for_a_long_pause_is_not_waited_for(start, manual, retry_after):
    client, _ = start(problem(503, "unavailable", {"retry-after": retry_after}))

    with pytest.raises(ApiProblem):
        client.submit("word-count", b"")

    assert manual.sleeps_seconds == []


@pytest.mark.parametrize("value", ["", " padded ", "two\nlines", "ключ", "\x7f", "\udcff"])
@pytest.mark.parametrize("name", ["idempotency_key", "content_type"])
def test_headers_that_cannot_be_sent_are_refused(start, name, value):
    client, server = start()

    with pytest.raises(InvalidInput, match="cannot be sent"):
        client.submit("word-count", b"", **{name: value})

    assert server.requests == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"id": "x"},
        {"id": 1, "status": "in_queue"},
        {"id": "x", "status": "asleep"},
        {"id": "x", "status": ["in_queue"]},
        [],
        "x",
        None,
    ],
)
def test_an_answer_of_another_shape_is_no_submission(start, document):
    client, _ = start(answer(202, document))

    with pytest.raises(UnexpectedAnswer, match="did not answer as Penstock does"):
        client.submit("word-count", b"")
