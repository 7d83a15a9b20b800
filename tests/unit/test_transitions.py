from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import transitions
from penstock.outcomes import UNDELIVERABLE, WORKER_LOST
from penstock.records import ResultRef, Status
from penstock.transitions import TABLE, Move
from tests.examples import NOW_MS, record

MINE, OTHERS = "mine", "others"
RETENTION = 7 * 24 * 3600

moments = st.integers(NOW_MS - 100_000, NOW_MS + 100_000)
records = st.builds(
    record,
    status=st.sampled_from(Status),
    attempt=st.integers(0, 5),
    releases=st.integers(0, 25),
    not_before_ms=moments,
    deadline_ms=moments,
    lease=st.sampled_from([None, MINE, OTHERS]),
    lease_until_ms=st.none() | moments,
    due_ms=st.none() | moments,
)

EVERY = {
    Move.CLAIM: transitions.claim(lease=MINE, now_ms=NOW_MS, lease_until_ms=NOW_MS + 30_000, max_attempts=3),
    Move.RENEW: transitions.renew(lease=MINE, lease_until_ms=NOW_MS + 30_000),
    Move.RELEASE: transitions.release(
        lease=MINE, not_before_ms=NOW_MS, deadline_ms=NOW_MS + 90_000, releases=0
    ),
    Move.RETRY: transitions.retry(
        lease=MINE, not_before_ms=NOW_MS + 5, deadline_ms=NOW_MS + 90_000, failure=WORKER_LOST
    ),
    Move.COMPLETE: transitions.conclude(
        lease=MINE, now_ms=NOW_MS, retention_seconds=RETENTION, failure=None,
        result=ResultRef(key="r", size_bytes=1, status_code=200),
    ),
    Move.FAIL: transitions.conclude(
        lease=MINE, now_ms=NOW_MS, retention_seconds=RETENTION, failure=WORKER_LOST, result=None
    ),
    Move.GIVE_UP: transitions.give_up(
        now_ms=NOW_MS, retention_seconds=RETENTION, max_attempts=3, failure=WORKER_LOST
    ),
    Move.BURY: transitions.bury(now_ms=NOW_MS, retention_seconds=RETENTION, failure=UNDELIVERABLE),
    Move.CANCEL: transitions.cancel(now_ms=NOW_MS, retention_seconds=RETENTION),
    Move.EXPIRE: transitions.expire(now_ms=NOW_MS, retention_seconds=RETENTION),
}  # fmt: skip


def test_every_move_of_the_table_can_be_made():
    assert set(EVERY) == set(TABLE)


@given(records, st.sampled_from(list(Move)))
def test_moves_start_and_end_where_the_table_says_so_no_terminal_record_ever_changes(before, move):
    if EVERY[move].permits(before):
        assert before.status in TABLE[move].sources
        assert not before.status.terminal
        assert EVERY[move].apply(before).status is TABLE[move].target


@given(records, st.sampled_from([Move.RENEW, Move.RELEASE, Move.RETRY, Move.COMPLETE, Move.FAIL]))
def test_a_worker_without_the_lease_changes_nothing(before, move):
    assert not EVERY[move].permits(replace(before, lease=OTHERS))


@given(records)
def test_a_live_lease_cannot_be_claimed(before):
    live = replace(before, status=Status.IN_PROGRESS, lease_until_ms=max(NOW_MS, before.lease_until_ms or 0))
    assert not EVERY[Move.CLAIM].permits(live)
    assert not EVERY[Move.GIVE_UP].permits(live)
    assert not EVERY[Move.BURY].permits(live)


@given(records)
def test_no_attempt_starts_too_early_too_late_or_once_too_often(before):
    if EVERY[Move.CLAIM].permits(before):
        assert before.attempt < 3
        assert before.deadline_ms > NOW_MS
        if before.status is Status.IN_QUEUE:
            assert before.not_before_ms <= NOW_MS


@given(
    records, st.sampled_from([Move.CLAIM, Move.RELEASE, Move.RETRY, Move.COMPLETE, Move.FAIL, Move.CANCEL])
)
def test_meeting_ones_own_effect_is_success(before, move):
    transition = EVERY[move]
    if transition.permits(before):
        after = transition.apply(before)
        assert transitions.all_hold(transition.achieved, after)


@given(records)
def test_a_strangers_outcome_is_not_taken_for_ones_own(before):
    ended = replace(before, status=Status.COMPLETED, lease=OTHERS)
    assert not transitions.all_hold(EVERY[Move.COMPLETE].achieved, ended)


@given(records)
def test_an_end_that_others_wrote_is_not_taken_for_ones_own(before):
    """The last worker of a request that was given up may come back and meet that end."""
    for move in (Move.GIVE_UP, Move.BURY):
        if EVERY[move].permits(before):
            after = EVERY[move].apply(before)
            assert not transitions.all_hold(EVERY[Move.FAIL].achieved, after)


def test_a_retry_counts_its_attempt_and_keeps_why_it_failed():
    running = record(status=Status.IN_PROGRESS, lease=MINE, attempt=2, lease_until_ms=NOW_MS)
    waiting = EVERY[Move.RETRY].apply(running)
    assert (waiting.attempt, waiting.releases) == (2, 0)
    assert (waiting.not_before_ms, waiting.last_failure) == (NOW_MS + 5, WORKER_LOST)


@pytest.mark.parametrize(
    "move", [Move.COMPLETE, Move.FAIL, Move.GIVE_UP, Move.BURY, Move.CANCEL, Move.EXPIRE]
)
def test_only_an_end_sets_the_time_to_live_counted_from_that_end(move):
    assert EVERY[move].assign["expires_at"] == NOW_MS // 1000 + RETENTION


@pytest.mark.parametrize("move", [Move.CLAIM, Move.RENEW, Move.RELEASE, Move.RETRY])
def test_a_live_record_has_no_time_to_live(move):
    assert "expires_at" not in EVERY[move].assign


@pytest.mark.parametrize(
    ("releases_before", "attempt_after"),
    [
        (0, 0),  # given back
        (19, 0),  # the twentieth release still gives back
        (20, 1),  # from then on an interruption counts
    ],
)
def test_a_release_gives_its_attempt_back_twenty_times(releases_before, attempt_after):
    running = record(status=Status.IN_PROGRESS, lease=MINE, attempt=1, releases=releases_before)
    back = transitions.release(
        lease=MINE, not_before_ms=NOW_MS, deadline_ms=NOW_MS + 90_000, releases=releases_before
    ).apply(running)
    assert (back.attempt, back.releases) == (attempt_after, releases_before + 1)
    assert back.lease_until_ms is None


def test_a_claim_counts_an_attempt_and_notes_its_start_and_lease():
    claimed = EVERY[Move.CLAIM].apply(record())
    assert (claimed.attempt, claimed.started_ms, claimed.lease) == (1, NOW_MS, MINE)
    assert claimed.lease_until_ms == NOW_MS + 30_000


@given(records, st.sampled_from(list(Move)))
def test_an_open_request_is_due_at_its_leases_end_or_its_deadline_and_an_ended_one_never(before, move):
    before = replace(before, deadline_ms=NOW_MS + 90_000)
    if EVERY[move].permits(before):
        after = EVERY[move].apply(before)
        expected = {Status.IN_QUEUE: after.deadline_ms, Status.IN_PROGRESS: after.lease_until_ms}
        assert after.due_ms == expected.get(after.status)
