"""What is said while a request is waited for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.cli.output import clean, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from penstock.cli.surroundings import Surroundings
    from penstock.client import RequestState


@contextmanager
def watching(surroundings: Surroundings) -> Iterator[Callable[[RequestState], None]]:
    """A listener that writes each change on a line of standard error, below a spinner on a terminal."""
    started = surroundings.clock()

    def line(state: RequestState) -> str:
        return f"{surroundings.clock() - started:6.1f} s  {_change(state)}"

    if not surroundings.stderr_is_terminal:
        yield lambda state: note(line(state))
        return
    console = terminal()
    with console.status("waiting") as spinner:

        def show(state: RequestState) -> None:
            console.print(clean(line(state)))
            spinner.update(state.status.value)

        yield show


@contextmanager
def spinning(surroundings: Surroundings, text: str) -> Iterator[Callable[[str], None]]:
    """What to tell each change to: a line of standard error for each, below a spinner on a terminal."""
    started = surroundings.clock()

    def line(change: str) -> str:
        return f"{surroundings.clock() - started:6.1f} s  {change}"

    if not surroundings.stderr_is_terminal:
        yield lambda change: note(line(change))
        return
    console = terminal()
    with console.status(text):
        yield lambda change: console.print(clean(line(change)), markup=False)


@contextmanager
def uploading(surroundings: Surroundings, name: str) -> Iterator[Callable[[int, int], None] | None]:
    """A listener that draws a bar while a file is uploaded; none for scripts."""
    if not surroundings.stderr_is_terminal:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn  # noqa: PLC0415 - as below

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=terminal(), transient=True) as progress:
        task = progress.add_task(clean(name), total=None)
        yield lambda sent_bytes, size_bytes: progress.update(task, completed=sent_bytes, total=size_bytes)


@contextmanager
def counting(surroundings: Surroundings, what: str, *, total: int | None) -> Iterator[Callable[[int], None]]:
    """A listener that is told how many more are done, and draws a bar; nothing is drawn for scripts."""
    if not surroundings.stderr_is_terminal:
        yield lambda _more: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as below

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=terminal(), transient=True) as progress:
        task = progress.add_task(clean(what), total=total)
        yield lambda more: progress.update(task, advance=more)


def terminal() -> Console:
    """The person's terminal, on standard error."""
    from rich.console import Console  # noqa: PLC0415 - not loaded for scripts, which see neither spinner nor bar

    return Console(stderr=True, force_terminal=True, highlight=False, markup=False)


def _change(state: RequestState) -> str:
    if not state.status.terminal:
        return state.status.value + (f" (attempt {state.attempt})" if state.attempt else "")
    parts = [
        f"{what} {seconds:.1f} s"
        for what, seconds in (("queued", state.queued_seconds), ("processed", state.processing_seconds))
        if seconds is not None
    ]
    return state.status.value + (f" ({', '.join(parts)})" if parts else "")
