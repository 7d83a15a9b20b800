from __future__ import annotations

from dataclasses import replace
from threading import Event

import pytest

from gateway_lambda.waiting import MAX_WAIT_SECONDS
from penstock.ports import DependencyError
from penstock.records import ResultRef, Status
from penstock.testing import MemoryRecords, MemorySlots
from tests.unit.gateway.front_door import FrontDoor


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def wait(seconds) -> dict[str, str]:
    return {"Prefer": f"wait={seconds}"}


def post(door, seconds, **parts):
    return door.call("POST", "/async/words", body=b"x", headers=wait(seconds), **parts)


def end_after(door, pauses, body=b'{"words": 1}'):
    """Let the request end while a caller makes its so many-th pause."""

    def meanwhile():
        if len(door.pauses_seconds) == pauses:
            record = door.only_record
            result = ResultRef(
                key="results/r", size_bytes=len(body), status_code=200, content_type="application/json"
            )
            door.objects.bodies["results/r"] = body
            door.records.rows[record.key] = replace(
                record, status=Status.COMPLETED, result=result, finished_ms=door.clock()
            )

    door.meanwhile = meanwhile


def test_a_submission_that_ends_in_time_is_answered_with_its_end(door):
    end_after(door, 3)
    answer = post(door, 10)
    assert answer.status == 200
    assert (answer.json["status"], answer.json["result"]) == ("completed", {"words": 1})
    assert answer.headers["preference-applied"] == "wait=10"
    assert answer.headers["location"] == f"words/{answer.json['id']}"
    assert door.accepted == [("word-count", False)]


def test_a_submission_that_does_not_is_accepted_as_ever(door):
    answer = post(door, 3)
    assert (answer.status, answer.json["status"]) == (202, "in_queue")
    assert answer.headers["preference-applied"] == "wait=3"
    assert sum(door.pauses_seconds) == pytest.approx(3, abs=0.01)


def test_a_status_is_waited_for_too(door):
    request_id = door.call("POST", "/async/words", body=b"x").json["id"]
    end_after(door, 2)
    answer = door.call("GET", f"/async/words/{request_id}", headers=wait(25))
    assert (answer.status, answer.json["result"]) == (200, {"words": 1})
    assert answer.headers["preference-applied"] == "wait=25"


def test_looks_grow_rarer(door):
    post(door, 5)
    assert door.pauses_seconds[:8] == pytest.approx([0.1, 0.15, 0.225, 0.3375, 0.50625, 0.759375, 1, 1])


def test_nobody_waits_longer_than_api_gateway_would(door):
    answer = post(door, 999_999_999)
    assert answer.headers["preference-applied"] == f"wait={MAX_WAIT_SECONDS}"
    assert sum(door.pauses_seconds) == pytest.approx(MAX_WAIT_SECONDS, abs=0.01)


@pytest.mark.parametrize(
    ("begun_ago_seconds", "waited_seconds"),
    [
        (4, 21),  # a cold start has used up some of API Gateway's patience
        (25, 0),  # or all of it
        (90, 0),
        (-3, 25),  # its clock is ahead of ours
    ],
)
def test_a_wait_that_begins_late_ends_in_time(door, begun_ago_seconds, waited_seconds):
    answer = post(door, 25, received_ms=door.clock() - begun_ago_seconds * 1000)
    assert answer.status == 202
    assert sum(door.pauses_seconds) == pytest.approx(waited_seconds, abs=0.01)


def test_no_preference_is_no_wait_and_a_wait_of_0_is_honoured_at_once(door):
    plain = door.call("POST", "/async/words", body=b"x")
    zero = post(door, 0)
    assert "preference-applied" not in plain.headers
    assert (zero.status, zero.headers["preference-applied"]) == (202, "wait=0")
    assert (door.pauses_seconds, door.slots.held) == ([], {})


@pytest.mark.parametrize("seconds", ["-1", "1e9", "1000000000", "soon", "1.5", ""])
def test_a_wait_that_is_no_number_of_seconds_is_refused_before_anything_is_stored(door, seconds):
    answer = post(door, seconds)
    assert (answer.status, answer.json["code"]) == (400, "invalid_preference")
    assert door.records.rows == {}


def test_a_request_that_has_ended_needs_no_slot(door):
    request_id = post(door, 0).json["id"]
    door.call("DELETE", f"/async/words/{request_id}")
    door.slot_count = 0
    door.build()
    answer = door.call("GET", f"/async/words/{request_id}", headers=wait(9))
    assert (answer.json["status"], answer.headers["preference-applied"]) == ("cancelled", "wait=9")


def test_a_replay_of_a_request_that_has_ended_is_answered_with_its_end(door):
    key = {"Idempotency-Key": "a"}
    request_id = door.call("POST", "/async/words", body=b"x", headers=key).json["id"]
    door.call("DELETE", f"/async/words/{request_id}")
    plain, waiting = (
        door.call("POST", "/async/words", body=b"x", headers=key | preference) for preference in ({}, wait(5))
    )
    assert (plain.status, waiting.status) == (202, 200)
    assert waiting.json["status"] == "cancelled"


def test_when_too_many_wait_the_answer_is_immediate_and_says_so_by_its_silence(door):
    for slot in range(door.slot_count):
        door.slots.take(slot, token="other", now_ms=door.clock(), until_ms=door.clock() + 30_000)
    answer = post(door, 25)
    assert answer.status == 202
    assert "preference-applied" not in answer.headers
    assert door.pauses_seconds == []


def test_a_second_slot_is_tried(door):
    door.slots.take(0, token="other", now_ms=door.clock(), until_ms=door.clock() + 30_000)
    assert post(door, 1).headers["preference-applied"] == "wait=1"


def test_while_one_waits_it_holds_a_slot_that_outlives_its_death_only_shortly(door):
    held = []
    door.meanwhile = lambda: held.append(dict(door.slots.held))
    start_ms = door.clock()
    post(door, 10)
    ((_, until_ms),) = held[0].values()
    assert until_ms == start_ms + 15_000
    assert door.slots.held == {}


def test_a_slot_is_freed_also_when_looking_fails(door):
    class Down(MemoryRecords):
        def get(self, key):
            raise DependencyError("down")

    door.records = Down()
    door.build()
    answer = post(door, 10)
    assert (answer.status, answer.headers["preference-applied"]) == (202, "wait=10")
    assert len(door.pauses_seconds) == 1
    assert door.slots.held == {}


@pytest.mark.parametrize("hangs", ["get", "take", "free"])
def test_a_store_that_hangs_does_not_hold_the_answer_back(door, hangs):
    released = Event()
    store = door.records if hangs == "get" else door.slots
    setattr(store, hangs, lambda *_arguments, **_named: released.wait(60))
    door.patience_seconds = 0.01
    door.build()
    # The wait is over but for the patience, so that no real time passes.
    door.meanwhile = lambda: door.clock.advance(10)
    try:
        assert post(door, 10).status == 202
        assert not released.is_set()
    finally:
        released.set()


@pytest.mark.parametrize("broken", ["take", "free"])
def test_slots_that_fail_cost_the_wait_at_most(door, broken):
    class Down(MemorySlots):
        pass

    def fail(*_arguments, **_named):
        raise DependencyError("down")

    setattr(Down, broken, fail)
    door.slots = Down()
    door.build()
    answer = post(door, 1)
    assert answer.status == 202
    assert ("preference-applied" in answer.headers) == (broken == "free")


def test_a_record_that_vanishes_meanwhile_is_told_as_it_was(door):
    door.meanwhile = door.records.rows.clear
    assert post(door, 1).json["status"] == "in_queue"
