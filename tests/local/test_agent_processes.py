"""The real agent, the real emulator and real processes; only the dequeuer is a stand-in."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localstack.agent import LocalAgent
from localstack.agent_parts import AgentParts
from localstack.cluster import ClusterUnreachable, EcsCluster
from localstack.emulator import free_port, is_listening
from localstack.pair_starter import DequeuerProgram, PairStarter
from localstack.processes import left_behind
from localstack.servers import LocalServer
from localstack.task_pair import PairState, PairView
from tests.local.sites import Site, guarded_site
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_ecs.type_defs import ContainerDefinitionTypeDef

pytestmark = pytest.mark.emulator

CLUSTER = "penstock-test"
API = "echo"
SERVER = (
    "sh",
    "-c",
    'echo "serving on $PORT"; [ -z "$PENSTOCK_JOB_SPEC" ] || cat "$PENSTOCK_JOB_SPEC"; sleep 1000 & wait',
)
#: Ends at SIGTERM like a dequeuer, and tells what it was given.
DEQUEUER = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit("drained"))
print("queue", os.environ["PENSTOCK_QUEUE_URL"], "port", os.environ["PENSTOCK_PORT"], flush=True)
while True:
    signal.pause()
"""
#: Fails for the job "none"; leaves its job's name for the server.
INIT = """
import os, pathlib, sys
job = os.environ["PENSTOCK_JOB_ID"]
if job == "none":
    sys.exit(66)
pathlib.Path(os.environ["PENSTOCK_JOB_SPEC"]).write_text(f"{job}\\n")
"""
#: Runs one task of the cluster and ends with it.
STATES = {
    "StartAt": "Run",
    "States": {
        "Run": {
            "Type": "Task",
            "Resource": "arn:aws:states:::ecs:runTask.sync",
            "Parameters": {
                "Cluster": CLUSTER,
                "TaskDefinition": "echo",
                "LaunchType": "FARGATE",
                "Overrides": {
                    "ContainerOverrides": [
                        {
                            "Name": "dequeuer",
                            "Environment": [{"Name": "PENSTOCK_JOB_ID", "Value.$": "$.job"}],
                        }
                    ]
                },
            },
            "End": True,
        }
    },
}


@dataclass
class Bench:
    """A service in the emulator and an agent that follows it."""

    site: Site
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ecs = self.site.clients.ecs()
        folder = self.site.state.root
        inits = {"spec": (sys.executable, "-c", INIT)}
        program = DequeuerProgram((sys.executable, "-c", DEQUEUER), inits, folder, {})
        server = LocalServer(API, SERVER, folder, {}, 8080)
        starter = PairStarter(
            server,
            program,
            self.site.environment,
            self.site.state.logs,
            self.site.state.shared,
            self.site.spawn,
            str,
            free_port,
            is_listening,
        )
        cluster = EcsCluster(self.ecs, name=CLUSTER)
        self.agent = LocalAgent(
            AgentParts(cluster, {API: starter}, show_log=lambda _api, _source, line: self.lines.append(line))
        )

    def create_service(self, *, desired_count: int = 1) -> None:
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.register(queue_url="http://queue/1")
        self.ecs.create_service(
            cluster=CLUSTER, serviceName=API, taskDefinition="echo", desiredCount=desired_count
        )

    def register(self, *, queue_url: str, inits: Sequence[ContainerDefinitionTypeDef] = ()) -> None:
        self.ecs.register_task_definition(
            family="echo",
            containerDefinitions=[
                {"name": "server", "image": "x"},
                *inits,
                {
                    "name": "dequeuer",
                    "image": "x",
                    "stopTimeout": 20,
                    "environment": [
                        {"name": "PENSTOCK_API", "value": API},
                        {"name": "PENSTOCK_QUEUE_URL", "value": queue_url},
                    ],
                },
            ],
        )

    def scale(self, desired_count: int) -> None:
        self.ecs.update_service(cluster=CLUSTER, service=API, desiredCount=desired_count)

    def run_job(self, job: str) -> str:
        """Have Step Functions run a task and wait for its end; return the ARN of the execution."""
        self.register(queue_url="http://queue/1", inits=[{"name": "spec", "image": "x", "essential": False}])
        states = self.site.clients.stepfunctions()
        machine = states.create_state_machine(
            name="jobs", definition=json.dumps(STATES), roleArn="arn:aws:iam::000000000000:role/jobs"
        )["stateMachineArn"]
        return states.start_execution(stateMachineArn=machine, input=json.dumps({"job": job}))["executionArn"]

    def told(self, execution: str) -> Any:
        """Wait for the end of an execution; return what Step Functions learned about the task."""
        states = self.site.clients.stepfunctions()
        ended = eventually(
            lambda: (
                found if (found := states.describe_execution(executionArn=execution)).get("output") else None
            ),
            within_seconds=20,
            what="the execution ends",
        )
        assert ended is not None
        [task] = json.loads(ended["output"])["tasks"]
        return task

    def running(self, count: int = 1) -> list[PairView]:
        """Wait until so many pairs run, and no other is still ending."""
        eventually(
            lambda: [view.state for view in self.agent.pairs(API)] == [PairState.RUNNING] * count,
            within_seconds=20,
            what=f"{count} pairs run",
        )
        return list(self.agent.pairs(API))

    def printed(self, *parts: str) -> None:
        eventually(
            lambda: any(all(part in line for part in parts) for line in self.lines),
            within_seconds=20,
            what=f"a line with {parts}",
        )

    @contextmanager
    def following(self) -> Iterator[None]:
        stop = threading.Event()
        with ThreadPoolExecutor(max_workers=1) as executor:
            run = executor.submit(self.agent.run, stop)
            try:
                yield
            finally:
                stop.set()
        run.result()


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    with guarded_site(tmp_path) as site, site.emulator():
        bench = Bench(site)
        bench.create_service()
        with bench.following():
            yield bench
        # The emulator and the guard are all that runs: no server, no dequeuer, none of their children.
        assert len(left_behind(site.state.root)) <= 2


def test_a_task_runs_with_the_environment_of_its_task_definition(bench: Bench):
    [pair] = bench.running()

    bench.printed("queue http://queue/1", f"port {pair.port}")
    bench.printed(f"serving on {pair.port}")


def test_an_ecs_that_does_not_answer_is_told_apart_from_one_that_refuses(site: Site):
    cluster = EcsCluster(site.clients.ecs(), name=CLUSTER)
    with pytest.raises(ClusterUnreachable):
        cluster.services()
    with site.emulator(), pytest.raises(ClientError):
        cluster.reconcile("no such service")


@pytest.mark.parametrize("role", ["server", "dequeuer"])
def test_a_killed_process_takes_its_task_along_and_is_replaced(bench: Bench, role: str):
    [before] = bench.running()

    os.kill(before.server_pid if role == "server" else before.dequeuer_pid, signal.SIGKILL)

    eventually(
        lambda: before.task_arn not in {view.task_arn for view in bench.agent.pairs()},
        within_seconds=20,
        what="the old pair ends",
    )
    [after] = bench.running()
    [old] = bench.ecs.describe_tasks(cluster=CLUSTER, tasks=[before.task_arn])["tasks"]
    assert old["lastStatus"] == "STOPPED"
    assert old["stoppedReason"] == f"Essential container in task exited: {role} was killed by signal 9"
    assert {after.server_pid, after.dequeuer_pid}.isdisjoint({before.server_pid, before.dequeuer_pid})


def test_scaling_out_and_in_starts_and_drains_pairs(bench: Bench):
    bench.running()

    bench.scale(2)
    bench.running(2)
    bench.scale(0)

    bench.running(0)
    bench.printed("drained")


def test_a_new_revision_replaces_the_pair(bench: Bench):
    [before] = bench.running()

    bench.register(queue_url="http://queue/2")
    bench.ecs.update_service(cluster=CLUSTER, service=API, taskDefinition="echo")

    bench.printed("queue http://queue/2")
    [after] = bench.running()
    assert after.task_arn != before.task_arn


def test_a_deployment_in_halves_goes_on_where_the_emulator_leaves_off(bench: Bench):
    bench.scale(2)
    before = {pair.task_arn for pair in bench.running(2)}

    bench.register(queue_url="http://queue/2")
    bench.ecs.update_service(
        cluster=CLUSTER,
        service=API,
        taskDefinition="echo",
        deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 100},
    )

    eventually(
        lambda: before.isdisjoint(pair.task_arn for pair in bench.agent.pairs()),
        within_seconds=20,
        what="both old pairs end",
    )
    eventually(
        lambda: sum("queue http://queue/2" in line for line in bench.lines) == 2,
        within_seconds=20,
        what="two pairs of the new revision",
    )


def test_a_task_stopped_through_ecs_is_replaced(bench: Bench):
    [before] = bench.running()

    bench.ecs.stop_task(cluster=CLUSTER, task=before.task_arn, reason="test")

    eventually(
        lambda: before.task_arn not in {view.task_arn for view in bench.agent.pairs()},
        within_seconds=20,
        what="the old pair ends",
    )
    bench.running()


def test_a_task_that_step_functions_runs_is_a_pair_until_one_of_it_ends(bench: Bench):
    bench.scale(0)
    bench.running(0)

    # Given a task of a job, prepared and running
    execution = bench.run_job("j1")
    [pair] = bench.running()
    bench.printed("j1")

    # When its dequeuer dies
    os.kill(pair.dequeuer_pid, signal.SIGKILL)

    # Then the execution goes on with what ECS says of it, and nothing has taken its place
    task = bench.told(execution)
    assert task["taskArn"] == pair.task_arn
    assert task["stoppedReason"] == ("Essential container in task exited: dequeuer was killed by signal 9")
    bench.running(0)


def test_a_task_whose_init_process_fails_ends_the_step(bench: Bench):
    task = bench.told(bench.run_job("none"))

    assert "init process exited with code 66" in task["stoppedReason"]
    assert len(bench.running()) == 1  # that of the service
