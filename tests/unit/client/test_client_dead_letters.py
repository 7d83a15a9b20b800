from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from penstock.client import ApiProblem, Chosen, InvalidInput, PassedOver, UnexpectedAnswer
from penstock.client.testing import REQUEST_ID, accepted, answer, problem, state

ANOTHER = "b" * 26


def redriven(*retries, already=0, failures=(), **members):
    made = [{"id": old, "retried_as": new} for old, new in retries]
    return answer(
        200,
        {
            "redriven": len(made) - already,
            "already_redriven": already,
            "retries": made,
            "failures": list(failures),
            **members,
        },
    )


def purged(count, *, failures=(), **members):
    return answer(200, {"purged": count, "failures": list(failures), **members})


def bodies(server):
    return [json.loads(request.content) for request in server.requests]


def test_a_retry_gives_the_new_request_and_is_asked_for_again_when_its_answer_is_lost(start):
    client, server = start(httpx.ReadError("broke"), accepted())

    retried = client.retry("word-count", ANOTHER)

    assert (retried.id, retried.status, retried.api) == (REQUEST_ID, "in_queue", "word-count")
    assert {(request.method, request.url.path) for request in server.requests} == {
        ("POST", f"/prod/async/word-count/{ANOTHER}/retry")
    }
    assert len(server.requests) == 2


def test_what_cannot_run_again_is_a_problem_with_its_code(start):
    client, _ = start(problem(410, "payload_gone"))

    with pytest.raises(ApiProblem) as caught:
        client.retry("word-count", REQUEST_ID)

    assert (caught.value.code, caught.value.transient) == ("payload_gone", False)


def test_dead_letters_are_listed_page_by_page_with_what_runs_them_again(start):
    failed = state("failed", error={"code": "timeout", "message": "m"}, retried_as=ANOTHER).json()
    client, server = start(
        answer(200, {"dead_letters": [failed], "next_cursor": "c"}), answer(200, {"dead_letters": []})
    )

    listed = list(
        client.dead_letters.list(
            "word-count", error="timeout", created_after=datetime(2026, 10, 1, tzinfo=UTC)
        )
    )

    assert [(entry.id, entry.retried_as) for entry in listed] == [(REQUEST_ID, ANOTHER)]
    first, second = (dict(request.url.params) for request in server.requests)
    assert first == {"error": "timeout", "created_after": "2026-10-01T00:00:00+00:00"}
    assert second == {**first, "cursor": "c"}


def test_a_redrive_of_a_filter_goes_on_until_there_is_no_cursor(start):
    client, server = start(redriven(("a", "b"), next_cursor="c"), redriven(("c", "d"), already=1))

    answers = list(client.dead_letters.redrive("word-count", Chosen(error="timeout")))

    assert [dict(one.retries) for one in answers] == [{"a": "b"}, {"c": "d"}]
    assert [one.already for one in answers] == [0, 1]
    assert bodies(server) == [
        {"filter": {"error": "timeout"}},
        {"filter": {"error": "timeout"}, "cursor": "c"},
    ]
    assert {request.url.path for request in server.requests} == {"/prod/dead-letters/word-count/redrive"}


def test_many_ids_go_out_in_calls_that_the_server_takes_and_those_not_tried_again(start):
    ids = [f"id-{number}" for number in range(120)]
    client, server = start(redriven(not_tried=ids[90:100]), redriven(not_tried=[]))

    list(client.dead_letters.redrive("word-count", Chosen(ids=ids)))

    assert [body["ids"] for body in bodies(server)] == [ids[:100], ids[90:]]


def test_a_purge_names_its_api_and_tells_what_was_passed_over(start):
    over = {"id": "x", "code": "ended_too_recently", "detail": "d"}
    client, server = start(purged(3, failures=[over]))

    (done,) = client.dead_letters.purge("word-count", Chosen(all=True))

    assert (done.purged, done.failures) == (3, [PassedOver(id="x", code="ended_too_recently", detail="d")])
    assert bodies(server) == [{"all": True, "confirm": "word-count"}]


@pytest.mark.parametrize(
    "chosen",
    [
        Chosen(),
        Chosen(ids=["a"], all=True),
        Chosen(error="timeout", all=True),
        Chosen(ids=["a"], error="timeout"),
        Chosen(created_after=datetime(2026, 10, 1)),  # noqa: DTZ001 - that it has no zone is the point
    ],
)
def test_a_choice_that_is_none_or_two_is_refused_before_anything_is_sent(start, chosen):
    client, server = start()

    with pytest.raises(InvalidInput):
        list(client.dead_letters.purge("word-count", chosen))

    assert server.requests == []


@pytest.mark.parametrize(
    ("chosen", "script"),
    [
        (Chosen(ids=["a"]), [redriven(not_tried=["a"])]),
        (Chosen(all=True), [redriven(next_cursor="c"), redriven(next_cursor="c")]),
    ],
)
def test_a_server_that_makes_no_progress_is_not_asked_for_ever(start, chosen, script):
    client, _ = start(*script)

    with pytest.raises(UnexpectedAnswer, match="no progress"):
        list(client.dead_letters.redrive("word-count", chosen))


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"retries": [], "failures": []},
        {"retries": [{}], "already_redriven": 0, "failures": []},
        {"retries": [], "already_redriven": 0, "failures": ["x"]},
        {"retries": [], "already_redriven": 0, "failures": [], "not_tried": "x"},
    ],
)
def test_an_answer_that_is_none_of_ours_is_told_as_such(start, strange):
    client, _ = start(answer(200, strange))

    with pytest.raises(UnexpectedAnswer):
        list(client.dead_letters.redrive("word-count", Chosen(all=True)))
