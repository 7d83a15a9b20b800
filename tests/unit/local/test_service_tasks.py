"""How the agent follows deployments, among a fake ECS, fake processes and a clock that stands still."""

from __future__ import annotations

import signal

import pytest

from localstack.circuit_breaker import Breaker
from localstack.rollout import Limits
from localstack.task_pair import PairState
from localstack.testing import task_definition
from tests.unit.local.bench import API, DEQUEUER, SERVER, Bench

#: As long as a task must run to be taken for healthy.
HEALTHY_SECONDS = 20


def definition(revision: int):
    return task_definition(revision, environment={"REVISION": str(revision)})


def deployed(bench: Bench, *, tasks: int = 1, **configuration) -> None:
    """A service whose first revision is healthy, and a second one that is known."""
    bench.cluster.create_service(API, definition(1), desired_count=tasks, **configuration)
    bench.cluster.register(definition(2))
    bench.agent.poll()
    bench.poll_after(HEALTHY_SECONDS)


def roll(bench: Bench) -> None:
    bench.cluster.deploy(API, definition(2).arn)
    bench.agent.poll()


def revisions(bench: Bench) -> list[str]:
    return sorted(process.spec.environment["REVISION"] for process in bench.dequeuers)


def test_the_old_revision_is_told_to_stop_when_the_new_one_is_healthy(bench: Bench):
    bench.spawner.stubborn.add(DEQUEUER)
    deployed(bench)
    [old] = bench.dequeuers

    roll(bench)
    bench.poll_after(HEALTHY_SECONDS - 1)
    assert (revisions(bench), old.signals) == (["1", "2"], [])

    bench.poll_after(1)
    assert old.signals == [signal.SIGTERM]
    assert [view.state for view in bench.agent.pairs()] == [PairState.STOPPING_DEQUEUER, PairState.RUNNING]


def test_a_new_revision_that_is_slow_to_begin_is_waited_for(bench: Bench):
    deployed(bench)
    bench.answering = False

    roll(bench)
    bench.poll_after(10 * HEALTHY_SECONDS)
    assert revisions(bench) == ["1", "2"]

    bench.answering = True
    bench.agent.poll()
    assert revisions(bench) == ["2"]


def test_replacing_starts_the_new_revision_when_the_old_one_has_ended(bench: Bench):
    bench.spawner.stubborn.add(DEQUEUER)
    deployed(bench, tasks=2, limits=Limits(0, 100))
    first, second = bench.dequeuers

    roll(bench)
    assert [first.signals, second.signals] == [[signal.SIGTERM]] * 2
    assert revisions(bench) == ["1", "1"]

    first.code = 0
    bench.agent.poll()
    bench.agent.poll()
    assert revisions(bench) == ["1", "2"]


def test_a_protected_task_is_stopped_by_a_deployment_when_its_protection_has_ended(bench: Bench):
    deployed(bench)
    [pair] = bench.agent.pairs()
    task_id = pair.task_arn.rsplit("/", 1)[-1]
    bench.protected.add(task_id)

    roll(bench)
    bench.poll_after(HEALTHY_SECONDS)
    bench.poll_after(3600)
    assert revisions(bench) == ["1", "2"]

    bench.protected.clear()
    bench.agent.poll()
    assert revisions(bench) == ["2"]


def test_each_dequeuer_knows_its_own_agent(bench: Bench):
    deployed(bench, tasks=2)
    task_ids = [pair.task_arn.rsplit("/", 1)[-1] for pair in bench.agent.pairs()]
    assert [process.spec.environment["ECS_AGENT_URI"] for process in bench.dequeuers] == [
        f"http://agent/{task_id}" for task_id in task_ids
    ]


def test_scaling_in_leaves_a_protected_task_and_scaling_out_takes_it_again(bench: Bench):
    deployed(bench, tasks=2)
    bench.protected.update(pair.task_arn.rsplit("/", 1)[-1] for pair in bench.agent.pairs())
    before = {process.pid for process in bench.dequeuers}

    bench.cluster.scale(API, 1)
    bench.poll_after(60)
    assert {process.pid for process in bench.dequeuers} == before

    bench.cluster.scale(API, 2)
    bench.protected.clear()
    bench.agent.poll()
    assert {process.pid for process in bench.dequeuers} == before


def test_whoever_stops_a_task_or_deletes_its_service_asks_for_no_protection(bench: Bench):
    deployed(bench, tasks=2)
    first, second = bench.agent.pairs()
    bench.protected.update(pair.task_arn.rsplit("/", 1)[-1] for pair in (first, second))

    bench.cluster.stop_task(first.task_arn, reason="by hand")
    bench.agent.poll()
    assert first.task_arn not in {pair.task_arn for pair in bench.agent.pairs()}

    bench.cluster.delete_service(API)
    bench.agent.poll()
    assert bench.agent.pairs() == ()


def broken(bench: Bench, times: int) -> None:
    """The server of the new revision dies each time it is started."""
    for _ in range(times):
        new = {process.pid for process in bench.dequeuers if process.spec.environment["REVISION"] == "2"}
        servers = {pair.server_pid for pair in bench.agent.pairs() if pair.dequeuer_pid in new}
        for server in bench.spawner.running(SERVER):
            server.code = 1 if server.pid in servers else None
        bench.agent.poll()
        bench.poll_after(30)


@pytest.mark.parametrize(
    ("breaker", "times"), [(Breaker(), 3), (Breaker(count=1), 1)], ids=["as-ecs-counts", "after-one"]
)
def test_a_revision_whose_tasks_keep_dying_is_rolled_back_and_the_old_tasks_go_on(
    bench: Bench, breaker: Breaker, times: int
):
    deployed(bench, breaker=breaker)
    [old] = bench.dequeuers
    roll(bench)

    broken(bench, times)

    assert "the deployment has failed" in bench.notes[-1]
    assert [process.pid for process in bench.dequeuers] == [old.pid]
    assert old.signals == []
    assert bench.cluster.services()[0].definition == definition(1).arn


def test_replacing_by_a_broken_revision_starts_the_old_one_anew(bench: Bench):
    deployed(bench, limits=Limits(0, 100), breaker=Breaker())
    roll(bench)
    bench.poll_after(1)
    assert revisions(bench) == ["2"]

    broken(bench, 3)

    bench.poll_after(1)
    assert revisions(bench) == ["1"]


def test_without_a_circuit_breaker_a_broken_revision_is_tried_for_ever(bench: Bench):
    deployed(bench)
    roll(bench)
    broken(bench, 6)
    assert bench.cluster.services()[0].definition == definition(2).arn
    assert "1" in revisions(bench)
