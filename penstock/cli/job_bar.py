"""A job on a person's terminal: a bar that moves, and a line for each status that it was seen in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from penstock.cli.job_lines import counted, elapsed, workers
from penstock.cli.progress import terminal
from penstock.cli.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from penstock.batch.jobs import JobStatus
    from penstock.client import JobState


#: Room for the usual statuses, whatever the width.
_STATUS_WIDTH = len("completing")


class _Figures(ProgressColumn):
    """Counts, speed and time left, drawn anew while nothing is heard of the job.

    One text and not several columns: on a narrow terminal its end is cut off, and nothing is folded.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        super().__init__(Column(no_wrap=True))
        self._rate = rate
        self._clock = clock

    def render(self, task: Task) -> Text:
        state: JobState | None = task.fields["state"]
        if state is None:
            return Text("")
        parts = [Text(counted(state))]
        if state.failed:
            parts.append(Text(f"{state.failed:,} failed", style="red"))
        if not state.status.terminal:
            parts += map(Text, filter(None, (*self._speed(state), workers(state))))
        return Text(" ").join(parts)

    def _speed(self, state: JobState) -> Iterator[str]:
        now = self._clock()
        speed = self._rate.per_second(now_seconds=now)
        if speed is None:
            return
        yield f"{speed:.1f}/s"
        if state.total is not None:
            left = self._rate.seconds_left(state.total - state.finished, now_seconds=now)
            yield "" if left is None else f"ETA {timedelta(seconds=round(left))}"


class JobBar:
    """A context manager; call it with each state that is seen."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._rate = Rate()
        self._status: JobStatus | None = None
        self._progress = Progress(
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, min_width=_STATUS_WIDTH),
            ),
            BarColumn(bar_width=None),
            _Figures(self._rate, clock),
            console=terminal(),
            expand=True,
        )
        self._task = self._progress.add_task("waiting", total=None, state=None)

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
            state=state,
        )
