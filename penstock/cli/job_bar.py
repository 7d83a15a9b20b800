"""A job on a person's terminal: a bar that moves, and a line for each status that it was seen in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from penstock.cli.job_lines import counted, elapsed, workers
from penstock.cli.progress import terminal
from penstock.cli.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from penstock.batch.jobs import JobStatus
    from penstock.client import JobState


class _Speed(ProgressColumn):
    """Batches a second and the time left; drawn anew while nothing is heard of the job."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        super().__init__()
        self._rate = rate
        self._clock = clock

    def render(self, task: Task) -> Text:
        now = self._clock()
        speed = self._rate.per_second(now_seconds=now)
        if speed is None or task.finished:
            return Text("")
        words = f"{speed:.1f}/s"
        if task.total is not None:
            left = self._rate.seconds_left(int(task.total - task.completed), now_seconds=now)
            words += "  ETA " + ("-" if left is None else str(timedelta(seconds=round(left))))
        return Text(words)


class JobBar:
    """A context manager; call it with each state that is seen."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._rate = Rate()
        self._status: JobStatus | None = None
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[done]}", markup=False),
            TextColumn("{task.fields[failed]}", style="red", markup=False),
            _Speed(self._rate, clock),
            TextColumn("{task.fields[workers]}", markup=False),
            console=terminal(),
            expand=True,
        )
        self._task = self._progress.add_task("waiting", total=None, done="", failed="", workers="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, state: JobState) -> None:
        """Show this."""
        self._rate.note(state.finished, now_seconds=self._clock())
        if state.status is not self._status:
            self._status = state.status
            self._progress.console.print(elapsed(self._clock() - self._started, state.status.value))
        self._progress.update(
            self._task,
            description=state.status.value,
            total=state.total,
            completed=state.finished,
            done=counted(state),
            failed=f"{state.failed:,} failed" if state.failed else "",
            workers="" if state.status.terminal else workers(state),
        )
