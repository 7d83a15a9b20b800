"""The local ECS agent: keeps a pair of processes for each task that ECS wants to run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from localstack.cluster import ClusterUnreachable
from localstack.job_runs import JobRuns
from localstack.pair_logs import PairLogs
from localstack.service_tasks import ServiceTasks

if TYPE_CHECKING:
    import threading

    from localstack.agent_parts import AgentParts
    from localstack.cluster import Service
    from localstack.task_pair import PairView

POLL_INTERVAL_SECONDS = 0.25
STOP_INTERVAL_SECONDS = 0.02


class LocalAgent:
    """Makes processes follow the cluster's tasks, and the cluster's tasks follow the processes.

    A service's task that dies is replaced, see ``ServiceTasks``; those of jobs are not, see ``JobRuns``.
    One thread calls ``poll`` or ``run``; ``pairs`` may be called from any.
    """

    def __init__(self, parts: AgentParts) -> None:
        self._parts = parts
        self._services = ServiceTasks(parts)
        self._runs = JobRuns(parts.cluster, parts.starters, note=parts.note)
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
        self._services.report_deaths()
        services = self._known_services()
        if self._services.reconcile(services):
            services = self._known_services()
        self._services.follow(services)
        self._runs.follow(task for task in self._parts.cluster.runs() if self._has_server(task.api))
        self._advance()

    def stop(self) -> None:
        """End all pairs, each in its own order and all at the same time."""
        self._services.stop()
        self._runs.stop()
        self._advance()
        while self._services or self._runs:
            self._parts.sleep(STOP_INTERVAL_SECONDS)
            self._advance()

    def kill(self) -> None:
        """End all processes at once."""
        self._services.kill()
        self._runs.kill()

    def _known_services(self) -> list[Service]:
        return [service for service in self._parts.cluster.services() if self._has_server(service.name)]

    def _has_server(self, api: str) -> bool:
        known = api in self._parts.starters
        if not known and api not in self._ignored:
            self._ignored.add(api)
            self._parts.note(f"{api}: nothing runs for it, as the configuration has no local.command")
        return known

    def _advance(self) -> None:
        for pair in self._services.advance() + self._runs.advance():
            self._logs.show_last(pair.view())
        left = (*self._services.pairs(), *self._runs.pairs())
        self._views = tuple(pair.view() for pair in left)
        for view in self._views:
            self._logs.show_new(view)
