from __future__ import annotations

import pytest
from hypothesis import given

from penstock.records import Status
from penstock.recovery import Drop, Keep, on_dead_letter, when_due
from penstock.transitions import Move, Transition
from tests.examples import NOW_MS, record
from tests.unit.test_transitions import EVERY, records


def due(found):
    return when_due(found, now_ms=NOW_MS, max_attempts=3, retention_seconds=60)


def dead_letter(found):
    return on_dead_letter(found, now_ms=NOW_MS, retention_seconds=60)


@pytest.mark.parametrize(
    ("changes", "move"),
    [
        # nobody started it in time
        ({"deadline_ms": NOW_MS - 1}, Move.EXPIRE),
        # its last worker died
        ({"status": Status.IN_PROGRESS, "attempt": 3, "lease_until_ms": NOW_MS - 1}, Move.GIVE_UP),
        # its worker died, and it may not start again
        (
            {
                "status": Status.IN_PROGRESS,
                "attempt": 1,
                "lease_until_ms": NOW_MS - 1,
                "deadline_ms": NOW_MS - 1,
            },
            Move.GIVE_UP,
        ),
        # its worker died, and its message will come back
        ({"status": Status.IN_PROGRESS, "attempt": 1, "lease_until_ms": NOW_MS - 1}, None),
        # its worker is alive, whatever the deadline
        (
            {
                "status": Status.IN_PROGRESS,
                "attempt": 3,
                "lease_until_ms": NOW_MS + 1,
                "deadline_ms": NOW_MS - 1,
            },
            None,
        ),
        # it has ended since the index was read
        ({"status": Status.COMPLETED, "deadline_ms": NOW_MS - 1}, None),
        ({}, None),
    ],
)
def test_what_is_due_ends_only_if_nobody_else_can_end_it(changes, move):
    ending = due(record(**changes))
    assert (ending and ending.move) == move


@given(records)
def test_what_the_sweeper_writes_is_allowed_and_ends_the_request(found):
    ending = due(found)
    if ending is not None:
        assert ending.permits(found)
        assert ending.apply(found).status.terminal
        assert not EVERY[Move.CLAIM].permits(found)


def test_a_dead_letter_without_a_request_or_of_an_ended_one_is_dropped():
    assert dead_letter(None) == Drop()
    for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED):
        assert dead_letter(record(status=status)) == Drop()


def test_a_dead_letter_of_running_work_is_kept():
    assert dead_letter(record(status=Status.IN_PROGRESS, lease_until_ms=NOW_MS)) == Keep()


@pytest.mark.parametrize(
    "changes", [{}, {"status": Status.IN_PROGRESS, "lease_until_ms": NOW_MS - 1, "lease": "dead"}]
)
def test_a_dead_letter_of_a_request_that_nobody_works_on_fails_it(changes):
    found = record(**changes)
    ending = dead_letter(found)
    after = ending.apply(found)
    assert (after.status, after.failure.code, after.lease) == (Status.FAILED, "undeliverable", None)
    assert (after.finished_ms, after.expires_at, after.due_ms) == (NOW_MS, NOW_MS // 1000 + 60, None)


@given(records)
def test_a_dead_letter_is_dropped_only_if_its_request_has_ended(found):
    match dead_letter(found):
        case Drop():
            assert found.status.terminal
        case Keep():
            assert found.status is Status.IN_PROGRESS
            assert not EVERY[Move.BURY].permits(found)
        case Transition() as ending:
            assert ending.permits(found)
