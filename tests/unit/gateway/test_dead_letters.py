from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway_lambda.bulk import AT_ONCE, MAX_SECONDS
from gateway_lambda.recovery import QUIET_SECONDS
from gateway_lambda.selection import MAX_IDS
from penstock import ids
from penstock.ports import DependencyError
from penstock.records import Failure, ResultRef, Status
from tests.examples import record
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.gateway.test_submit import Broken

LIST = "/dead-letters/words"


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def plant(door, *, code="timeout", seconds_ago=1000, body=b"x", **changes):
    """A request that failed a while ago, of those that are kept for a long time."""
    then_ms = door.clock() - seconds_ago * 1000
    request_id = ids.new_request_id()
    made = record(id=request_id, created_ms=then_ms, finished_ms=then_ms, due_ms=None)
    made = replace(
        made,
        status=Status.FAILED,
        failure=Failure(code=code, message="m"),
        payload=replace(made.payload, key=f"payloads/word-count/{request_id}/1", size_bytes=len(body)),
        expires_at=door.clock() // 1000 + 86_400,
    )
    made = replace(made, **changes)
    door.records.rows[made.key] = made
    door.objects.bodies[made.payload.key] = body
    return made


def post(door, what, **members):
    return door.call("POST", f"{LIST}/{what}", body=json.dumps(members).encode())


def redrive(door, **members):
    answer = post(door, "redrive", **members)
    assert answer.status == 200, answer.body
    return answer.json


def purge(door, **members):
    answer = post(door, "purge", confirm="words", **members)
    assert answer.status == 200, answer.body
    return answer.json


def listed(door, **query):
    answer = door.call("GET", LIST, query={name: [value] for name, value in query.items()})
    assert answer.status == 200, answer.body
    return answer.json


def test_only_failed_requests_are_listed_newest_first_with_their_errors(door):
    old, new = plant(door, seconds_ago=900), plant(door, seconds_ago=800, code="worker_lost")
    for status in (Status.CANCELLED, Status.EXPIRED, Status.COMPLETED):
        plant(door, status=status, failure=None)
    plant(door, api="thumbnail")
    found = listed(door)
    assert [entry["id"] for entry in found["dead_letters"]] == [new.id, old.id]
    assert [entry["error"]["code"] for entry in found["dead_letters"]] == ["worker_lost", "timeout"]
    assert "queue" not in found


def test_the_list_is_filtered_by_error_and_time_and_goes_on_page_by_page(door):
    timeouts = [plant(door, seconds_ago=900 - number) for number in range(5)]
    plant(door, code="worker_lost")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = listed(door, error="timeout", limit="2", **cursor)
        seen += [entry["id"] for entry in page["dead_letters"]]
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [one.id for one in reversed(timeouts)]
    made = listed(door, error="timeout")["dead_letters"][2]["created_at"]
    assert len(listed(door, error="timeout", created_after=made)["dead_letters"]) == 3
    assert len(listed(door, error="timeout", created_before=made)["dead_letters"]) == 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"error": ["unheard_of"]}, "invalid_query"),
        ({"status": ["failed"]}, "invalid_query"),
        ({"limit": ["0"]}, "invalid_query"),
        ({"cursor": ["broken"]}, "invalid_cursor"),
    ],
)
def test_a_query_that_cannot_be_followed_is_refused(door, query, code):
    answer = door.call("GET", LIST, query=query)
    assert (answer.status, answer.json["code"]) == (400, code)


def test_what_was_redriven_is_marked_with_the_request_that_runs_it_again(door):
    first, second = plant(door, seconds_ago=900), plant(door, seconds_ago=800)
    (made,) = redrive(door, ids=[first.id])["retries"]
    marks = {entry["id"]: entry.get("retried_as") for entry in listed(door)["dead_letters"]}
    assert marks == {first.id: made["retried_as"], second.id: None}
    shown = door.call("GET", f"{LIST}/{first.id}").json
    assert (shown["retried_as"], shown["error"]["code"]) == (made["retried_as"], "timeout")
    assert shown["links"]["retry"] == f"/async/words/{first.id}/retry"


def test_only_a_failed_request_is_shown_as_a_dead_letter(door):
    cancelled = plant(door, status=Status.CANCELLED, failure=None)
    answer = door.call("GET", f"{LIST}/{cancelled.id}")
    assert (answer.status, answer.json["code"]) == (409, "not_a_dead_letter")
    assert door.call("GET", f"{LIST}/{'b' * 26}").json["code"] == "unknown_request"


def test_redriving_by_ids_says_what_became_of_each_and_one_failure_stops_nobody(door):
    good, gone = plant(door, body=b"good"), plant(door)
    del door.objects.bodies[gone.payload.key]
    cancelled = plant(door, status=Status.CANCELLED, failure=None)
    past = plant(door, expires_at=door.clock() // 1000)
    answer = redrive(door, ids=[good.id, gone.id, cancelled.id, past.id, "b" * 26, "x", good.id])
    assert (answer["redriven"], answer["already_redriven"]) == (1, 0)
    (made,) = answer["retries"]
    assert made["id"] == good.id
    assert {entry["id"]: entry["code"] for entry in answer["failures"]} == {
        gone.id: "payload_gone",
        cancelled.id: "not_a_dead_letter",
        past.id: "unknown_request",
        "b" * 26: "unknown_request",
        "x": "unknown_request",
    }
    (retry,) = [one for one in door.records.rows.values() if one.retry_of]
    assert (retry.id, retry.retry_of) == (made["retried_as"], good.id)
    assert "not_tried" not in answer
    assert "next_cursor" not in answer


def test_redriving_all_twice_gives_one_request_each(door):
    dead = [plant(door, seconds_ago=900 - number) for number in range(20)]
    first = redrive(door, all=True)
    door.clock.advance(1)
    second = redrive(door, all=True)
    assert (first["redriven"], first["already_redriven"]) == (20, 0)
    assert (second["redriven"], second["already_redriven"]) == (0, 20)
    assert first["retries"] == second["retries"]
    assert len(door.records.rows) == 2 * len(dead)
    assert len(door.queue) == len(dead)
    assert door.accepted.count(("word-count", False)) == len(dead)


def test_a_filter_redrives_what_it_matches_only(door):
    plant(door, code="worker_lost")
    wanted = plant(door)
    answer = redrive(door, filter={"error": "timeout"})
    assert [entry["id"] for entry in answer["retries"]] == [wanted.id]


@pytest.mark.parametrize("work", [redrive, purge])
def test_one_call_does_a_page_and_the_cursor_goes_on_to_the_end(door, work):
    dead = [plant(door, seconds_ago=5000 - number) for number in range(MAX_IDS + 30)]
    counts: list[int] = []
    cursor: dict[str, str] = {}
    for _ in range(10):
        answer = work(door, all=True, **cursor)
        counts.append(answer["redriven"] if work is redrive else answer["purged"])
        if "next_cursor" not in answer:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert sum(counts) == len(dead)
    assert max(counts) <= MAX_IDS
    assert "next_cursor" not in answer


class Slow:
    """Copies that take their time."""

    def __init__(self, door, *, seconds):
        self._copies, self._clock, self._seconds = door.copies, door.clock, seconds

    def copy(self, source, key):
        self._clock.advance(self._seconds)
        self._copies.copy(source, key)


def test_a_call_that_runs_out_of_time_says_where_to_go_on_and_loses_none(door):
    dead = [plant(door, seconds_ago=900 - number) for number in range(3 * AT_ONCE)]
    door.copies = Slow(door, seconds=MAX_SECONDS / AT_ONCE)
    door.build()
    first = redrive(door, all=True)
    assert first["redriven"] == AT_ONCE
    rest = redrive(door, all=True, cursor=first["next_cursor"])
    assert rest["redriven"] == AT_ONCE
    newest_first = [one.id for one in reversed(dead)]
    assert [entry["id"] for entry in first["retries"] + rest["retries"]] == newest_first[: 2 * AT_ONCE]


def test_ids_that_there_was_no_time_for_are_named(door):
    dead = [plant(door) for _ in range(AT_ONCE + 3)]
    door.copies = Slow(door, seconds=MAX_SECONDS)
    door.build()
    answer = redrive(door, ids=[one.id for one in dead])
    assert answer["redriven"] == AT_ONCE
    assert answer["not_tried"] == [one.id for one in dead[AT_ONCE:]]


def test_large_payloads_are_not_copied_all_at_once(door):
    dead = [plant(door) for _ in range(4)]
    for one in dead:
        large = replace(one, payload=replace(one.payload, size_bytes=3_000_000_000))
        door.records.rows[one.key] = large
    door.copies = Slow(door, seconds=MAX_SECONDS)
    door.build()
    answer = redrive(door, ids=[one.id for one in dead])
    assert (answer["redriven"], len(answer["not_tried"])) == (1, 3)


def test_a_store_that_fails_is_each_ones_own_failure_and_asking_again_heals(door):
    dead = [plant(door) for _ in range(3)]
    whole = door.outbox
    door.outbox = Broken(whole, before=["send"])
    door.build()
    answer = redrive(door, all=True)
    assert answer["redriven"] == 0
    assert {entry["code"] for entry in answer["failures"]} == {"unavailable"}
    door.outbox = whole
    door.build()
    door.clock.advance(1)
    assert redrive(door, all=True)["already_redriven"] == len(dead)
    assert len(door.queue) == len(dead)


def test_a_purge_deletes_bodies_and_record_and_nothing_else(door):
    result = ResultRef(key="results/r", size_bytes=1, status_code=500)
    gone, kept = plant(door, result=result), plant(door)
    door.objects.bodies["results/r"] = b"because"
    assert purge(door, ids=[gone.id]) == {"purged": 1, "failures": []}
    assert set(door.records.rows) == {kept.key}
    assert set(door.objects.bodies) == {kept.payload.key}


def test_a_purge_never_touches_an_object_of_the_users(door):
    made = plant(door)
    door.objects.foreign["pictures", made.payload.key] = b"cat"
    foreign = replace(made, payload=replace(made.payload, bucket="pictures"))
    door.records.rows[made.key] = foreign
    purge(door, ids=[made.id])
    assert door.objects.bodies == {made.payload.key: b"x"}
    assert door.objects.foreign == {("pictures", made.payload.key): b"cat"}


@pytest.mark.parametrize("method", ["delete", "purge"])
def test_a_purge_that_breaks_off_can_be_done_again(door, method):
    made = plant(door)
    part = "objects" if method == "delete" else "records"
    whole = getattr(door, part)
    setattr(door, part, Broken(whole, before=[method]))
    door.build()
    assert [one["code"] for one in purge(door, ids=[made.id])["failures"]] == ["unavailable"]
    assert made.key in door.records.rows, "the record is what finds the bodies, so it goes last"
    setattr(door, part, whole)
    door.build()
    assert purge(door, ids=[made.id])["purged"] == 1
    assert not door.objects.bodies


def test_what_ended_just_now_is_not_purged_because_the_queue_remembers_its_id(door):
    made = plant(door, seconds_ago=QUIET_SECONDS - 1)
    answer = purge(door, all=True)
    assert [entry["code"] for entry in answer["failures"]] == ["ended_too_recently"]
    assert made.key in door.records.rows
    door.clock.advance(1)
    assert purge(door, all=True)["purged"] == 1


@pytest.mark.parametrize("members", [{}, {"confirm": "thumbnail"}, {"confirm": True}, {"confirm": None}])
def test_a_purge_that_does_not_name_its_api_is_refused(door, members):
    made = plant(door)
    answer = post(door, "purge", all=True, **members)
    assert (answer.status, answer.json["code"]) == (400, "not_confirmed")
    assert made.key in door.records.rows


@pytest.mark.parametrize("what", ["redrive", "purge"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_selection"),
        (b"[]", "invalid_selection"),
        (b"{}", "invalid_selection"),
        (b'{"all": false}', "invalid_selection"),
        (b'{"all": 1}', "invalid_selection"),
        (b'{"all": true, "ids": ["a"]}', "invalid_selection"),
        (b'{"ids": []}', "invalid_selection"),
        (b'{"ids": "a"}', "invalid_selection"),
        (b'{"ids": [1]}', "invalid_selection"),
        (b'{"ids": ["a"], "cursor": "c"}', "invalid_selection"),
        (json.dumps({"ids": ["a"] * (MAX_IDS + 1)}).encode(), "invalid_selection"),
        (b'{"filter": {"errror": "timeout"}}', "invalid_selection"),
        (b'{"filter": {"error": 1}}', "invalid_selection"),
        (b'{"filter": {"limit": "1"}}', "invalid_selection"),
        (b'{"filter": []}', "invalid_selection"),
        (b'{"filter": {"error": "unheard_of"}}', "invalid_query"),
        (b'{"filter": {"created_after": "yesterday"}}', "invalid_query"),
        (b'{"all": true, "cursor": 1}', "invalid_selection"),
        (b'{"all": true, "cursor": "broken"}', "invalid_cursor"),
        (b'{"all": true, "limit": 5}', "invalid_selection"),
        (b"[" * 100_000, "invalid_selection"),
    ],
)
def test_a_body_that_does_not_say_which_dead_letters_is_refused(door, what, body, code):
    made = plant(door)
    answer = door.call("POST", f"{LIST}/{what}", body=body)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert list(door.records.rows) == [made.key]


def test_a_cursor_of_another_filter_is_refused(door):
    for number in range(MAX_IDS + 1):
        plant(door, seconds_ago=5000 - number)
    cursor = redrive(door, all=True)["next_cursor"]
    answer = post(door, "redrive", filter={"error": "timeout"}, cursor=cursor)
    assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


def test_records_that_cannot_be_read_are_told_as_such(door):
    made = plant(door)

    class Down:
        def __getattr__(self, _name):
            def fail(*_args, **_kwargs):
                raise DependencyError("down")

            return fail

    door.directory = Down()
    door.build()
    for answer in (
        post(door, "redrive", ids=[made.id]),
        post(door, "redrive", all=True),
        door.call("GET", LIST),
        door.call("GET", f"{LIST}/{made.id}"),
    ):
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
