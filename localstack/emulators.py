"""The emulators that a local stack can run on, and all that follows from the choice."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from localstack.cluster import EcsCluster
from localstack.described_cluster import DescribedCluster
from localstack.emulator import EmulatorSettings, start_emulator
from localstack.executions import abort_all
from localstack.localstack_container import PORT, start_localstack
from localstack.several_clusters import SeveralClusters
from localstack.state import DEFAULT_STATE_DIR
from localstack.task_credentials import unrestricted

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from localstack.clients import Clients
    from localstack.cluster import Cluster, Task
    from localstack.environment import Endpoint
    from localstack.processes import GroupSpawner
    from localstack.state import State
    from penstock.config import Config


class RunningEmulator(Protocol):
    """A started emulator."""

    @property
    def pid(self) -> int:
        """Pid of the process whose end is the emulator's."""
        ...

    def wait_until_ready(self, *, interrupt: threading.Event) -> None:
        """Return once it can be deployed to; else raise EmulatorFailed, or Interrupted."""
        ...

    def check(self) -> None:
        """Raise EmulatorFailed if it has ended."""
        ...

    def stop(self) -> None:
        """End it, with everything that it started."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """What an emulator is started with."""

    project: Path
    state: State
    endpoint: Endpoint
    #: Environment of all child processes: the developer's, pointed at the emulator.
    environment: Mapping[str, str]
    spawn: GroupSpawner
    config: Config


TaskCredentials = Callable[["Task"], "Mapping[str, str]"]


def _no_own(_clients: Clients) -> TaskCredentials:
    return unrestricted


@dataclass(frozen=True, slots=True)
class EmulatorKind:
    """One emulator."""

    name: str
    #: The stage of the CDK app that is deployed onto it.
    stage: str
    #: The usual one.
    state_dir: Path
    #: The only port it can have, or None if any will do.
    port: int | None
    start: Callable[[Site], RunningEmulator]
    #: What is to be done before its processes end.
    before_end: Callable[[Clients], None]
    #: Where the agent finds the tasks to run, once all is deployed.
    cluster: Callable[[Clients, Config], Cluster]
    #: What makes credentials for tasks.
    credentials: Callable[[Clients], TaskCredentials] = _no_own


def _start_embedded(site: Site) -> RunningEmulator:
    python = site.project / ".venv-emulator" / "bin" / "python"
    return start_emulator(EmulatorSettings(python, site.endpoint, site.state), site.spawn, outer=os.environ)


def _start_localstack(site: Site) -> RunningEmulator:
    return start_localstack(
        site.project,
        site.spawn,
        endpoint=site.endpoint,
        environment=site.environment,
        log=site.state.logs / "emulator.log",
        input_buckets=frozenset(bucket for api in site.config.apis for bucket in api.input_buckets),
    )


def _ecs(clients: Clients, config: Config) -> Cluster:
    listed = dict.fromkeys(config.clusters.values())
    return SeveralClusters({name: EcsCluster(clients.ecs(), name=name) for name in listed})


def _described(clients: Clients, config: Config) -> Cluster:
    return DescribedCluster(
        clients.ssm(), deployment=config.deployment, apis=[api.name for api in config.async_apis]
    )


def _abort_executions(clients: Clients) -> None:
    abort_all(clients.stepfunctions())


def _nothing(_clients: Clients) -> None:
    """Its stage has no state machines."""


EMBEDDED = EmulatorKind(
    "embedded", "local", DEFAULT_STATE_DIR, None, _start_embedded, _abort_executions, _ecs
)
LOCALSTACK = EmulatorKind(
    "localstack",
    "localstack",
    DEFAULT_STATE_DIR.with_name("localstack"),
    PORT,
    _start_localstack,
    _nothing,
    _described,
)
KINDS = {kind.name: kind for kind in (EMBEDDED, LOCALSTACK)}
