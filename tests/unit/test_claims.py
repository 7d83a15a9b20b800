from __future__ import annotations

from hypothesis import given

from penstock.claims import Discard, End, Hide, after_refused_claim
from penstock.records import Status
from penstock.transitions import Move
from tests.examples import NOW_MS, record
from tests.unit.test_transitions import EVERY, records


def decide(found):
    return after_refused_claim(found, now_ms=NOW_MS, max_attempts=3, retention_seconds=60)


def test_a_message_without_a_record_is_deleted():
    assert isinstance(decide(None), Discard)


def test_a_message_of_a_finished_request_is_deleted():
    assert decide(record(status=Status.CANCELLED)) == Discard("cancelled")


def test_a_message_of_running_work_is_hidden_for_the_rest_of_its_lease():
    running = record(status=Status.IN_PROGRESS, attempt=1, lease_until_ms=NOW_MS + 12_500)
    assert decide(running) == Hide(13)


def test_a_message_that_must_wait_is_hidden_until_it_is_due():
    assert decide(record(not_before_ms=NOW_MS + 4_000)) == Hide(5)


def test_the_last_attempts_dead_lease_ends_the_request():
    dead = record(status=Status.IN_PROGRESS, attempt=3, lease_until_ms=NOW_MS - 1)
    decision = decide(dead)
    assert isinstance(decision, End)
    assert decision.transition.move is Move.GIVE_UP
    assert decision.transition.apply(dead).failure.code == "worker_lost"


def test_a_lease_that_died_past_the_deadline_ends_the_request_as_no_attempt_may_start_any_more():
    dead = record(status=Status.IN_PROGRESS, attempt=1, lease_until_ms=NOW_MS - 1, deadline_ms=NOW_MS)
    decision = decide(dead)
    assert isinstance(decision, End)
    assert decision.transition.move is Move.GIVE_UP
    failure = decision.transition.apply(dead).failure
    assert (failure.code, "deadline" in failure.message) == ("worker_lost", True)


def test_a_request_past_its_deadline_expires():
    decision = decide(record(deadline_ms=NOW_MS))
    assert isinstance(decision, End)
    assert decision.transition.move is Move.EXPIRE


@given(records)
def test_a_refused_claim_never_loses_a_message_that_is_needed_nor_waits_past_the_queues_limits(found):
    if EVERY[Move.CLAIM].permits(found):
        return
    match decide(found):
        case Discard():
            assert found.status.terminal
        case Hide(seconds):
            assert 1 <= seconds <= 12 * 3600
            assert not found.status.terminal
        case End(transition):
            assert transition.permits(found)
