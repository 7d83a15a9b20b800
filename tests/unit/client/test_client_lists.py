from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from penstock.client import Figures, InvalidInput, UnexpectedAnswer, WaitTimeout
from penstock.client.testing import REQUEST_ID, completed, page, state
from penstock.records import Status


def test_a_page_is_read_with_its_figures(start):
    client, server = start(
        page(completed(), next_cursor="abc", queue={"visible": 2, "in_flight": 1, "unavailable": {"x": "y"}})
    )

    found = client.page(
        "word-count",
        status=Status.FAILED,
        created_after=datetime(2026, 10, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        created_before=datetime(2026, 10, 2, tzinfo=UTC),
        limit=5,
        cursor="x=",
    )

    (request,) = server.requests
    assert request.url.path == "/prod/async/word-count"
    assert dict(request.url.params) == {
        "status": "failed",
        "created_after": "2026-10-01T12:00:00+00:00",
        "created_before": "2026-10-02T00:00:00+00:00",
        "limit": "5",
        "cursor": "x=",
    }
    assert [entry.id for entry in found.requests] == [REQUEST_ID]
    assert found.next_cursor == "abc"
    assert found.figures == Figures(visible=2, in_flight=1, unavailable={"x": "y"})


def test_a_list_goes_over_all_pages_also_over_empty_ones(start):
    client, server = start(
        page(completed(), next_cursor="a"), page(next_cursor="b"), page(state("in_queue"), state("failed"))
    )

    assert [entry.status for entry in client.list("word-count")] == ["completed", "in_queue", "failed"]

    assert [request.url.params.get("cursor") for request in server.requests] == [None, "a", "b"]


def test_a_list_asks_for_no_more_than_is_taken(start):
    client, server = start(page(completed(), next_cursor="a"))

    next(client.list("word-count"))

    assert len(server.requests) == 1


def test_a_time_without_a_zone_is_refused_here(start):
    client, _ = start()

    with pytest.raises(InvalidInput, match="created_after"):
        client.page("word-count", created_after=datetime(2026, 10, 1))  # noqa: DTZ001 - the point


@pytest.mark.parametrize("requests", [None, {}, [1], [{"id": "x"}]])
def test_a_page_with_wrong_entries_is_refused(start, requests):
    broken = page()
    broken._content = b'{"requests": %s}' % str(requests).replace("'", '"').replace("None", "null").encode()
    client, _ = start(broken)

    with pytest.raises(UnexpectedAnswer):
        client.page("word-count")


def test_wait_asks_the_server_to_wait_and_not_in_a_tight_loop(start, manual):
    applied = {"preference-applied": "wait=25"}
    answers = [state("in_queue"), state("in_progress"), completed()]
    for answer in answers[1:]:
        answer.headers.update(applied)
    client, server = start(*answers)

    client.wait("word-count", REQUEST_ID, timeout_seconds=600)

    assert [request.headers.get("prefer") for request in server.requests] == [None, "wait=25", "wait=25"]
    assert server.requests[1].extensions["timeout"]["read"] == 55
    # No time passes in a scripted server, so these answers came suspiciously soon.
    assert manual.sleeps_seconds == pytest.approx([0.2, 0.3])


def test_wait_never_asks_for_more_than_it_has_left(start):
    client, server = start(*[state("in_queue")] * 3)

    with pytest.raises(WaitTimeout):
        client.wait("word-count", REQUEST_ID, timeout_seconds=0.45)

    assert [request.headers.get("prefer") for request in server.requests] == [None, None, None]


def test_wait_that_tells_of_changes_looks_more_often(start):
    client, server = start(state("in_queue"), completed())

    client.wait("word-count", REQUEST_ID, timeout_seconds=600, on_change=lambda _: None)

    assert server.requests[1].headers["prefer"] == "wait=5"
