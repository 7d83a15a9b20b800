"""Tasks that a job's execution starts: each runs once, and ECS learns how it ended."""

from __future__ import annotations

import signal
import threading

import pytest

from localstack.opening import ESSENTIAL_EXITED
from localstack.task_pair import PairState
from localstack.testing import task_definition
from tests.unit.local.bench import API, DEQUEUER, INIT, SERVER, Bench


@pytest.fixture
def task(bench: Bench):
    """A task of a job, whose init process has just been started."""
    task = bench.cluster.run_task(
        API, task_definition(environment={"A": "1"}, inits={"spec": {}}), PENSTOCK_JOB_ID="j1"
    )
    bench.agent.poll()
    return task


def prepared(bench: Bench) -> None:
    """Let the init process end well, and its pair start."""
    bench.inits[0].code = 0
    bench.agent.poll()


def test_the_init_process_ends_before_its_pair_starts(bench: Bench, task):
    assert [len(bench.inits), len(bench.servers), len(bench.dequeuers)] == [1, 0, 0]
    bench.agent.poll()
    assert len(bench.inits) == 1

    prepared(bench)

    assert [len(bench.inits), len(bench.servers), len(bench.dequeuers)] == [0, 1, 1]
    [pair] = bench.agent.pairs(API)
    assert (pair.task_arn, pair.state) == (task.arn, PairState.RUNNING)


def test_what_the_job_is_stands_in_the_same_file_for_all_three_and_in_another_for_each_task(
    bench: Bench, task
):
    bench.cluster.run_task(API, task.definition, PENSTOCK_JOB_ID="j2")
    bench.agent.poll()
    for init in bench.inits:
        init.code = 0
    bench.agent.poll()

    files = [
        {process.spec.environment["PENSTOCK_JOB_SPEC"] for process in processes}
        for processes in zip(
            [process for process in bench.spawner.started if process.spec.command[0] == INIT],
            bench.servers,
            bench.dequeuers,
            strict=True,
        )
    ]
    assert [len(paths) for paths in files] == [1, 1]
    assert files[0].isdisjoint(files[1])


def test_what_run_task_gives_the_dequeuer_is_added_to_its_definition(bench: Bench, task):
    [init] = bench.inits
    prepared(bench)
    [dequeuer], [server] = bench.dequeuers, bench.servers

    for process in (init, dequeuer):
        environment = process.spec.environment
        assert (environment["PENSTOCK_JOB_ID"], environment["A"], environment["DRAIN"]) == ("j1", "1", "1")
    assert "PENSTOCK_JOB_ID" not in server.spec.environment


@pytest.mark.parametrize("code", [66, -signal.SIGKILL])
def test_an_init_process_that_fails_ends_the_task_without_a_pair(bench: Bench, task, code: int):
    bench.inits[0].code = code
    bench.agent.poll()
    bench.agent.poll()

    [(arn, reason)] = bench.cluster.stopped
    assert arn == task.arn
    assert reason.startswith(f"{ESSENTIAL_EXITED}: init process ")
    assert [process.spec.command[0] for process in bench.spawner.started] == [INIT]
    [note] = bench.notes
    assert str(abs(code)) in note
    assert note.endswith("-dequeuer.log")


def test_a_worker_that_leaves_ends_its_server_and_then_the_task(bench: Bench, task):
    # Given a server that needs time to end
    bench.spawner.stubborn.add(SERVER)
    prepared(bench)
    [server], [dequeuer] = bench.servers, bench.dequeuers

    # When the dequeuer has nothing left to do
    dequeuer.code = 0
    bench.agent.poll()

    # Then ECS learns of it only when the server is gone too
    assert server.signals == [signal.SIGTERM]
    assert bench.cluster.stopped == []
    server.code = 0
    bench.agent.poll()
    bench.agent.poll()
    assert bench.cluster.stopped == [(task.arn, ESSENTIAL_EXITED)]
    assert bench.agent.pairs() == ()

    # and nothing takes its place.
    bench.poll_after(60)
    assert len(bench.spawner.started) == 3


@pytest.mark.parametrize(
    ("program", "code", "how"),
    [
        (DEQUEUER, 1, "dequeuer exited with code 1"),
        (DEQUEUER, -signal.SIGKILL, "dequeuer was killed by signal 9"),
        (SERVER, 0, None),
        (SERVER, 3, "server exited with code 3"),
        (
            SERVER,
            137,
            "server exited with code 137: OutOfMemoryError: Container killed due to memory usage",
        ),
    ],
)
def test_ecs_learns_which_process_died_and_how(bench: Bench, task, program: str, code: int, how: str | None):
    prepared(bench)

    bench.spawner.running(program)[0].code = code
    bench.agent.poll()
    bench.agent.poll()

    assert bench.cluster.stopped == [(task.arn, f"{ESSENTIAL_EXITED}: {how}" if how else ESSENTIAL_EXITED)]
    assert bench.servers + bench.dequeuers == []


def test_a_task_that_somebody_stops_ends_in_order_and_is_not_told_of(bench: Bench, task):
    bench.spawner.stubborn.add(DEQUEUER)
    prepared(bench)
    [server], [dequeuer] = bench.servers, bench.dequeuers

    bench.cluster.stop_task(task.arn, reason="stopped by hand")
    bench.agent.poll()
    assert (dequeuer.signals, server.signals) == ([signal.SIGTERM], [])
    dequeuer.code = 0
    bench.agent.poll()
    bench.agent.poll()

    assert bench.servers == []
    assert bench.agent.pairs() == ()
    assert [reason for _, reason in bench.cluster.stopped] == ["stopped by hand"]


def test_a_task_that_is_stopped_before_it_began_never_begins(bench: Bench, task):
    bench.cluster.stop_task(task.arn, reason="stopped by hand")
    bench.agent.poll()
    bench.agent.poll()

    assert bench.inits == []
    assert [process.spec.command[0] for process in bench.spawner.started] == [INIT]
    assert bench.notes == []


@pytest.mark.parametrize("missing", [INIT, SERVER, DEQUEUER])
def test_a_program_that_is_missing_ends_the_task(bench: Bench, missing: str):
    bench.spawner.missing.add(missing)
    task = bench.cluster.run_task(API, task_definition(inits={"spec": {}}), PENSTOCK_JOB_ID="j1")
    bench.agent.poll()
    for init in bench.inits:
        init.code = 0
    bench.agent.poll()
    bench.agent.poll()

    assert bench.cluster.stopped == [(task.arn, f"CannotStartContainerError: {missing}")]
    assert bench.servers + bench.dequeuers == []


def test_an_end_that_ecs_could_not_be_told_of_is_told_later(bench: Bench, task):
    prepared(bench)
    bench.dequeuers[0].code = 1

    def away() -> None:
        bench.cluster.reachable = False

    def back() -> None:
        assert bench.cluster.stopped == []
        bench.cluster.reachable = True

    bench.agent.run(_Steps(away, lambda: None, back, lambda: None, lambda: None))

    assert [arn for arn, _ in bench.cluster.stopped] == [task.arn]


class _Steps(threading.Event):
    """A stop event between whose looks something else happens."""

    def __init__(self, *steps) -> None:
        super().__init__()
        self._steps = [*steps, self.set]

    def wait(self, timeout: float | None = None) -> bool:
        self._steps.pop(0)()
        return self.is_set()


def test_the_end_of_the_agent_is_the_end_of_jobs_processes(bench: Bench, task):
    # Given one task with a pair and one that is being prepared
    prepared(bench)
    bench.cluster.run_task(API, task.definition, PENSTOCK_JOB_ID="j2")
    bench.agent.poll()

    bench.agent.stop()

    assert bench.inits + bench.servers + bench.dequeuers == []
    assert bench.agent.pairs() == ()
    # The machine is gone: nobody on it tells ECS.
    assert bench.cluster.stopped == []


def test_killing_the_agents_processes_kills_those_of_jobs(bench: Bench, task):
    bench.spawner.stubborn.update({SERVER, DEQUEUER})
    prepared(bench)
    bench.cluster.run_task(API, task.definition, PENSTOCK_JOB_ID="j2")
    bench.agent.poll()

    bench.agent.kill()

    assert bench.inits + bench.servers + bench.dequeuers == []


def test_what_a_jobs_processes_print_comes_with_its_task_and_role(bench: Bench, task):
    prepared(bench)
    [pair] = bench.agent.pairs()
    pair.server_log.parent.mkdir(parents=True)
    pair.server_log.write_text("listening\n")
    bench.agent.poll()
    pair.dequeuer_log.write_text("bye")
    bench.dequeuers[0].code = 0
    for _ in range(3):
        bench.agent.poll()

    assert bench.lines == [(API, "00000001/server", "listening"), (API, "00000001/dequeuer", "bye")]


def test_a_job_of_an_api_without_a_local_server_is_named_once_and_left_alone(bench: Bench):
    bench.cluster.run_task("other", task_definition(), PENSTOCK_JOB_ID="j1")
    bench.agent.poll()
    bench.agent.poll()

    assert bench.spawner.started == []
    assert [note for note in bench.notes if "other" in note] == bench.notes
    assert len(bench.notes) == 1
