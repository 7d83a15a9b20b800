"""The whole local stack as one context: emulator, deployment, agent."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localstack.agent import AgentParts, LocalAgent
from localstack.cdk_cli import CdkCli
from localstack.clients import Clients
from localstack.cluster import EcsCluster
from localstack.deploy import Deployment, deploy
from localstack.emulator import EmulatorSettings, choose_port, free_port, start_emulator
from localstack.endpoint_file import EndpointFile
from localstack.environment import Endpoint, child_environment
from localstack.errors import AgentFailed, Interrupted
from localstack.fingerprint import fingerprint
from localstack.guard import Guard
from localstack.options import Options
from localstack.pair_starter import DequeuerProgram, PairStarter
from localstack.processes import GroupSpawner, kill_left_behind
from localstack.servers import local_servers
from localstack.state import State
from penstock import names
from penstock.config import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from localstack.emulator import Emulator
    from localstack.servers import LocalServer
    from localstack.task_pair import PairView
    from penstock.config import Config


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running local stack."""

    #: Base URL of the HTTP API.
    url: str
    aws_endpoint_url: str
    deployment: str
    state: State
    emulator: Emulator
    agent: LocalAgent
    agent_run: Future[None]

    def pairs(self, api: str | None = None) -> tuple[PairView, ...]:
        """Return the process pairs of an API, or of all, as of the agent's last poll."""
        return self.agent.pairs(api)

    def check(self) -> None:
        """Raise EmulatorFailed or AgentFailed if a part has ended by itself."""
        self.emulator.check()
        if self.agent_run.done():
            raise AgentFailed("the local ECS agent has ended") from self.agent_run.exception()


@contextmanager
def running(config_file: Path, options: Options | None = None) -> Iterator[LocalStack]:
    """Run a local stack until the block ends; no process is left then.

    Raises LocalError if it cannot be started, and ConfigError if the configuration is wrong.

    Example
    -------
        with running(Path("penstock.yaml"), Options(state_dir=tmp_path / "local")) as local:
            os.kill(local.pairs("word-count")[0].dequeuer_pid, signal.SIGKILL)

    """
    chosen = options or Options()
    state = State(chosen.state_dir.resolve())
    with ExitStack() as cleanup:
        cleanup.enter_context(state.locked())
        if kill_left_behind(state.root):
            chosen.tell("Killed processes that an earlier run had left behind")
        if chosen.fresh:
            state.forget()
        config = load(config_file)
        servers = [server.resolved() for server in local_servers(config)]
        endpoint = _endpoint(state, port=chosen.port)
        environment = child_environment(endpoint, state.root, outer=os.environ)
        spawn = GroupSpawner(cleanup.enter_context(Guard(environment=environment)))
        start = _Start(chosen, state, endpoint, environment, spawn, config)

        half_made = threading.Event()
        cleanup.enter_context(state.dropped_if(half_made))
        emulator = start.emulator(cleanup)
        try:
            url = start.deployment(config_file)
        except Interrupted:
            half_made.set()
            raise
        agent = start.agent(servers)
        agent_run = _run_in_thread(agent, cleanup)

        file = EndpointFile(url, config.deployment, endpoint.url, os.getpid())
        cleanup.enter_context(file.written(state.endpoint))
        yield LocalStack(url, endpoint.url, config.deployment, state, emulator, agent, agent_run)


@dataclass(frozen=True, slots=True)
class _Start:
    """What all steps of a start need."""

    options: Options
    state: State
    endpoint: Endpoint
    environment: Mapping[str, str]
    spawn: GroupSpawner
    config: Config

    def emulator(self, cleanup: ExitStack) -> Emulator:
        self.options.tell(f"Starting the emulator on {self.endpoint.url}")
        python = self.options.project / ".venv-emulator" / "bin" / "python"
        settings = EmulatorSettings(python, self.endpoint, self.state)
        emulator = start_emulator(settings, self.spawn, outer=os.environ)
        cleanup.callback(emulator.stop)
        emulator.wait_until_ready(interrupt=self.options.interrupt)
        return emulator

    def deployment(self, config_file: Path) -> str:
        project = self.options.project
        self.options.tell(f'Deploying "{self.config.deployment}" with cdk')
        deployment = Deployment(self.config.deployment, Clients(self.endpoint))
        cdk = CdkCli(project, self.state, self.environment, self.spawn, self.options.interrupt)
        current = fingerprint(project, config=config_file, port=self.endpoint.port)
        if not deploy(deployment, cdk, config=config_file, fingerprint=current):
            self.options.tell("Nothing has changed since it was deployed last")
        return deployment.base_url(self.endpoint)

    def agent(self, servers: Sequence[LocalServer]) -> LocalAgent:
        dequeuer = DequeuerProgram(
            self.options.dequeuer_command, self.options.project, self.options.dequeuer_environment
        )
        starters = {
            names.service(server.api): PairStarter(
                server, dequeuer, self.environment, self.state.logs, self.spawn, free_port
            )
            for server in servers
        }
        cluster = EcsCluster(Clients(self.endpoint).ecs(), name=names.cluster(self.config.deployment))
        self.options.tell("Starting servers and dequeuers")
        return LocalAgent(
            AgentParts(cluster, starters, self.options.backoff, self.options.show_log, self.options.tell)
        )


def _endpoint(state: State, *, port: int | None) -> Endpoint:
    remembered = state.remembered_port()
    chosen = choose_port(port, remembered=remembered)
    if remembered not in {None, chosen}:
        # What is stored speaks of the other port, as in the queue URLs that were deployed.
        state.forget_emulator()
    state.port.write_text(str(chosen))
    return Endpoint(chosen)


def _run_in_thread(agent: LocalAgent, cleanup: ExitStack) -> Future[None]:
    stop = threading.Event()
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-ecs-agent")
    # Undone from the last to the first. Once the thread has ended there is nothing left to stop,
    # unless the first poll failed and there never was one.
    cleanup.callback(agent.stop)
    cleanup.callback(executor.shutdown)
    cleanup.callback(stop.set)
    # In this thread, so that whoever gets the stack finds the pairs of all tasks in it.
    agent.poll()
    return executor.submit(agent.run, stop)
