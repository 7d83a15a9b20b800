"""The agent's decisions, among a fake ECS, fake processes and a clock that stands still."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from localstack.backoff import Backoff
from localstack.opening import ESSENTIAL_EXITED
from localstack.task_pair import PairState
from localstack.testing import FakeProcess, task_definition
from tests.unit.local.bench import API, DEQUEUER, PREFETCH, SERVER, Bench


def test_each_task_gets_a_server_and_a_dequeuer(bench: Bench):
    bench.cluster.create_service(API, task_definition(), desired_count=2)

    bench.agent.poll()

    assert [len(bench.servers), len(bench.dequeuers)] == [2, 2]
    assert [view.state for view in bench.agent.pairs(API)] == [PairState.RUNNING] * 2
    assert len({view.port for view in bench.agent.pairs()}) == 2


def test_a_second_poll_changes_nothing(bench: Bench):
    bench.cluster.create_service(API, task_definition())

    bench.agent.poll()
    bench.agent.poll()

    assert len(bench.spawner.started) == 2


def test_tasks_that_a_restarted_emulator_has_forgotten_are_started(bench: Bench):
    bench.cluster.create_service(API, task_definition())
    bench.cluster.stop_task(bench.cluster.services()[0].tasks[0].arn, reason="restart")

    bench.agent.poll()

    assert len(bench.agent.pairs(API)) == 1


def test_a_service_without_a_local_server_is_named_once_and_left_alone(bench: Bench):
    bench.cluster.create_service("other", task_definition())

    bench.agent.poll()
    bench.agent.poll()

    assert bench.spawner.started == []
    assert [note for note in bench.notes if "other" in note] == bench.notes
    assert len(bench.notes) == 1


@pytest.mark.parametrize(("program", "role"), [(SERVER, "server"), (DEQUEUER, "dequeuer")])
def test_the_death_of_either_process_ends_the_task_and_starts_another(bench: Bench, program: str, role: str):
    # Given a running task
    bench.cluster.create_service(API, task_definition())
    bench.agent.poll()
    [before] = bench.agent.pairs()

    # When one of its processes dies
    bench.spawner.running(program)[0].code = 1
    bench.agent.poll()

    # Then ECS knows, the other process is gone too, and a new pair is there
    assert bench.cluster.stopped == [(before.task_arn, f"{ESSENTIAL_EXITED}: {role} exited with code 1")]
    assert [len(bench.servers), len(bench.dequeuers)] == [1, 1]
    [after] = [view for view in bench.agent.pairs() if view.state is PairState.RUNNING]
    assert after.task_arn != before.task_arn


def test_a_note_tells_which_process_died_and_how(bench: Bench):
    bench.cluster.create_service(API, task_definition())
    bench.agent.poll()
    bench.dequeuers[0].code = -signal.SIGKILL

    bench.agent.poll()

    assert bench.notes == ["echo 00000001: dequeuer was killed by signal 9; the task is replaced"]


def test_tasks_that_keep_dying_are_started_ever_more_rarely(bench: Bench):
    bench.cluster.create_service(API, task_definition())
    waits: list[float] = []
    for _ in range(4):
        bench.agent.poll()
        bench.servers[0].code = 1
        died = bench.clock.now
        bench.agent.poll()
        while not bench.servers:
            bench.poll_after(0.25)
        waits.append(bench.clock.now - died)

    assert waits == [0, 1, 2, 4]


def test_scale_in_ends_the_dequeuer_first_and_then_its_server(bench: Bench):
    # Given a dequeuer that needs time to finish its work
    bench.spawner.stubborn.add(DEQUEUER)
    bench.cluster.create_service(API, task_definition())
    bench.agent.poll()
    [server], [dequeuer] = bench.servers, bench.dequeuers

    # When the service is scaled in
    bench.cluster.scale(API, 0)
    bench.agent.poll()

    # Then the server serves on until the dequeuer is gone
    assert dequeuer.signals == [signal.SIGTERM]
    assert server.signals == []
    dequeuer.code = 0
    bench.agent.poll()
    assert server.signals == [signal.SIGTERM]
    assert bench.agent.pairs() == ()


def test_a_process_that_ignores_sigterm_is_killed_after_its_stop_timeout(bench: Bench):
    bench.spawner.stubborn.update({DEQUEUER, SERVER})
    bench.cluster.create_service(API, task_definition(dequeuer_stop_seconds=7))
    bench.agent.poll()
    [server], [dequeuer] = bench.servers, bench.dequeuers
    bench.cluster.scale(API, 0)
    bench.agent.poll()

    bench.poll_after(6.9)
    assert dequeuer.signals == [signal.SIGTERM]
    bench.poll_after(0.1)
    assert dequeuer.signals == [signal.SIGTERM, signal.SIGKILL]

    bench.poll_after(29.9)
    assert server.signals == [signal.SIGTERM]
    bench.poll_after(30)
    assert server.signals == [signal.SIGTERM, signal.SIGKILL]


def test_a_program_that_is_missing_counts_as_a_death(bench: Bench):
    bench.spawner.missing.add(SERVER)
    bench.cluster.create_service(API, task_definition())

    bench.agent.poll()
    bench.poll_after(0.25)
    bench.poll_after(0.25)

    # At once, once more at once, and then only after a while.
    assert len(bench.cluster.stopped) == 2
    assert all("CannotStartContainerError" in reason for _arn, reason in bench.cluster.stopped)


def test_a_server_whose_dequeuer_cannot_be_started_is_not_left_running(bench: Bench):
    bench.spawner.missing.add(DEQUEUER)
    bench.cluster.create_service(API, task_definition())

    bench.agent.poll()

    assert bench.servers == []


def test_the_end_of_the_agent_is_the_end_of_all_processes(bench: Bench):
    bench.spawner.stubborn.add(DEQUEUER)
    bench.cluster.create_service(API, task_definition(dequeuer_stop_seconds=5), desired_count=3)
    bench.agent.poll()
    started = bench.clock.now

    bench.agent.stop()

    assert bench.servers + bench.dequeuers == []
    assert bench.agent.pairs() == ()
    # All tasks at the same time, not one after the other.
    assert bench.clock.now - started < 6


def test_an_error_of_ecs_ends_all_processes_too(bench: Bench, monkeypatch):
    bench.cluster.create_service(API, task_definition())
    bench.agent.poll()

    def gone() -> list[object]:
        raise ConnectionError("the emulator is gone")

    monkeypatch.setattr(bench.cluster, "services", gone)

    with pytest.raises(ConnectionError):
        bench.agent.run(threading.Event())
    assert bench.servers + bench.dequeuers == []


class Interrupted(threading.Event):
    """A stop event between whose looks something else happens."""

    def __init__(self, *happenings: Callable[[], None]) -> None:
        super().__init__()
        self._happenings = [*happenings, self.set]

    def wait(self, timeout: float | None = None) -> bool:
        self._happenings.pop(0)()
        return self.is_set()


def test_tasks_go_on_while_ecs_cannot_be_reached_and_deaths_are_told_of_later(bench: Bench):
    # Given two tasks, and an ECS that is away
    bench.cluster.create_service(API, task_definition(), desired_count=2)
    bench.agent.poll()
    states: list[int] = []

    def away() -> None:
        bench.cluster.reachable = False
        bench.dequeuers[0].code = 1

    def look() -> None:
        states.append(len(bench.dequeuers))

    def back() -> None:
        look()
        assert bench.notes == []
        bench.cluster.reachable = True

    # When one of them dies meanwhile
    bench.agent.run(Interrupted(away, look, back, look))

    # Then the other one is left alone, and once ECS is back the dead one is replaced
    assert states == [1, 1, 2]
    assert len(bench.notes) == len(bench.cluster.stopped) == 1


@pytest.mark.parametrize(("ran_seconds", "wait_seconds"), [(4.9, 1.0), (5.0, 0.0)])
def test_how_long_a_task_must_run_to_count_as_started_is_up_to_the_caller(ran_seconds, wait_seconds):
    once = Backoff(healthy_after_seconds=5).after_death(started=0, now=1)
    assert once.after_death(started=10, now=10 + ran_seconds).not_before == 10 + ran_seconds + wait_seconds


def test_what_processes_print_comes_with_its_task_and_role(bench: Bench):
    bench.cluster.create_service(API, task_definition())
    bench.agent.poll()
    [pair] = bench.agent.pairs()
    pair.server_log.parent.mkdir(parents=True)
    pair.server_log.write_text("listening\nhalf a li")

    bench.agent.poll()
    pair.dequeuer_log.write_text("bye")
    bench.agent.stop()

    assert bench.lines == [
        (API, "00000001/server", "listening"),
        (API, "00000001/server", "half a li"),
        (API, "00000001/dequeuer", "bye"),
    ]


def prefetching(**changes):
    wanted = {"PENSTOCK_PREFETCH": "[]", "PENSTOCK_MNT": "/mnt"}
    return task_definition(inits={"prefetch": wanted}, **changes)


@pytest.fixture
def prefetch(bench: Bench) -> FakeProcess:
    """The init process of a service's one task, which has just been started."""
    bench.cluster.create_service(API, prefetching(environment={"A": "1"}))
    bench.agent.poll()
    [process] = bench.spawner.running(PREFETCH)
    return process


def test_what_is_prefetched_is_there_before_server_and_dequeuer_start(bench: Bench, prefetch):
    bench.agent.poll()
    assert [len(bench.spawner.running(PREFETCH)), len(bench.servers), len(bench.dequeuers)] == [1, 0, 0]

    prefetch.code = 0
    bench.agent.poll()

    assert [len(bench.servers), len(bench.dequeuers)] == [1, 1]
    assert prefetch.spec.environment["PENSTOCK_PREFETCH"] == "[]"


def test_each_task_has_a_shared_folder_of_its_own_while_it_runs(bench: Bench, prefetch):
    bench.cluster.scale(API, 2)
    bench.agent.poll()
    for process in bench.spawner.running(PREFETCH):
        process.code = 0
    bench.agent.poll()

    folders = [Path(server.spec.environment["PENSTOCK_MNT"]) for server in bench.servers]
    assert prefetch.spec.environment["PENSTOCK_MNT"] == str(folders[0])
    assert len(set(folders)) == 2
    (folders[0] / "model").write_text("large")

    bench.cluster.scale(API, 0)
    bench.agent.poll()
    bench.agent.poll()
    assert [folder.exists() for folder in folders] == [False, False]


def test_a_prefetch_that_fails_ends_the_task_and_the_next_one_waits_longer_each_time(bench: Bench, prefetch):
    for _ in range(2):
        bench.spawner.running(PREFETCH)[0].code = 66
        bench.agent.poll()
        bench.agent.poll()

    assert len(bench.cluster.stopped) == 2
    assert all(
        reason == f"{ESSENTIAL_EXITED}: init process exited with code 66"
        for _, reason in bench.cluster.stopped
    )
    assert bench.servers + bench.dequeuers == []
    assert bench.spawner.running(PREFETCH) == []
    assert all("-dequeuer.log" in note for note in bench.notes)
    assert not Path(prefetch.spec.environment["PENSTOCK_MNT"]).exists()
    bench.poll_after(2)
    assert len(bench.spawner.running(PREFETCH)) == 1


def test_a_task_that_is_stopped_while_it_prefetches_never_begins(bench: Bench, prefetch):
    bench.cluster.scale(API, 0)
    bench.agent.poll()
    bench.agent.poll()

    assert prefetch.signals == [signal.SIGKILL]
    assert len(bench.spawner.started) == 1
    assert not Path(prefetch.spec.environment["PENSTOCK_MNT"]).exists()


def test_the_end_of_the_agent_ends_a_prefetch_too(bench: Bench, prefetch):
    bench.agent.stop()

    assert prefetch.signals == [signal.SIGKILL]
    assert len(bench.spawner.started) == 1
