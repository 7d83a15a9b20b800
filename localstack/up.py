"""The whole local stack as one context: emulator, deployment, agent."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from localstack import task_protection
from localstack.agent import LocalAgent
from localstack.agent_parts import AgentParts
from localstack.cdk_cli import CdkCli
from localstack.clients import Clients
from localstack.deploy import Deployment, deploy
from localstack.emulator import choose_port, free_port, is_listening
from localstack.emulators import EMBEDDED, Site
from localstack.endpoint_file import EndpointFile
from localstack.environment import Endpoint, child_environment
from localstack.errors import AgentFailed, Interrupted, PortFixed
from localstack.fingerprint import fingerprint
from localstack.guard import Guard
from localstack.options import Options
from localstack.pair_starter import DequeuerProgram, PairStarter
from localstack.processes import GroupSpawner, kill_left_behind
from localstack.servers import local_servers
from localstack.service_scaling import ServiceScaling, timetables
from localstack.state import State
from localstack.task_protection import TaskProtection, serving
from penstock import names
from penstock.config import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from localstack.emulators import EmulatorKind, RunningEmulator
    from localstack.servers import LocalServer
    from localstack.task_pair import PairView


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running local stack."""

    #: Base URL of the HTTP API.
    url: str
    aws_endpoint_url: str
    deployment: str
    state: State
    emulator: RunningEmulator
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
        endpoint = _endpoint(state, chosen.emulator, port=chosen.port)
        environment = child_environment(endpoint, state.root, outer=os.environ)
        spawn = GroupSpawner(cleanup.enter_context(Guard(environment=environment)))
        start = _Start(chosen, Site(chosen.project, state, endpoint, environment, spawn, config))

        half_made = threading.Event()
        cleanup.enter_context(state.dropped_if(half_made))
        emulator = start.emulator(cleanup)
        try:
            url = start.deployment(config_file)
        except Interrupted:
            half_made.set()
            raise
        protection = TaskProtection()
        agent_uri = partial(task_protection.agent_uri, cleanup.enter_context(serving(protection)))
        agent = start.agent(servers, protection, agent_uri)
        agent_run = _run_in_thread(agent, cleanup)
        start.scaling(cleanup)
        # Before the tasks end, as their end is no reason to start others.
        cleanup.callback(chosen.emulator.before_end, Clients(endpoint))

        file = EndpointFile(url, config.deployment, endpoint.url, os.getpid())
        cleanup.enter_context(file.written(state.endpoint))
        yield LocalStack(url, endpoint.url, config.deployment, state, emulator, agent, agent_run)


@dataclass(frozen=True, slots=True)
class _Start:
    """What all steps of a start need."""

    options: Options
    site: Site

    def emulator(self, cleanup: ExitStack) -> RunningEmulator:
        kind = self.options.emulator
        self.options.tell(f"Starting the {kind.name} emulator on {self.site.endpoint.url}")
        emulator = kind.start(self.site)
        cleanup.callback(emulator.stop)
        emulator.wait_until_ready(interrupt=self.options.interrupt)
        return emulator

    def deployment(self, config_file: Path) -> str:
        site, name = self.site, self.site.config.deployment
        self.options.tell(f'Deploying "{name}" with cdk')
        deployment = Deployment(name, Clients(site.endpoint))
        cdk = CdkCli(
            site.project,
            site.state,
            site.environment,
            site.spawn,
            self.options.interrupt,
            self.options.emulator.stage,
        )
        current = fingerprint(site.project, config=config_file, port=site.endpoint.port)
        if not deploy(deployment, cdk, config=config_file, fingerprint=current):
            self.options.tell("Nothing has changed since it was deployed last")
        return deployment.base_url(site.endpoint)

    def agent(
        self, servers: Sequence[LocalServer], protection: TaskProtection, agent_uri: Callable[[str], str]
    ) -> LocalAgent:
        site = self.site
        dequeuer = DequeuerProgram(
            self.options.dequeuer_command,
            self.options.init_commands,
            site.project,
            self.options.dequeuer_environment,
        )
        kind, clients = self.options.emulator, Clients(site.endpoint)
        credentials = kind.credentials(clients)
        starters = {
            names.service(server.api): PairStarter(
                server,
                dequeuer,
                site.environment,
                site.state.logs,
                site.state.shared,
                site.spawn,
                agent_uri,
                free_port,
                is_listening,
                credentials,
            )
            for server in servers
        }
        cluster = kind.cluster(clients, site.config)
        self.options.tell("Starting servers and dequeuers")
        return LocalAgent(
            AgentParts(
                cluster,
                starters,
                self.options.backoff,
                self.options.show_log,
                self.options.tell,
                protection.protects,
            )
        )

    def scaling(self, cleanup: ExitStack) -> None:
        """Follow what is published, in a thread of its own, if an API has room to scale here."""
        found = timetables(self.site.config.async_apis)
        if not found or self.options.emulator.stage != EMBEDDED.stage:
            return
        clients, stop = Clients(self.site.endpoint), threading.Event()
        scaling = ServiceScaling(
            found,
            ecs=clients.ecs(),
            cloudwatch=clients.cloudwatch(),
            deployment=self.site.config.deployment,
            clusters=self.site.config.clusters,
            note=self.options.tell,
        )
        thread = threading.Thread(target=scaling.run, args=(stop,), name="local-scaling")
        cleanup.callback(thread.join)
        cleanup.callback(stop.set)
        thread.start()


def _endpoint(state: State, kind: EmulatorKind, *, port: int | None) -> Endpoint:
    if kind.port is not None and port not in {None, kind.port}:
        raise PortFixed(f"the port of {kind.name} is {kind.port}, not {port}; leave --port out")
    remembered = state.remembered_port()
    # A fixed port may still be held by what an earlier run left behind and this one replaces.
    chosen = kind.port or choose_port(port, remembered=remembered)
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
