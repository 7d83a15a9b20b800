"""What may become of a job, whatever is tried on it in whatever order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from penstock.batch import moves
from penstock.batch.jobs import EARLY_ENDS, Hook, JobRecord, JobStatus
from penstock.batch.tallies import Tally
from penstock.transitions import Transition, all_hold

NOW_MS = 1_700_000_000_000
JOB = JobRecord(
    api="sum",
    id="7fff000000000000",
    status=JobStatus.PENDING,
    workers=2,
    caller="anonymous",
    fingerprint="f",
    created_ms=NOW_MS,
    max_attempts=3,
    expires_at=NOW_MS // 1000 + 86_400,
)

tallies = st.builds(Tally, succeeded=st.integers(0, 5), failed=st.integers(0, 5))
any_move = st.one_of(
    st.builds(moves.start, queue_url=st.sampled_from(["a", "b"]), now_ms=st.just(NOW_MS)),
    st.builds(moves.seal, total=st.integers(0, 10), now_ms=st.just(NOW_MS)),
    st.builds(moves.complete, now_ms=st.just(NOW_MS)),
    st.builds(
        moves.stop, ending=st.sampled_from(sorted(EARLY_ENDS)), failure=st.none(), now_ms=st.just(NOW_MS)
    ),
    st.builds(
        moves.finish,
        tally=tallies,
        hook=st.just(Hook(attempts=1, status_code=200)),
        now_ms=st.just(NOW_MS),
        retention_seconds=st.just(3600),
    ),
    st.builds(
        moves.end,
        ending=st.sampled_from(sorted(EARLY_ENDS)),
        total=st.none() | st.integers(0, 20),
        tally=tallies,
        now_ms=st.just(NOW_MS),
        retention_seconds=st.just(3600),
    ),
)


@given(st.lists(any_move, max_size=12))
def test_a_job_that_has_ended_never_changes_again(tried: list[Transition]):
    record = JOB
    for move in tried:
        before = record
        record = move.apply(record) if move.permits(record) else record
        if before.status.terminal:
            assert record == before


@given(st.lists(any_move, max_size=12))
def test_a_move_whose_answer_was_lost_is_recognised_when_it_is_tried_again(tried: list[Transition]):
    record = JOB
    for move in tried:
        if move.permits(record):
            record = move.apply(record)
            assert all_hold(move.achieved, record)


@given(st.lists(any_move, max_size=12))
def test_only_an_end_lets_a_running_job_be_forgotten(tried: list[Transition]):
    record = JOB
    for move in tried:
        record = move.apply(record) if move.permits(record) else record
        assert (record.expires_at is not None) is (record.status.terminal or record.started_ms is None)


@given(total=st.integers(0, 20), tally=tallies)
def test_counts_of_a_stopped_job_add_up(total: int, tally: Tally):
    stopping = replace(JOB, status=JobStatus.STOPPING, total=total)
    ended = moves.end(
        ending=JobStatus.STOPPED, total=total, tally=tally, now_ms=NOW_MS, retention_seconds=60
    ).apply(stopping)
    counts = (ended.succeeded or 0, ended.failed or 0, ended.cancelled or 0)
    assert sum(counts) == max(total, tally.finished)


def test_the_first_reason_to_stop_stays():
    running = replace(JOB, status=JobStatus.RUNNING)
    stopped = moves.stop(ending=JobStatus.STOPPED, failure=None, now_ms=NOW_MS).apply(running)
    later = moves.stop(ending=JobStatus.TIMED_OUT, failure=None, now_ms=NOW_MS)
    assert not later.permits(stopped)
    assert stopped.ending is JobStatus.STOPPED
