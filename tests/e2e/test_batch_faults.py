"""Batch jobs whose parts are killed, stopped and cheated; the ledger tells what the container saw."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock import names
from penstock.batch.jobs import JobStatus
from penstock.client import DelimitedFiles, JobRequest
from tests.e2e.conftest import DEPLOYMENT
from tests.e2e.jobs import API, ENDPOINT, INPUTS, Ledger, counted, ended, gone, results, submit
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.client import JobState
    from tests.e2e.conftest import Stack

pytestmark = [
    pytest.mark.embedded_only("without ECS and Step Functions there are no jobs"),
    pytest.mark.timeout(300),
]

#: Each takes a while, so that something happens meanwhile.
SLOW = [{"n": number, "do": "slow"} for number in range(24)]


def function_pids(stack: Stack, step: str) -> list[int]:
    """The processes in which the emulator runs one of the jobs' functions."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={names.batch_function(DEPLOYMENT, step)}".encode()
    mine = f"PENSTOCK_LOCAL_STATE_DIR={stack.local.state.root}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # ended, or another user's
            continue
        if wanted in environment and mine in environment:
            found.append(int(entry.name))
    return found


@contextmanager
def frozen(stack: Stack, step: str) -> Iterator[list[int]]:
    """Have a function's processes stand still; there are some, as a job has run before."""
    pids = function_pids(stack, step)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield pids
    finally:
        for pid in set(pids) & set(function_pids(stack, step)):
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module", autouse=True)
def warm(stack: Stack) -> None:
    """A job that has run, so that each function has a process."""
    assert ended(stack, submit(stack, [1])).status is JobStatus.SUCCEEDED


def worker(stack: Stack, job: str, *, seen: int = 0) -> int:
    """The pid of a dequeuer whose server works on the job, once it has begun more calls than these."""
    eventually(
        lambda: len(Ledger(stack, job).calls("begun")) > seen, within_seconds=60, what="a batch is begun"
    )
    servers = {call.pid for call in Ledger(stack, job).calls("begun")[seen:]}
    [first, *_] = [pair for pair in stack.local.pairs(API) if pair.server_pid in servers]
    return first.dequeuer_pid


def complete(stack: Stack, state: JobState, items: list[dict[str, object]]) -> None:
    """All items were worked on, all are counted once, and nothing is left."""
    ledger = Ledger(stack, state.id)
    assert counted([item for batch in ledger.done().values() for item in batch]) == counted(items)
    assert (state.status, state.total) == (JobStatus.SUCCEEDED, len(ledger.done()))
    assert (state.succeeded, state.failed, state.cancelled) == (state.total, 0, 0)
    gone(stack, state.id)


def test_batches_of_a_worker_that_is_killed_are_run_by_the_one_that_replaces_it(stack: Stack):
    job = submit(stack, SLOW, batch_size=2, results=True)
    os.kill(worker(stack, job), signal.SIGKILL)

    state = ended(stack, job, within_seconds=120)

    complete(stack, state, SLOW)
    assert len({call.pid for call in Ledger(stack, job).calls("done")}) > 1
    assert results(stack, state).keys() == Ledger(stack, job).done().keys()


def test_a_worker_that_is_told_to_leave_hands_its_work_on(stack: Stack):
    job = submit(stack, SLOW, batch_size=2)
    os.kill(worker(stack, job), signal.SIGTERM)

    complete(stack, ended(stack, job, within_seconds=120), SLOW)


@pytest.mark.parametrize("step", ["enqueue", "plan"])
def test_a_function_that_is_killed_is_called_again_and_no_batch_comes_twice(stack: Stack, step: str):
    items = [{"n": number} for number in range(60)]
    with frozen(stack, step) as pids:
        job = submit(stack, items, batch_size=2)
        if step == "enqueue":
            eventually(
                lambda: stack.keys(f"jobs/{API}/{job}/chunks.jsonl"), within_seconds=30, what="it is planned"
            )
        # Once it has been called, and before it has done anything.
        time.sleep(1)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    complete(stack, ended(stack, job, within_seconds=120), items)
    assert len(Ledger(stack, job).calls("begun")) == 30


def test_a_stop_ends_the_job_with_counts_that_add_up(stack: Stack):
    # Given a job in the middle of its work
    job = submit(stack, SLOW, workers=1)
    worker(stack, job, seen=3)

    # When it is stopped, twice
    assert stack.client.batch.stop(ENDPOINT, job).status is JobStatus.STOPPING
    stack.client.batch.stop(ENDPOINT, job)

    # Then what has ended is counted, and the rest is cancelled
    state = ended(stack, job, within_seconds=60)
    assert (state.status, state.total) == (JobStatus.STOPPED, len(SLOW))
    assert state.succeeded is not None
    assert state.failed == 0
    assert state.cancelled == len(SLOW) - state.succeeded
    assert 0 < state.succeeded <= len(Ledger(stack, job).done()) < len(SLOW)
    assert Ledger(stack, job).calls("complete") == []
    gone(stack, job)


def test_a_stop_while_batches_are_enqueued_ends_the_job_and_leaves_nothing(stack: Stack):
    with frozen(stack, "enqueue"):
        job = submit(stack, [{"n": number} for number in range(40)], batch_size=2)
        eventually(
            lambda: stack.keys(f"jobs/{API}/{job}/chunks.jsonl"), within_seconds=30, what="it is planned"
        )
        stack.client.batch.stop(ENDPOINT, job)

    state = ended(stack, job, within_seconds=60)
    assert state.status is JobStatus.STOPPED
    gone(stack, job)


def test_a_job_that_takes_too_long_ends_as_timed_out(stack: Stack):
    job = submit(stack, SLOW, workers=1, config={"seconds": 4}, timeout_seconds=12)

    # The emulator looks at its schedules once in a while only.
    state = ended(stack, job, within_seconds=150)

    assert state.status is JobStatus.TIMED_OUT
    assert state.succeeded is not None
    assert state.cancelled == len(SLOW) - state.succeeded > 0
    gone(stack, job)


def test_a_file_that_is_replaced_under_a_job_fails_it_instead_of_mixing_both(stack: Stack):
    s3 = stack.aws("s3")
    s3.create_bucket(Bucket=INPUTS)
    s3.put_object(Bucket=INPUTS, Key="moving/x.jsonl", Body=b'{"n": 1}\n{"n": 2}\n')
    with frozen(stack, "enqueue"):
        source = DelimitedFiles(s3_paths=[f"s3://{INPUTS}/moving/"], batch_size=1)
        job = stack.client.batch.submit(ENDPOINT, JobRequest(source=source, workers=1)).id
        eventually(
            lambda: stack.keys(f"jobs/{API}/{job}/chunks.jsonl"), within_seconds=30, what="it is planned"
        )
        s3.put_object(Bucket=INPUTS, Key="moving/x.jsonl", Body=b'{"n": 3}\n{"n": 4}\n')

    state = ended(stack, job)

    assert state.status is JobStatus.ENQUEUE_FAILED
    assert state.error is not None
    assert f"s3://{INPUTS}/moving/x.jsonl" in state.error.message
    assert Ledger(stack, job).done() == {}
    gone(stack, job)
