"""The local ECS agent: keeps a pair of processes for each task that ECS wants to run."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localstack.backoff import Backoff
from localstack.cluster import ClusterUnreachable
from localstack.logs import discard
from localstack.pair_logs import PairLogs
from localstack.task_pair import PairState

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from localstack.cluster import Cluster, Service, Task
    from localstack.logs import LogSink
    from localstack.task_pair import PairView, TaskPair

POLL_INTERVAL_SECONDS = 0.25
STOP_INTERVAL_SECONDS = 0.02
ESSENTIAL_EXITED = "Essential container in task exited"


@dataclass(frozen=True, slots=True)
class AgentParts:
    """What an agent works with; tests put fakes here."""

    cluster: Cluster
    #: Starts the pair of a task, for each API that has a local server.
    starters: Mapping[str, Callable[[Task], TaskPair]]
    #: How a service whose tasks keep dying starts out.
    backoff: Backoff = field(default_factory=Backoff)
    show_log: LogSink = discard
    #: Takes one line for a person about something the agent did.
    note: Callable[[str], None] = field(default=lambda _line: None)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class LocalAgent:
    """Makes processes follow the cluster's tasks, and the cluster's tasks follow the processes.

    One thread calls ``poll`` or ``run``; ``pairs`` may be called from any.
    """

    def __init__(self, parts: AgentParts) -> None:
        self._parts = parts
        self._pairs: dict[str, TaskPair] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._logs = PairLogs(parts.show_log)
        self._ignored: set[str] = set()
        #: Replaced as a whole, so that other threads read it without a lock.
        self._views: tuple[PairView, ...] = ()

    def pairs(self, api: str | None = None) -> tuple[PairView, ...]:
        """Return the pairs as of the last poll, oldest first."""
        return tuple(view for view in self._views if api in (None, view.api))

    def run(self, stop_event: threading.Event) -> None:
        """Follow the cluster until told to stop; then end all processes, whatever happened.

        While ECS cannot be reached all tasks stay as they are, as on a machine of the real one.
        """
        try:
            while not stop_event.is_set():
                with suppress(ClusterUnreachable):
                    self.poll()
                stop_event.wait(POLL_INTERVAL_SECONDS)
        finally:
            self.stop()

    def poll(self) -> None:
        """Compare tasks and processes once, and act on each difference without waiting."""
        self._report_deaths()
        services = self._services()
        reconciled = [self._reconcile(service) for service in services]
        if any(reconciled):
            services = self._services()
        wanted = {task.arn: task for service in services for task in service.tasks}
        # New before old: a rolling update replaces a task by one that is there already.
        for arn, task in wanted.items():
            if arn not in self._pairs:
                self._start(task)
        for arn, pair in self._pairs.items():
            if arn not in wanted:
                pair.stop()
        self._advance()

    def stop(self) -> None:
        """End all pairs, each in its own order and all at the same time."""
        for pair in self._pairs.values():
            pair.stop()
        self._advance()
        while self._pairs:
            self._parts.sleep(STOP_INTERVAL_SECONDS)
            self._advance()

    def kill(self) -> None:
        """End all processes at once."""
        for pair in self._pairs.values():
            pair.kill()

    def _services(self) -> list[Service]:
        return [service for service in self._parts.cluster.services() if self._has_server(service)]

    def _has_server(self, service: Service) -> bool:
        known = service.name in self._parts.starters
        if not known and service.name not in self._ignored:
            self._ignored.add(service.name)
            self._parts.note(
                f"{service.name}: nothing runs for it, as the configuration has no local.command"
            )
        return known

    def _report_deaths(self) -> None:
        for arn, pair in self._pairs.items():
            death = pair.death() if pair.state is PairState.RUNNING else None
            if death is not None:
                # First, as it may not get through: then all of it is done at the next poll.
                self._parts.cluster.stop_task(arn, reason=ESSENTIAL_EXITED)
                self._parts.note(f"{pair.task.service} {pair.task.short_id}: {death}; the task is replaced")
                self._count_death(pair.task.service, started=pair.started)
                pair.stop()

    def _count_death(self, service: str, *, started: float) -> None:
        backoff = self._backoffs.get(service, self._parts.backoff)
        self._backoffs[service] = backoff.after_death(started=started, now=self._parts.clock())

    def _reconcile(self, service: Service) -> bool:
        missing = service.desired_count - len(service.tasks)
        waiting = self._parts.clock() < self._backoffs.get(service.name, self._parts.backoff).not_before
        if missing == 0 or (missing > 0 and waiting):
            return False
        self._parts.cluster.reconcile(service.name)
        return True

    def _start(self, task: Task) -> None:
        try:
            self._pairs[task.arn] = self._parts.starters[task.service](task)
        except OSError as error:
            # As a container whose image cannot be started: the service tries again, ever more rarely.
            self._parts.note(f"{task.service} {task.short_id}: cannot be started: {error}")
            self._count_death(task.service, started=self._parts.clock())
            self._parts.cluster.stop_task(task.arn, reason=f"CannotStartContainerError: {error}")

    def _advance(self) -> None:
        for pair in self._pairs.values():
            pair.advance()
            self._logs.show_new(pair.view())
        for arn in [arn for arn, pair in self._pairs.items() if pair.state is PairState.ENDED]:
            self._logs.show_last(self._pairs.pop(arn).view())
        self._views = tuple(pair.view() for pair in self._pairs.values())
