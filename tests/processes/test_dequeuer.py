"""The dequeuer as a process: real signals, real clients, and an AWS that fails as it is told."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack

import pytest

from penstock.records import Status
from tests.conftest import ROOT
from tests.processes.task import Task

FOR_EVER = 10**9


@pytest.fixture
async def task(tmp_path):
    async with AsyncExitStack() as stack:
        task = Task(tmp_path, stack)
        await task.begin()
        yield task


async def test_throttling_and_server_errors_are_tried_again_and_cost_no_attempt(task):
    for operation, kind in {
        "ReceiveMessage": "throttled",
        "UpdateItem": "throttled",
        "S3 GET": "throttled",
        "S3 PUT": "down",
    }.items():
        task.cloud.faults[operation] = (kind, 2)
    await task.start_server()
    [record] = await task.submit()
    task.start_dequeuer()
    [done] = await task.finished([record], within_seconds=40)
    assert (done.status, done.attempt, done.releases) == (Status.COMPLETED, 1, 0)
    assert task.server.received == [record.id]
    assert task.cloud.calls["S3 GET"] == task.cloud.calls["S3 PUT"] == 3
    assert not task.logged("receiving paused")


async def test_the_sdk_meets_its_own_effects_and_takes_them_for_success(task):
    """R10: each first try is carried out and its answer lost; the second one finds what the first did."""
    for operation in ("UpdateItem", "ChangeMessageVisibility", "DeleteMessageBatch", "S3 PUT", "S3 POST"):
        task.cloud.faults[operation] = ("lost", FOR_EVER)
    await task.start_server()
    [record] = await task.submit()
    task.start_dequeuer(drain_seconds=0)
    [done] = await task.finished([record])
    assert (done.status, done.attempt) == (Status.COMPLETED, 1)
    assert task.server.received == [record.id]
    await task.until(lambda: task.cloud.calls["DeleteMessageBatch"] == 2, "the message is deleted")
    # A release too: its second try must not give a second attempt back.
    task.server.gate.clear()
    [held] = await task.submit()
    await task.until(lambda: held.id in task.server.received, "the next request runs")
    task.signal()
    assert await task.exit_code(within_seconds=20) == 0
    back = await task.now(held)
    assert (back.status, back.attempt, back.releases) == (Status.IN_QUEUE, 0, 1)
    assert not task.logged("request lost to somebody else")


async def test_while_the_queue_is_down_health_is_red_and_the_task_stays_and_then_recovers(task):
    task.cloud.faults["ReceiveMessage"] = ("down", FOR_EVER)
    await task.start_server()
    records = await task.submit(3)
    task.start_dequeuer()
    await task.started()
    await task.healthy("receiving_paused")
    assert await task.health("/livez") == (200, [])
    del task.cloud.faults["ReceiveMessage"]
    done = await task.finished(records)
    assert {record.status for record in done} == {Status.COMPLETED}
    await task.healthy()
    assert [len(task.logged(message)) for message in ("receiving paused", "receiving again")] == [1, 1]


async def test_while_the_bucket_is_down_few_requests_are_sent_into_it_and_none_loses_an_attempt(task):
    task.cloud.faults["S3 GET"] = ("down", FOR_EVER)
    await task.start_server()
    records = await task.submit(40)
    task.start_dequeuer(max_concurrency=10)
    await task.started()
    await task.healthy("receiving_paused", within_seconds=40)
    # The first ten were taken together; from now on they go one by one.
    assert task.cloud.calls["UpdateItem"] <= 2 * 12
    task.cloud.faults.clear()
    done = await task.finished(records, within_seconds=60)
    assert {(record.status, record.attempt) for record in done} == {(Status.COMPLETED, 1)}
    assert max(record.releases for record in done) <= 2
    await task.healthy()


async def test_a_container_that_is_gone_is_told_and_nothing_is_received_for_it(task):
    task.start_dequeuer()
    await task.started()
    await task.healthy("container_not_ready")
    assert await task.health("/livez") == (200, [])
    assert task.cloud.calls["ReceiveMessage"] == 0
    await task.start_server()
    await task.healthy()


async def test_sigterm_lets_running_work_finish_and_a_second_one_changes_nothing(task):
    await task.start_server()
    task.server.gate.clear()
    [record] = await task.submit()
    task.start_dequeuer()
    await task.until(lambda: task.server.received, "the request runs")
    task.signal()
    await task.healthy("draining")
    task.signal()
    task.signal(signal.SIGINT)
    [waiting] = await task.submit()
    task.server.gate.set()
    assert await task.exit_code(within_seconds=10) == 0
    assert (await task.now(record)).status is Status.COMPLETED
    assert (await task.now(waiting)).attempt == 0
    assert len(task.logged("stopping")) == 1


async def test_when_the_drain_takes_too_long_the_request_goes_back_with_its_attempt(task):
    await task.start_server()
    task.server.gate.clear()
    [record] = await task.submit()
    task.start_dequeuer(drain_seconds=1)
    await task.until(lambda: task.server.received, "the request runs")
    task.signal()
    assert await task.exit_code(within_seconds=10) == 0
    back = await task.now(record)
    assert (back.status, back.attempt, back.releases) == (Status.IN_QUEUE, 0, 1)
    # Its message is there for others at once.
    task.server.gate.set()
    task.start_dequeuer()
    [done] = await task.finished([record], within_seconds=10)
    assert (done.status, done.attempt) == (Status.COMPLETED, 1)


async def test_sigterm_while_the_container_is_not_ready_ends_it_at_once(task):
    task.start_dequeuer()
    await task.started()
    task.signal()
    assert await task.exit_code(within_seconds=5) == 0
    assert task.cloud.calls["ReceiveMessage"] == 0


async def test_sigterm_while_receiving_is_paused_ends_it_soon(task):
    task.cloud.faults["ReceiveMessage"] = ("down", FOR_EVER)
    await task.start_server()
    task.start_dequeuer()
    await task.started()
    await task.healthy("receiving_paused")
    task.signal()
    assert await task.exit_code(within_seconds=10) == 0


async def test_sigterm_during_a_long_poll_waits_for_it(task):
    await task.start_server()
    task.start_dequeuer(poll_seconds=2)
    await task.until(lambda: task.cloud.calls["ReceiveMessage"], "it polls")
    task.signal()
    await task.healthy("draining")
    [record] = await task.submit()
    assert await task.exit_code(within_seconds=10) == 0
    # The poll brought the message, and it was put back: another worker has it at once.
    assert (await task.now(record)).attempt == 0
    assert task.server.received == []
    task.start_dequeuer()
    await task.finished([record], within_seconds=10)


async def test_a_container_that_is_killed_together_with_the_drain_loses_nothing(task):
    """Spot: ECS stops the dequeuer first, but a server may not survive what made ECS stop the task."""
    async with AsyncExitStack() as brief:
        await task.start_server(brief)
        task.server.gate.clear()
        [record] = await task.submit()
        task.start_dequeuer()
        await task.until(lambda: task.server.received, "the request runs")
        task.signal()
    assert await task.exit_code(within_seconds=10) == 0
    assert (await task.now(record)).status is Status.IN_QUEUE
    task.server.gate.set()
    await task.start_server()
    task.start_dequeuer()
    [done] = await task.finished([record], within_seconds=20)
    assert done.status is Status.COMPLETED


async def test_a_task_is_protected_while_a_request_runs_long(task):
    await task.start_server()
    task.server.gate.clear()
    [record] = await task.submit()
    task.start_dequeuer()
    await task.until(lambda: task.agent.told, "the agent is told")
    assert task.agent.told == [{"ProtectionEnabled": True, "ExpiresInMinutes": 15}]
    task.server.gate.set()
    await task.finished([record])


async def healthcheck(port: int) -> tuple[int, str]:
    settings = {"API": "a", "TABLE": "t", "BUCKET": "b", "QUEUE_URL": "q", "PORT": "1", "HEALTH_PORT": port}
    settings |= {"DEPLOYMENT": "d", "DEAD_LETTER_URL": "d", "TIMEOUT_SECONDS": 1, "RETENTION_SECONDS": 1}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "dequeuer.healthcheck"],
        cwd=ROOT,
        env={f"PENSTOCK_{name}": str(value) for name, value in settings.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


async def test_the_health_check_is_content_with_a_dequeuer_that_lives_and_with_no_other(task):
    task.start_dequeuer()
    await task.started()
    port = task.health_port
    assert await healthcheck(port) == (0, "")
    task.signal()
    await task.exit_code(within_seconds=5)
    code, reason = await healthcheck(port)
    assert code == 1
    assert "no answer" in reason


async def test_a_dequeuer_whose_health_cannot_be_told_does_not_start(task):
    task.start_dequeuer(health_port=task.cloud.port)
    assert await task.exit_code(within_seconds=10) != 0


def liveness(task) -> str:
    probe = {"kind": "http_get", "port": task.server.port, "path": "/alive"}
    return json.dumps([probe | {"period_seconds": 0.05, "failure_threshold": 3}])


async def test_a_container_that_is_not_alive_ends_the_task_with_its_work_given_back(task):
    # Given a request that runs, in a server that was alive
    task.server.gate.clear()
    await task.start_server()
    [held] = await task.submit()
    task.start_dequeuer(liveness_probes=liveness(task), drain_seconds=1)
    await task.until(lambda: task.server.received, "the request runs")

    # When it is no more
    task.server.alive = itertools.repeat(500)

    # Then the dequeuer drains and leaves, which ends the task, and no attempt is lost.
    assert await task.exit_code(within_seconds=20) == os.EX_UNAVAILABLE
    [line] = task.logged("the container is not alive; the task ends")
    assert (line["kind"], line["failures"]) == ("http_get", 3)
    back = await task.now(held)
    assert (back.status, back.attempt, back.releases) == (Status.IN_QUEUE, 0, 1)


async def test_failures_that_are_not_in_a_row_end_nothing(task):
    task.server.alive = itertools.cycle([500, 500, 200])
    await task.start_server()
    task.start_dequeuer(liveness_probes=liveness(task))
    await task.started()
    await task.until(lambda: task.server.looks > 12, "the probe has failed twice in a row, often")
    task.signal()
    assert await task.exit_code(within_seconds=20) == os.EX_OK
