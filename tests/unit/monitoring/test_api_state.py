from __future__ import annotations

from typing import Any

import pytest

from penstock.api_state import NEWS_MS, PROVEN_AFTER_MS, ApiState, outline, status_of
from penstock.workers import ServiceView, Worker, WorkerState

NOW_MS = 1_700_000_000_000
NO_ROOM = (
    "(service echo) was unable to place a task because no container instance met all of its requirements."
)
IMPAIRED = "(service echo) is unable to consistently start tasks successfully."


def service(desired: int = 1, running: int = 0, pending: int = 0, **more: Any) -> ServiceView:
    return ServiceView(desired=desired, running=running, pending=pending, **more)


def worker(state: WorkerState, *, ago_ms: int = 1000, reason: str = "") -> Worker:
    return Worker(id="w", state=state, since_ms=NOW_MS - ago_ms, reason=reason)


READY = worker(WorkerState.READY, ago_ms=5000)
PENDING = worker(WorkerState.PENDING)


@pytest.mark.parametrize(
    ("found", "workers", "state"),
    [
        (service(desired=0), [], ApiState.IDLE),
        # What failed before it was scaled in does not matter now.
        (service(desired=0), [worker(WorkerState.FAILED)], ApiState.IDLE),
        (service(), [], ApiState.PENDING),
        (service(), [PENDING], ApiState.PENDING),
        (service(), [worker(WorkerState.STALLED)], ApiState.STALLED),
        (service(running=1), [READY], ApiState.READY),
        # A BatchAPI has no service.
        (None, [], ApiState.IDLE),
        (None, [PENDING], ApiState.PENDING),
        (None, [READY], ApiState.READY),
        (None, [worker(WorkerState.STOPPED)], ApiState.IDLE),
        (None, [worker(WorkerState.OUT_OF_MEMORY)], ApiState.OUT_OF_MEMORY),
        *(
            (service(), [PENDING, worker(state)], ApiState(state))
            for state in (
                WorkerState.IMAGE_PULL_ERROR,
                WorkerState.START_ERROR,
                WorkerState.OUT_OF_MEMORY,
                WorkerState.FAILED,
            )
        ),
        # Neither is a fault that another worker will meet.
        (service(), [PENDING, worker(WorkerState.INTERRUPTED)], ApiState.PENDING),
        (service(), [PENDING, worker(WorkerState.STOPPED)], ApiState.PENDING),
        # Old news.
        (service(), [PENDING, worker(WorkerState.FAILED, ago_ms=NEWS_MS + 1)], ApiState.PENDING),
        (service(messages=(NO_ROOM,)), [], ApiState.NO_CAPACITY),
        (service(messages=(IMPAIRED,)), [], ApiState.FAILED),
        # It said so earlier, and has gone on since.
        (service(messages=("(service echo) has started 1 tasks.", NO_ROOM)), [PENDING], ApiState.PENDING),
    ],
)
def test_the_state_follows_from_service_and_workers(found, workers, state):
    assert status_of(found, workers, now_ms=NOW_MS).state is state


def test_a_crash_loop_is_no_readiness_between_two_crashes():
    crashed = worker(WorkerState.FAILED, ago_ms=3000, reason="exited with 1")
    young = worker(WorkerState.READY, ago_ms=PROVEN_AFTER_MS - 1)
    proven = worker(WorkerState.READY, ago_ms=PROVEN_AFTER_MS)

    assert status_of(service(running=1), [young, crashed], now_ms=NOW_MS).state is ApiState.FAILED
    assert status_of(service(running=1), [proven, crashed], now_ms=NOW_MS).state is ApiState.READY


def test_the_newest_of_several_faults_is_told():
    older = worker(WorkerState.OUT_OF_MEMORY, ago_ms=9000, reason="older")
    newer = worker(WorkerState.IMAGE_PULL_ERROR, ago_ms=8000, reason="newer")
    found = status_of(service(), [older, newer], now_ms=NOW_MS)
    assert (found.state, found.problem) == (ApiState.IMAGE_PULL_ERROR, "newer")


def test_an_api_that_works_with_too_few_workers_says_what_keeps_the_others_away():
    failed = worker(WorkerState.OUT_OF_MEMORY, reason="memory")
    proven = worker(WorkerState.READY, ago_ms=PROVEN_AFTER_MS)
    assert status_of(service(desired=2, running=1), [proven, failed], now_ms=NOW_MS).problem == "memory"
    assert status_of(service(desired=1, running=1), [proven, failed], now_ms=NOW_MS).problem == ""


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (None, ApiState.IDLE),
        (service(desired=0), ApiState.IDLE),
        # It is scaled in, and the last worker finishes what it does.
        (service(desired=0, running=1), ApiState.READY),
        (service(), ApiState.PENDING),
        (service(running=1), ApiState.READY),
        (service(failed_tasks=3), ApiState.FAILED),
        (service(messages=(NO_ROOM,)), ApiState.NO_CAPACITY),
        (service(messages=(IMPAIRED,)), ApiState.FAILED),
    ],
)
def test_the_outline_needs_the_service_alone(found, state):
    assert outline(found).state is state
