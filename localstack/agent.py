"""The local ECS agent: keeps a pair of processes for each task that ECS wants to run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from localstack.cluster import ClusterUnreachable
from localstack.job_runs import JobRuns
from localstack.opening import ESSENTIAL_EXITED, Opening
from localstack.pair_logs import PairLogs
from localstack.task_pair import PairState

if TYPE_CHECKING:
    import threading
    from collections.abc import Container

    from localstack.agent_parts import AgentParts
    from localstack.backoff import Backoff
    from localstack.cluster import Service
    from localstack.task_pair import PairView, TaskPair

POLL_INTERVAL_SECONDS = 0.25
STOP_INTERVAL_SECONDS = 0.02


class LocalAgent:
    """Makes processes follow the cluster's tasks, and the cluster's tasks follow the processes.

    A service's task that dies is replaced; those of jobs are not, see ``JobRuns``.
    One thread calls ``poll`` or ``run``; ``pairs`` may be called from any.
    """

    def __init__(self, parts: AgentParts) -> None:
        self._parts = parts
        self._pairs: dict[str, TaskPair] = {}
        #: Tasks whose pairs are still to come.
        self._openings: dict[str, Opening] = {}
        self._runs = JobRuns(parts.cluster, parts.starters, note=parts.note)
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
            if arn not in self._pairs and arn not in self._openings:
                self._openings[arn] = Opening(task, self._parts.starters[task.api], note=self._parts.note)
        self._open(wanted)
        for arn, pair in self._pairs.items():
            if arn not in wanted:
                pair.stop()
        self._runs.follow(task for task in self._parts.cluster.runs() if self._has_server(task.api))
        self._advance()

    def stop(self) -> None:
        """End all pairs, each in its own order and all at the same time."""
        for opening in self._openings.values():
            opening.stop()
        for pair in self._pairs.values():
            pair.stop()
        self._runs.stop()
        self._advance()
        while self._pairs or self._openings or self._runs:
            self._parts.sleep(STOP_INTERVAL_SECONDS)
            for opening in self._openings.values():
                opening.advance()
            self._openings = {arn: each for arn, each in self._openings.items() if each.at_work}
            self._advance()

    def kill(self) -> None:
        """End all processes at once."""
        for opening in self._openings.values():
            opening.stop()
        for pair in self._pairs.values():
            pair.kill()
        self._runs.kill()

    def _services(self) -> list[Service]:
        return [service for service in self._parts.cluster.services() if self._has_server(service.name)]

    def _has_server(self, api: str) -> bool:
        known = api in self._parts.starters
        if not known and api not in self._ignored:
            self._ignored.add(api)
            self._parts.note(f"{api}: nothing runs for it, as the configuration has no local.command")
        return known

    def _report_deaths(self) -> None:
        for arn, pair in self._pairs.items():
            death = pair.death() if pair.state is PairState.RUNNING else None
            if death is not None:
                # First, as it may not get through: then all of it is done at the next poll.
                self._parts.cluster.stop_task(arn, reason=ESSENTIAL_EXITED)
                self._parts.note(f"{pair.task.api} {pair.task.short_id}: {death}; the task is replaced")
                self._count_death(pair.task.api, started=pair.started)
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

    def _open(self, wanted: Container[str]) -> None:
        """Take over the pairs that are there by now, and give up tasks that will have none."""
        for arn, opening in list(self._openings.items()):
            if arn not in wanted:
                opening.stop()
            opening.advance()
            if opening.pair is not None:
                self._pairs[arn] = opening.pair
            elif opening.reason is not None:
                # As of a container whose image cannot be started: the service tries again, ever more rarely.
                self._parts.cluster.stop_task(arn, reason=opening.reason)
                self._count_death(opening.task.api, started=self._parts.clock())
            elif arn in wanted or opening.at_work:
                continue
            del self._openings[arn]

    def _advance(self) -> None:
        for pair in self._pairs.values():
            pair.advance()
        ended = [arn for arn, pair in self._pairs.items() if pair.state is PairState.ENDED]
        gone = [self._pairs.pop(arn) for arn in ended] + self._runs.advance()
        for pair in gone:
            self._logs.show_last(pair.view())
        left = (*self._pairs.values(), *self._runs.pairs())
        self._views = tuple(pair.view() for pair in left)
        for view in self._views:
            self._logs.show_new(view)
