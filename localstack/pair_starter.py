"""Starts the two processes of a task."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localstack.pair_environment import (
    JOB_SPEC_VARIABLE,
    SHARED_VARIABLE,
    dequeuer_environment,
    server_environment,
)
from localstack.processes import ProcessSpec
from localstack.task_credentials import unrestricted
from localstack.task_pair import PairProcess, TaskPair
from localstack.task_protection import URI_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localstack.cluster import Task
    from localstack.processes import Spawner
    from localstack.servers import LocalServer


@dataclass(frozen=True, slots=True)
class DequeuerProgram:
    """How the sidecar is run here."""

    command: tuple[str, ...]
    #: Those of the init containers, by their names.
    init_commands: Mapping[str, tuple[str, ...]]
    directory: Path
    #: Wins over the task definition, for tests that need for example a shorter drain.
    extra_environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PairStarter:
    """Starts pairs for the tasks of one API."""

    #: Resolved already: what its command names exists.
    server: LocalServer
    dequeuer: DequeuerProgram
    #: Environment of all child processes: the developer's, pointed at the emulator.
    base_environment: Mapping[str, str]
    logs: Path
    #: Where tasks whose containers share a folder have one each.
    shared: Path
    spawn: Spawner
    #: The value of ``ECS_AGENT_URI`` for the task with an id.
    agent_uri: Callable[[str], str]
    free_port: Callable[[], int]
    #: Whether somebody listens on a port.
    is_listening: Callable[[int], bool]
    #: What wins over the base environment, for all processes of one task.
    credentials: Callable[[Task], Mapping[str, str]] = unrestricted
    clock: Callable[[], float] = time.monotonic

    def __call__(self, task: Task) -> TaskPair:
        """Start server and dequeuer; if only one of them can be started, none is left.

        For a task with init containers, ``prepare`` comes first.
        """
        port, health_port = self.free_port(), self.free_port()
        server = self._started(
            "server", self._server_spec(task, port), stop_seconds=task.definition.server_stop_seconds
        )
        try:
            dequeuer = self._started(
                "dequeuer",
                self._dequeuer_spec(task, port, command=self.dequeuer.command, health_port=health_port),
                stop_seconds=task.definition.dequeuer_stop_seconds,
            )
        except OSError:
            server.process.kill()
            server.process.wait(within_seconds=5.0)
            raise
        return TaskPair(
            task,
            server=server,
            dequeuer=dequeuer,
            port=port,
            clock=self.clock,
            answers=lambda: self.is_listening(health_port),
            on_end=lambda: self.clear(task),
        )

    def prepare(self, task: Task, container: str) -> PairProcess:
        """Start one of the task's init containers."""
        # What it has to say goes where the dequeuer goes on; no port is its own.
        spec = self._dequeuer_spec(
            task,
            self.server.port,
            command=self.dequeuer.init_commands[container],
            besides=task.definition.inits[container],
        )
        return self._started("init process", spec, stop_seconds=task.definition.dequeuer_stop_seconds)

    def clear(self, task: Task) -> None:
        """Remove the folder that the task's processes shared."""
        shutil.rmtree(self._folder(task), ignore_errors=True)

    def _started(self, role: str, spec: ProcessSpec, *, stop_seconds: float) -> PairProcess:
        return PairProcess(role=role, process=self.spawn(spec), log=spec.log, stop_seconds=stop_seconds)

    def _server_spec(self, task: Task, port: int) -> ProcessSpec:
        return ProcessSpec(
            command=self.server.command,
            directory=self.server.directory,
            environment={
                **server_environment(self.server, port=port, base=self._base(task)),
                **self._paths(task),
            },
            log=self._log(task, "server"),
        )

    def _dequeuer_spec(
        self,
        task: Task,
        port: int,
        *,
        command: tuple[str, ...],
        health_port: int = 0,
        besides: Mapping[str, str] | None = None,
    ) -> ProcessSpec:
        defined = {
            **task.definition.dequeuer_environment,
            **(besides or {}),
            **(task.of_job or {}),
            **self.dequeuer.extra_environment,
            **self._paths(task),
        }
        if task.of_job is None:
            # ECS protects tasks of services only.
            defined[URI_VARIABLE] = self.agent_uri(task.id)
        return ProcessSpec(
            command=command,
            directory=self.dequeuer.directory,
            environment=dequeuer_environment(
                defined, self.server, port=port, health_port=health_port, base=self._base(task)
            ),
            log=self._log(task, "dequeuer"),
        )

    def _base(self, task: Task) -> dict[str, str]:
        return {**self.base_environment, **self.credentials(task)}

    def _paths(self, task: Task) -> dict[str, str]:
        """Where the processes of a task have what containers have in volumes."""
        paths = {}
        if task.of_job is not None:
            paths[JOB_SPEC_VARIABLE] = str(self.logs / self.server.api / f"{task.short_id}-job.json")
        if task.definition.shares_folder:
            folder = self._folder(task)
            folder.mkdir(parents=True, exist_ok=True)
            paths[SHARED_VARIABLE] = str(folder)
        return paths

    def _folder(self, task: Task) -> Path:
        return self.shared / self.server.api / task.short_id

    def _log(self, task: Task, role: str) -> Path:
        return self.logs / self.server.api / f"{task.short_id}-{role}.log"
