"""Batch jobs whose parts are killed, stopped and cheated; the ledger tells what the container saw."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from penstock import names
from penstock.batch.jobs import JobStatus
from penstock.client import DelimitedFiles, JobRequest
from tests.e2e.conftest import DEPLOYMENT
from tests.e2e.jobs import API, ENDPOINT, INPUTS, Ledger, counted, ended, gone, results, submit
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from penstock.client import JobState
    from tests.e2e.conftest import Stack

pytestmark = [
    pytest.mark.embedded_only("without ECS and Step Functions there are no jobs"),
    pytest.mark.timeout(300),
]

MANY = [{"n": number} for number in range(60)]
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


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def function_calls(stack: Stack, job: str) -> int:
    """How many functions the job's execution has called itself: prepare, plan, seal."""
    machine = names.state_machine(DEPLOYMENT, API)
    return _function_calls(stack, f"arn:aws:states:us-east-1:000000000000:execution:{machine}:{job}")


def enqueuing(stack: Stack, job: str) -> bool:
    """Whether a child of the job's execution has called a function; those that run workers have not yet."""
    states, machine = stack.aws("stepfunctions"), names.state_machine(DEPLOYMENT, API)
    execution = f"arn:aws:states:us-east-1:000000000000:execution:{machine}:{job}"
    runs = states.list_map_runs(executionArn=execution)["mapRuns"]
    children = [
        child["executionArn"]
        for run in runs
        for child in states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    ]
    return any(_function_calls(stack, child) for child in children)


def _function_calls(stack: Stack, execution: str) -> int:
    try:
        history = stack.aws("stepfunctions").get_execution_history(executionArn=execution)["events"]
    except ClientError:  # not there yet
        return 0
    scheduled = [event["taskScheduledEventDetails"] for event in history if event["type"] == "TaskScheduled"]
    return sum(details["resourceType"] == "lambda" for details in scheduled)


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
    found = next(pair for pair in stack.local.pairs(API) if pair.server_pid in servers)
    return found.dequeuer_pid


def complete(stack: Stack, state: JobState, items: Sequence[Mapping[str, object]]) -> None:
    """All items were worked on, all are counted once, and nothing is left."""
    ledger = Ledger(stack, state.id)
    assert counted([item for batch in ledger.done().values() for item in batch]) == counted(items)
    assert (state.status, state.total) == (JobStatus.SUCCEEDED, len(ledger.done()))
    assert (state.succeeded, state.failed, state.cancelled) == (state.total, 0, 0)
    gone(stack, state.id)


@pytest.fixture(scope="module")
def killed(stack: Stack) -> dict[str, str]:
    """Jobs that each lose a worker, at the same time: what it had comes back after half a minute."""
    jobs = {
        "working": submit(stack, SLOW, batch_size=2, results=True),
        "writing": submit(stack, SLOW),
        "telling": submit(stack, [{"n": 1}], config={"hook_seconds": 30}),
    }

    def kill_one(job: str, what: str, *, seen: int = 0) -> None:
        pid = worker(stack, job, seen=seen)
        eventually(partial(Ledger(stack, job).calls, what), within_seconds=60, what=f"{job}: {what}")
        os.kill(pid, signal.SIGKILL)

    with ThreadPoolExecutor(len(jobs)) as pool:
        kills = [
            # The first four batches, of as many at the same time, have been answered by then.
            pool.submit(kill_one, jobs["working"], "begun", seen=4),
            pool.submit(kill_one, jobs["writing"], "done"),
            pool.submit(kill_one, jobs["telling"], "complete"),
        ]
    for one in kills:
        one.result()
    return jobs


def test_batches_of_a_worker_that_is_killed_are_run_by_the_one_that_replaces_it(stack: Stack, killed):
    state = ended(stack, killed["working"], within_seconds=120)

    complete(stack, state, SLOW)
    ledger = Ledger(stack, state.id)
    assert len({call.pid for call in ledger.calls("done")}) > 1
    assert results(stack, state).keys() == ledger.done().keys()


def test_a_worker_that_is_killed_before_it_has_written_ends_makes_none_count_twice(stack: Stack, killed):
    """The container has answered them, and their ends are written a moment later."""
    complete(stack, ended(stack, killed["writing"], within_seconds=120), SLOW)


def test_a_worker_that_is_killed_while_it_tells_of_the_end_is_replaced_by_one_that_does(stack: Stack, killed):
    state = ended(stack, killed["telling"], within_seconds=120)

    ledger = Ledger(stack, state.id)
    assert (state.status, state.succeeded) == (JobStatus.SUCCEEDED, 1)
    assert state.hook is not None
    assert (state.hook.attempts, state.hook.error) == (2, None)
    assert [call.attempt for call in ledger.calls("complete")] == ["1", "2"]
    assert len(ledger.calls("begun")) == 1
    gone(stack, state.id)


def test_a_worker_that_is_told_to_leave_hands_its_work_on(stack: Stack):
    job = submit(stack, SLOW, batch_size=2)
    os.kill(worker(stack, job), signal.SIGTERM)

    complete(stack, ended(stack, job, within_seconds=120), SLOW)


def test_an_enqueuing_function_that_is_killed_is_called_again_and_no_batch_comes_twice(stack: Stack):
    with frozen(stack, "enqueue") as pids:
        job = submit(stack, MANY, batch_size=2)
        eventually(lambda: enqueuing(stack, job), within_seconds=30, what="enqueuing begins")
        kill(pids)

    complete(stack, ended(stack, job, within_seconds=120), MANY)
    assert len(Ledger(stack, job).calls("begun")) == 30


def test_an_enqueuing_function_that_is_killed_in_the_middle_sends_what_is_missing(stack: Stack):
    # Given batches of which only three fit into a message of SQS, so that each lies in the bucket
    lines = [{"n": number, "text": "x" * 75_000} for number in range(80)]
    s3 = stack.aws("s3")
    s3.create_bucket(Bucket=INPUTS)
    body = "".join(f"{json.dumps(line)}\n" for line in lines)
    s3.put_object(Bucket=INPUTS, Key="large/x.jsonl", Body=body.encode())
    source = DelimitedFiles(s3_paths=[f"s3://{INPUTS}/large/"], batch_size=4)

    # When the function is killed as soon as the first of them lies there
    job = stack.client.batch.submit(ENDPOINT, JobRequest(source=source, workers=1)).id
    eventually(lambda: stack.keys(f"jobs/{API}/{job}/bodies/"), within_seconds=30, what="a body is put")
    kill(function_pids(stack, "enqueue"))

    complete(stack, ended(stack, job, within_seconds=120), lines)


def test_a_planning_function_that_is_killed_is_called_again(stack: Stack):
    with frozen(stack, "plan") as pids:
        job = submit(stack, MANY, batch_size=2)
        eventually(lambda: function_calls(stack, job) == 1, within_seconds=30, what="it is called")
        kill(pids)

    complete(stack, ended(stack, job, within_seconds=120), MANY)


def test_a_sealing_function_that_is_killed_is_called_again(stack: Stack):
    with ExitStack() as until_planned:
        until_planned.enter_context(frozen(stack, "enqueue"))
        job = submit(stack, MANY, batch_size=2)
        eventually(lambda: enqueuing(stack, job), within_seconds=30, what="enqueuing begins")
        with frozen(stack, "plan") as pids:
            until_planned.close()
            eventually(lambda: function_calls(stack, job) == 3, within_seconds=30, what="it is called")
            kill(pids)

    complete(stack, ended(stack, job, within_seconds=120), MANY)


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
