"""The tasks of jobs: each runs once, and ECS is told how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.job_run import JobRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from localstack.agent_parts import Starter
    from localstack.cluster import Cluster, Task
    from localstack.task_pair import TaskPair


class JobRuns:
    """Follows the cluster's tasks of no service. Whoever started one decides what comes after it."""

    def __init__(
        self, cluster: Cluster, starters: Mapping[str, Starter], *, note: Callable[[str], None]
    ) -> None:
        self._cluster = cluster
        self._starters = starters
        self._note = note
        self._runs: dict[str, JobRun] = {}

    def __bool__(self) -> bool:
        """Whether any process is left."""
        return any(not run.ended for run in self._runs.values())

    def pairs(self) -> list[TaskPair]:
        """Return the pairs there are, oldest first."""
        return [run.pair for run in self._runs.values() if run.pair is not None and not run.ended]

    def follow(self, tasks: Iterable[Task]) -> None:
        """Begin what is new, end what is wanted no more, and tell of what has ended.

        Only when all of a task has ended: then its work may be another's.
        """
        wanted = {task.arn: task for task in tasks}
        for arn, task in wanted.items():
            if arn not in self._runs:
                self._runs[arn] = JobRun(task, self._starters[task.api], note=self._note)
        for arn, run in self._runs.items():
            if arn not in wanted:
                run.stop()
                run.told = True
            elif run.ended and run.reason is not None:
                self._cluster.stop_task(arn, reason=run.reason)
                run.told = True

    def advance(self) -> list[TaskPair]:
        """Go on with all as far as possible without waiting; return the pairs that have ended by that."""
        going_on = [run for run in self._runs.values() if not run.ended]
        for run in going_on:
            run.advance()
        self._runs = {arn: run for arn, run in self._runs.items() if not (run.ended and run.told)}
        return [run.pair for run in going_on if run.ended and run.pair is not None]

    def stop(self) -> None:
        """Begin to end all; ECS is not told, as when a machine goes."""
        for run in self._runs.values():
            run.stop()

    def kill(self) -> None:
        """End all at once."""
        for run in self._runs.values():
            run.kill()
