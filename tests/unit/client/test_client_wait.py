from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from penstock.client import UnexpectedAnswer, WaitTimeout
from penstock.client.retry import poll_intervals
from penstock.client.testing import REQUEST_ID, ManualTiming, completed, problem, state
from penstock.records import Failure, Status


def test_get_reads_every_member(start):
    client, server = start(completed(result_url="https://bucket.test/key?signature=1", unknown_member=1))

    found = client.get("word-count", REQUEST_ID)

    (request,) = server.requests
    assert (request.method, request.url.path) == ("GET", f"/prod/async/word-count/{REQUEST_ID}")
    assert (found.api, found.id, found.status, found.attempt) == (
        "word-count",
        REQUEST_ID,
        Status.COMPLETED,
        1,
    )
    assert found.created_at == datetime(2026, 10, 1, 12, tzinfo=UTC)
    assert found.started_at == datetime(2026, 10, 1, 12, microsecond=210_000, tzinfo=UTC)
    assert found.finished_at == datetime(2026, 10, 1, 12, 0, 1, 510_000, tzinfo=UTC)
    assert (found.queued_seconds, found.processing_seconds) == (0.21, 1.3)
    assert found.result == {"words": 2}
    assert (found.result_content_type, found.result_size_bytes, found.status_code) == (
        "application/json",
        11,
        200,
    )
    assert found.error is None
    assert found.document["unknown_member"] == 1


def test_get_reads_a_failure(start):
    client, _ = start(state("failed", error={"code": "timeout", "message": "No answer within 5m."}))

    assert client.get("word-count", REQUEST_ID).error == Failure(
        code="timeout", message="No answer within 5m."
    )


def test_a_presigned_link_stays_out_of_representations(start):
    client, _ = start(completed(result_url="https://bucket.test/key?signature=secret"))

    assert "secret" not in repr(client.get("word-count", REQUEST_ID))


@pytest.mark.parametrize(
    "members",
    [
        {"created_at": None},
        {"created_at": "yesterday"},
        {"created_at": "2026-10-01T12:00:00"},  # no offset
        {"created_at": 1_700_000_000},
        {"attempt": "1"},
        {"attempt": True},
        {"queued_seconds": "0.2"},
        {"queued_seconds": 10**400},
        {"result_size_bytes": 1.5},
        {"error": "broken"},
        {"error": {"code": 1, "message": "x"}},
        {"status": "on_hold"},
    ],
    ids=str,
)
def test_a_state_with_a_wrong_member_is_refused(start, members):
    client, _ = start(completed(**members))

    with pytest.raises(UnexpectedAnswer):
        client.get("word-count", REQUEST_ID)


def test_wait_tells_each_change_once_and_returns_the_end(start):
    client, server = start(
        state("in_queue", attempt=0),
        state("in_queue", attempt=0),
        state("in_progress", attempt=1),
        state("in_progress", attempt=1),
        state("in_progress", attempt=2),
        completed(attempt=2),
    )
    changes = []

    final = client.wait(
        "word-count",
        REQUEST_ID,
        timeout_seconds=60,
        on_change=lambda seen: changes.append((seen.status.value, seen.attempt)),
    )

    assert final.status is Status.COMPLETED
    assert changes == [("in_queue", 0), ("in_progress", 1), ("in_progress", 2), ("completed", 2)]
    assert server.exhausted


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
def test_wait_returns_other_ends_too(start, status):
    client, _ = start(state(status))

    assert client.wait("word-count", REQUEST_ID, timeout_seconds=0).status == status


def test_wait_looks_less_and_less_often(start, manual):
    client, _ = start(*[state("in_queue") for _ in range(9)], completed())

    client.wait("word-count", REQUEST_ID, timeout_seconds=600)

    assert manual.sleeps_seconds == pytest.approx([0.2, 0.3, 0.45, 0.675, 1.0125, 1.51875, 2, 2, 2])


def test_chance_shortens_the_pauses_by_up_to_a_fifth():
    assert next(poll_intervals(ManualTiming(chance=0).timing.random)) == pytest.approx(0.16)


def test_wait_ends_with_a_last_look_at_the_deadline(start, manual):
    client, server = start(*[state("in_progress") for _ in range(4)])

    with pytest.raises(WaitTimeout, match=r"still in_progress after 0\.6 s") as caught:
        client.wait("word-count", REQUEST_ID, timeout_seconds=0.6)

    assert manual.now_seconds == pytest.approx(0.6)
    assert caught.value.state.id == REQUEST_ID
    assert server.exhausted


def test_wait_survives_a_short_outage(start):
    client, _ = start(httpx.ConnectError("refused"), problem(503, "unavailable"), completed())

    assert client.wait("word-count", REQUEST_ID, timeout_seconds=60).status is Status.COMPLETED


def test_cancel_returns_the_state_it_led_to(start):
    client, server = start(state("cancelled"))

    assert client.cancel("word-count", REQUEST_ID).status is Status.CANCELLED
    (request,) = server.requests
    assert (request.method, request.url.path) == ("DELETE", f"/prod/async/word-count/{REQUEST_ID}")


def test_cancel_is_repeated_as_cancelling_twice_is_one_cancel(start):
    client, server = start(problem(503, "unavailable"), state("cancelled"))

    assert client.cancel("word-count", REQUEST_ID).status == "cancelled"

    assert len(server.requests) == 2
