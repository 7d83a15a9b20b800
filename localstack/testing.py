"""Fakes with the behaviour of what they stand for: the emulator's ECS, processes, time."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localstack.cluster import ClusterUnreachable, Service, Task, TaskDefinition
from localstack.rollout import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localstack.circuit_breaker import Breaker
    from localstack.processes import ProcessSpec


@dataclass
class FakeClock:
    """Time that passes only when somebody waits."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def task_definition(
    revision: int = 1,
    *,
    environment: Mapping[str, str] | None = None,
    dequeuer_stop_seconds: int = 30,
    inits: Mapping[str, Mapping[str, str]] | None = None,
) -> TaskDefinition:
    """Return a task definition of a made-up API."""
    return TaskDefinition(
        arn=f"arn:aws:ecs:us-east-1:000000000000:task-definition/penstock-demo-echo:{revision}",
        dequeuer_environment=environment or {},
        dequeuer_stop_seconds=dequeuer_stop_seconds,
        server_stop_seconds=30,
        inits=inits or {},
        shares_folder="prefetch" in (inits or {}),
    )


class FakeCluster:
    """ECS as the emulator does it: an ended task is replaced only when the service is reconciled."""

    def __init__(self, name: str = "penstock-demo") -> None:
        self._name = name
        self._desired: dict[str, int] = {}
        self._registered: dict[str, TaskDefinition] = {}
        self._definitions: dict[str, str] = {}
        self._tasks: list[Task] = []
        self._made = 0
        self._limits: dict[str, Limits] = {}
        self._breakers: dict[str, Breaker | None] = {}
        self._replaced: set[str] = set()
        #: Task ARN and reason of each StopTask.
        self.stopped: list[tuple[str, str]] = []
        #: Whether it answers an agent.
        self.reachable = True

    def create_service(
        self,
        name: str,
        definition: TaskDefinition,
        *,
        desired_count: int = 1,
        limits: Limits = Limits(),  # noqa: B008 - it never changes
        breaker: Breaker | None = None,
    ) -> None:
        """Add a service with its tasks."""
        self.register(definition)
        self._definitions[name] = definition.arn
        self._limits[name], self._breakers[name] = limits, breaker
        self.scale(name, desired_count)

    def scale(self, name: str, desired_count: int) -> None:
        """Change how many tasks a service wants, as UpdateService does."""
        self._desired[name] = desired_count
        self.reconcile(name)

    def register(self, definition: TaskDefinition) -> None:
        """Make a task definition known."""
        self._registered[definition.arn] = definition

    def deploy(self, service: str, definition_arn: str) -> None:
        """Replace all tasks by ones of another revision; the emulator does so in one step."""
        self._answer()
        self._definitions[service] = definition_arn
        self._end(self._of(service))
        self.reconcile(service)

    def delete_service(self, name: str) -> None:
        """Remove a service and its tasks."""
        del self._desired[name]
        self._tasks = [task for task in self._tasks if task.api != name]

    def services(self) -> list[Service]:
        """Return all services with their tasks."""
        self._answer()
        return [
            Service(
                name=name,
                desired_count=desired,
                tasks=tuple(self._of(name)),
                definition=self._definitions[name],
                limits=self._limits[name],
                breaker=self._breakers[name],
            )
            for name, desired in self._desired.items()
        ]

    def was_replaced(self, task_arn: str) -> bool:
        """Whether a deployment or scaling ended a task."""
        return task_arn in self._replaced

    def stop_task(self, task_arn: str, *, reason: str) -> None:
        """End a task, and start no other."""
        self._answer()
        self.stopped.append((task_arn, reason))
        self._tasks = [task for task in self._tasks if task.arn != task_arn]

    def reconcile(self, service: str) -> None:
        """Start what is missing, or end the newest of what is too many."""
        self._end(self._of(service)[self._desired[service] :])
        while len(self._of(service)) < self._desired[service]:
            arn, definition = self._new_arn(), self._registered[self._definitions[service]]
            self._tasks.append(Task(arn=arn, api=service, definition=definition))

    def run_task(self, api: str, definition: TaskDefinition, **variables: str) -> Task:
        """Start a task of no service, with these variables for its dequeuer."""
        task = Task(arn=self._new_arn(), api=api, definition=definition, of_job=variables)
        self._tasks.append(task)
        return task

    def runs(self) -> list[Task]:
        """Return the tasks of no service."""
        self._answer()
        return [task for task in self._tasks if task.of_job is not None]

    def _end(self, tasks: Sequence[Task]) -> None:
        self._replaced.update(task.arn for task in tasks)
        self._tasks = [task for task in self._tasks if task not in tasks]

    def _new_arn(self) -> str:
        self._made += 1
        return f"arn:aws:ecs:us-east-1:000000000000:task/{self._name}/{self._made:08x}-0000"

    def _answer(self) -> None:
        if not self.reachable:
            raise ClusterUnreachable("it is being restarted")

    def _of(self, service: str) -> list[Task]:
        return [task for task in self._tasks if task.api == service and task.of_job is None]


@dataclass
class FakeProcess:
    """A process that ends when told to, unless it is stubborn."""

    pid: int
    spec: ProcessSpec
    stubborn: bool = False
    code: int | None = None
    signals: list[signal.Signals] = field(default_factory=list)

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.code

    def wait(self, *, within_seconds: float) -> bool:
        """Return whether it has ended; a fake needs no time for that."""
        return within_seconds >= 0 and self.code is not None

    def terminate(self) -> None:
        """Take SIGTERM."""
        if self.code is None:
            self.signals.append(signal.SIGTERM)
            self.code = None if self.stubborn else 0

    def kill(self) -> None:
        """Take SIGKILL."""
        if self.code is None:
            self.signals.append(signal.SIGKILL)
            self.code = -signal.SIGKILL


class FakeSpawner:
    """Remembers what was started."""

    def __init__(self) -> None:
        self.started: list[FakeProcess] = []
        #: Programs that do not exist.
        self.missing: set[str] = set()
        #: Programs that ignore SIGTERM.
        self.stubborn: set[str] = set()

    def __call__(self, spec: ProcessSpec) -> FakeProcess:
        """Start one process."""
        program = spec.command[0]
        if program in self.missing:
            raise FileNotFoundError(program)
        process = FakeProcess(pid=1000 + len(self.started), spec=spec, stubborn=program in self.stubborn)
        self.started.append(process)
        return process

    def running(self, program: str) -> list[FakeProcess]:
        """Return the processes of one program that have not ended."""
        return [
            process for process in self.started if process.code is None and process.spec.command[0] == program
        ]
