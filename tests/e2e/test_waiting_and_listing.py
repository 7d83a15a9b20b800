"""Waiting calls, lists and figures on the whole stack."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway_lambda.settings import Settings
from penstock import names
from penstock.aws.slots import DynamoSlots
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.waiting import eventually

WAIT = {"Prefer": "wait=20"}


def test_one_call_submits_waits_and_brings_the_result(stack: Stack):
    sent = {"Content-Type": "text/plain", **WAIT}
    answer = stack.http.post("/async/word-count", content=b"one two two", headers=sent)
    assert answer.status_code == 200, answer.text
    assert answer.headers["preference-applied"] == "wait=20"
    assert (answer.json()["status"], answer.json()["result"]["words"]) == ("completed", 3)
    assert answer.headers["location"] == f"word-count/{answer.json()['id']}"


def test_a_wait_that_is_over_too_early_is_answered_as_if_there_had_been_none(stack: Stack):
    started = time.monotonic()
    answer = stack.http.post(
        "/async/awkward-path?do=describe&delay=6", content=b"x", headers={"Prefer": "wait=1"}
    )
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
    assert 1 <= time.monotonic() - started < 6
    looked = stack.http.get(f"/async/awkward-path/{answer.json()['id']}", headers=WAIT)
    assert (looked.status_code, looked.json()["status"]) == (200, "completed")
    assert looked.headers["preference-applied"] == "wait=20"


@pytest.mark.parametrize(("asked", "honoured"), [("0", "0"), ("999999999", "25")])
def test_a_wait_of_any_length_is_honoured_up_to_25_seconds(stack: Stack, asked, honoured):
    sent = {"Content-Type": "text/plain", "Prefer": f"wait={asked}"}
    answer = stack.http.post("/async/word-count", content=b"x", headers=sent)
    assert answer.status_code == (202 if asked == "0" else 200)
    assert answer.headers["preference-applied"] == f"wait={honoured}"


@pytest.mark.parametrize("asked", ["-1", "1e9"])
def test_a_look_with_a_wait_that_is_no_number_of_seconds_is_refused(stack: Stack, asked):
    path = f"/async/word-count/{stack.submit('word-count', b'x', content_type='text/plain')}"
    answer = stack.http.get(path, headers={"Prefer": f"wait={asked}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_preference")


@pytest.fixture
def no_free_slot(stack: Stack):
    slots = DynamoSlots(stack.aws("dynamodb"), names.table(DEPLOYMENT))
    numbers = range(Settings(deployment="", table="", bucket="", state_machines="").wait_slots)
    now_ms = time.time_ns() // 1_000_000
    for number in numbers:
        assert slots.take(number, token="full", now_ms=now_ms, until_ms=now_ms + 120_000)
    yield
    for number in numbers:
        slots.free(number, token="full")


def test_when_too_many_wait_the_answer_is_immediate_and_submissions_go_on(stack: Stack, no_free_slot: None):
    for _ in range(3):
        started = time.monotonic()
        answer = stack.http.post("/async/awkward-path?do=describe&delay=5", content=b"x", headers=WAIT)
        assert answer.status_code == 202
        assert "preference-applied" not in answer.headers
        assert time.monotonic() - started < 5
        stack.client.cancel("awkward-path", answer.json()["id"])


def test_many_who_wait_at_once_all_get_their_answers(stack: Stack):
    sent = {"Content-Type": "text/plain", **WAIT}

    def submit(number: int) -> int:
        return stack.http.post("/async/word-count", content=f"{number}".encode(), headers=sent).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(submit, range(4))) == {200}
    # No slot stays behind.
    found = stack.aws("dynamodb").scan(
        TableName=names.table(DEPLOYMENT),
        FilterExpression="begins_with(pk, :wait)",
        ExpressionAttributeValues={":wait": {"S": "WAIT#"}},
    )
    assert found["Items"] == []


def test_pages_have_no_gaps_and_no_doubles_while_new_requests_come_in(stack: Stack):
    before = [stack.submit("awkward-path", f"{number}".encode()) for number in range(9)]
    listed = []
    cursor: dict[str, str] = {}
    while True:
        page = stack.http.get("/async/awkward-path", params={"limit": "2", **cursor})
        assert page.status_code == 200, page.text
        listed += [entry["id"] for entry in page.json()["requests"]]
        assert ("queue" in page.json()) == (not cursor)
        stack.submit("awkward-path", b"meanwhile")
        if "next_cursor" not in page.json():
            break
        cursor = {"cursor": page.json()["next_cursor"]}
    assert len(listed) == len(set(listed))
    assert listed[: len(before)] == list(reversed(before))


def test_a_list_is_filtered_by_status_and_time(stack: Stack):
    failed = stack.submit("awkward-path", query={"do": "status", "code": "500"})
    state = stack.finished("awkward-path", failed)
    later = stack.submit("awkward-path", b"y")
    stack.finished("awkward-path", later)

    def ids(**parameters: str) -> list[str]:
        answer = stack.http.get("/async/awkward-path", params={"limit": "100", **parameters})
        assert answer.status_code == 200, answer.text
        return [entry["id"] for entry in answer.json()["requests"]]

    made = state.document["created_at"]
    assert failed in ids(status="failed")
    assert later not in ids(status="failed")
    assert ids(created_after=made)[-1] == failed
    assert failed not in ids(created_before=made)
    listed = [entry.id for entry in stack.client.list("awkward-path", created_after=state.created_at)]
    assert listed[-2:] == [later, failed]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("cursor=broken", "invalid_cursor"),
        ("limit=0", "invalid_query"),
        ("limit=-1", "invalid_query"),
        ("limit=1e9", "invalid_query"),
        ("limit=1000000000", "invalid_query"),
        ("status=done", "invalid_query"),
        ("created_after=yesterday", "invalid_query"),
        ("stauts=failed", "invalid_query"),
    ],
)
def test_a_query_that_cannot_be_followed_is_refused(stack: Stack, query, code):
    answer = stack.http.get(f"/async/word-count?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.embedded_only("without ECS nobody counts workers")
def test_the_figures_tell_of_a_busy_worker(stack: Stack):
    running = [stack.submit("single", query={"do": "describe", "delay": "6"}) for _ in range(3)]
    stack.until("single", running[0], "in_progress")

    def busy() -> bool:
        queue = stack.http.get("/async/single", params={"limit": "1"}).json()["queue"]
        assert "unavailable" not in queue
        return (
            queue["visible"] + queue["in_flight"] >= 2
            and queue["in_flight"] >= 1
            and queue["oldest_open_seconds"] > 0
            and queue["workers_desired"] == queue["workers_running"] == 1
        )

    eventually(busy, within_seconds=5, what="figures of a busy worker")
    for request_id in reversed(running):
        stack.client.cancel("single", request_id)
    eventually(
        lambda: "oldest_open_seconds" not in stack.http.get("/async/single").json()["queue"],
        within_seconds=5,
        what="no open request",
    )
