"""The dequeuer in batch mode as a process: real signals, real clients, a real container."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import ExitStack
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from moto.server import ThreadedMotoServer

from localstack.emulator import free_port
from penstock.batch.jobs import Hook, JobStatus
from tests.processes.job_rig import SPEC, JobRig
from tests.waiting import eventually


@pytest.fixture(scope="module")
def moto_url():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def rig(moto_url, tmp_path):
    with ExitStack() as stack:
        yield JobRig(moto_url, tmp_path, stack)


def numbers(count: int) -> list[list[int]]:
    return [[number, number + 1] for number in range(count)]


def test_a_job_is_drained_its_results_are_listed_and_its_workers_leave(rig):
    rig.tell("refused.json", ["0-3"])
    rig.begin(numbers(20), results=True)
    rig.start_container()
    workers = [rig.start_worker(max_concurrency=4), rig.start_worker(poll_seconds=20)]
    done = rig.ended()
    ended = time.monotonic()
    assert [worker.exit_code() for worker in workers] == [0, 0]
    # A look every five seconds, and no waiting for the poll.
    assert time.monotonic() - ended < 10
    assert (done.status, done.total) == (JobStatus.COMPLETED_WITH_FAILURES, 20)
    assert (done.succeeded, done.failed, done.cancelled) == (19, 1, 0)
    # The ledger's word against ours.
    served = {f"0-{number}" for number in range(20)} - {"0-3"}
    assert set(rig.served) == served
    sums = {line["batch"]: line["result"]["sum"] for line in rig.lines("results")}
    assert sums == {batch: 2 * int(batch[2:]) + 1 for batch in served}
    [error] = rig.lines("errors")
    assert (error["batch"], error["result"]) == ("0-3", {"error": "refused"})
    [failed] = rig.parts.failed(rig.key, after=None, limit=10)
    assert rig._read(failed.body_key) == [[3, 4]]
    [hook] = [line for line in rig.ledger if "hook" in line]
    assert (hook["job"], hook["told"]["status"]) == (rig.key.id, "completed_with_failures")
    assert (hook["told"]["succeeded"], hook["told"]["config"]) == (19, {"model": "small"})
    assert done.hook == Hook(attempts=1, status_code=200)
    assert rig.messages() == 0
    assert all(tally.left_ms for tally in rig.parts.tallies(rig.key))


def test_the_job_has_ended_less_than_two_seconds_after_its_last_batch(rig):
    rig.begin(numbers(1))
    rig.start_container()
    rig.hold(0)
    rig.start_worker(poll_seconds=5)
    eventually(lambda: rig.begun, within_seconds=20, what="the batch runs")
    rig.hold()
    last = time.monotonic()
    rig.ended(within_seconds=10)
    assert time.monotonic() - last < 2


def test_sigterm_under_load_writes_what_was_finished_and_others_get_the_rest_with_their_attempts(rig):
    rig.begin(numbers(12))
    rig.start_container()
    # One fewer than the worker has places for.
    rig.hold(2, 5, 8)
    first = rig.start_worker(max_concurrency=4, drain_seconds=1)
    eventually(lambda: rig.begun == 12, within_seconds=20, what="the held ones are all that is left")
    first.signal()
    assert first.exit_code() == 0
    assert rig.finished == 9
    rig.hold()
    rig.start_worker(max_concurrency=4)
    done = rig.ended()
    assert (done.status, done.succeeded) == (JobStatus.SUCCEEDED, 12)
    assert {line["attempt"] for line in rig.ledger if "begun" in line} == {1}


def test_what_a_killed_worker_held_comes_back_and_another_finishes_the_job(rig):
    rig.begin(numbers(4))
    rig.start_container()
    rig.hold(0, 1, 2, 3)
    first = rig.start_worker(max_concurrency=4)
    eventually(lambda: rig.begun == 4, within_seconds=20, what="all run")
    first.signal(signal.SIGKILL)
    assert first.exit_code() == -signal.SIGKILL
    rig.hold()
    rig.start_worker(max_concurrency=4)
    done = rig.ended()
    assert (done.status, done.succeeded, done.failed) == (JobStatus.SUCCEEDED, 4, 0)
    attempts = [line["attempt"] for line in rig.ledger if "begun" in line]
    assert sorted(attempts) == [1, 1, 1, 1, 2, 2, 2, 2]


def test_the_hook_is_called_again_until_it_succeeds(rig):
    rig.tell("hook.json", [500, 500, 200])
    rig.begin(numbers(1))
    rig.start_container()
    rig.start_worker(retry_min_wait_seconds=0, retry_max_wait_seconds=0)
    done = rig.ended()
    assert [line["hook"] for line in rig.ledger if "hook" in line] == [500, 500, 200]
    assert (done.status, done.hook) == (JobStatus.SUCCEEDED, Hook(attempts=3, status_code=200))


def test_a_container_without_the_hook_is_none_the_worse(rig):
    rig.tell("hook.json", [404])
    rig.begin(numbers(1))
    rig.start_container()
    worker = rig.start_worker()
    done = rig.ended()
    assert (done.status, done.hook) == (JobStatus.SUCCEEDED, Hook(attempts=1, status_code=404))
    assert worker.exit_code() == 0


def test_a_stopped_job_loses_its_workers_in_seconds_and_what_was_finished_counts(rig):
    rig.begin(numbers(8))
    rig.start_container()
    rig.hold(6, 7)
    worker = rig.start_worker(max_concurrency=3)
    eventually(lambda: rig.begun == 8, within_seconds=20, what="the held ones are all that is left")
    rig.stop()
    assert worker.exit_code(within_seconds=12) == 0
    assert rig.now.status is JobStatus.STOPPING
    assert (rig.finished, len(rig.served)) == (6, 6)
    [tally] = rig.parts.tallies(rig.key)
    assert tally.left_ms is not None


def test_a_container_that_is_not_alive_ends_the_worker_so_that_the_job_starts_another(rig):
    rig.begin(numbers(1))
    # Nothing listens there: the container never was alive.
    probe = {"kind": "tcp_socket", "port": rig.port, "period_seconds": 0.1, "failure_threshold": 3}
    worker = rig.start_worker(liveness_probes=json.dumps([probe]))
    assert worker.exit_code() == os.EX_UNAVAILABLE
    assert len(worker.logged("the container is not alive; the task ends")) == 1
    assert rig.messages() == 1


def test_without_a_container_nothing_is_received_health_says_so_and_sigterm_ends_it_at_once(rig):
    rig.begin(numbers(1))
    worker = rig.start_worker(health_port=free_port())
    [started] = eventually(lambda: worker.logged("started"), within_seconds=20, what="it starts")
    assert rig.healthcheck(started["health_port"]).returncode == 0
    with pytest.raises(HTTPError, match="503") as told:
        urlopen(f"http://127.0.0.1:{started['health_port']}/healthz")
    assert [cause["code"] for cause in json.load(told.value)["causes"]] == ["container_not_ready"]
    told.value.close()
    worker.signal()
    assert worker.exit_code(within_seconds=5) == 0
    assert rig.messages() == 1


def test_for_a_job_that_is_over_there_is_nothing_to_do(rig):
    rig.begin(numbers(1))
    rig.stop()
    worker = rig.start_worker()
    assert worker.exit_code() == 0
    assert rig.parts.tallies(rig.key) == []


def test_the_jobs_spec_is_a_file_before_the_container_starts(rig):
    rig.begin(numbers(1))
    assert rig.job_spec().returncode == 0
    path = rig.folder / "spec" / "job.json"
    spec = json.loads(path.read_text())
    assert {name: spec[name] for name in ("job_id", "api_name", "kind", "workers", "config")} == {
        "job_id": rig.key.id,
        "api_name": "sum",
        "kind": "BatchAPI",
        "workers": SPEC.workers,
        "config": {"model": "small"},
    }
    assert (spec["timeout"], spec["sqs_dead_letter_queue"]) == (None, None)
    assert spec["source"]["kind"] == "item_list"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [file.name for file in path.parent.iterdir()] == ["job.json"]


def test_an_unknown_job_and_a_folder_that_cannot_be_written_are_named(rig):
    done = rig.job_spec(job_id="0" * 16)
    assert (done.returncode, done.stderr) == (
        os.EX_NOINPUT,
        "dequeuer.job_spec: API sum has no job 0000000000000000; PENSTOCK_JOB_ID must name one of its jobs\n",
    )
    assert not (rig.folder / "spec").exists()
    rig.begin(numbers(1))
    done = rig.job_spec(job_spec="/proc/job.json")
    assert done.returncode == os.EX_CANTCREAT
    assert "Traceback" not in done.stderr
