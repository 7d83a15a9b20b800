"""A job in words: one line for scripts, a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.client import FailedBatch, JobState

_TENTHS = 10

#: Workers that matter while one waits; of the rest, the server's document tells.
_TOLD_WORKERS = ("running", "pending", "lost")


def elapsed(seconds: float, text: str) -> str:
    """A line that begins with the time since the wait began."""
    return f"{seconds:6.1f} s  {text}"


def counted(state: JobState) -> str:
    """Batches that have ended, of those that there are."""
    return f"{state.finished:,}" if state.total is None else f"{state.finished:,}/{state.total:,}"


def workers(state: JobState) -> str:
    """Workers by their state."""
    running, *others = (state.worker_counts.get(name, 0) for name in _TOLD_WORKERS)
    told = [f"{running:,} worker" if running == 1 else f"{running:,} workers"] if running else []
    told += [f"{count:,} {name}" for name, count in zip(_TOLD_WORKERS[1:], others, strict=True) if count]
    return ", ".join(told)


def change(state: JobState) -> str:
    """What is new, on one line."""
    parts = [
        f"{counted(state)} batches" if state.total is not None or state.finished else "",
        f"{state.failed:,} failed" if state.failed else "",
        f"{state.cancelled:,} cancelled" if state.cancelled else "",
        "" if state.status.terminal else workers(state),
    ]
    return "  ".join([state.status.value, ", ".join(part for part in parts if part)]).rstrip()


def milestone(state: JobState) -> object:
    """Differs when a script's log wants a line: a job may have a million batches."""
    tenth = state.finished * _TENTHS // state.total if state.total else 0
    return state.status, tenth, bool(state.failed), tuple(state.worker_counts.get(w) for w in _TOLD_WORKERS)


def job_row(state: JobState) -> tuple[str, ...]:
    """A job in a list."""
    created = state.document.get("created_at", "")
    return state.id, state.status.value, str(state.workers), _known(state.total), str(created)


def failed_row(batch: FailedBatch) -> tuple[str, ...]:
    """A failed batch in a list."""
    finished = str(batch.document.get("finished_at", ""))
    answer = "" if batch.status_code is None else str(batch.status_code)
    return batch.id, str(batch.attempt), str(batch.items), finished, answer, batch.error.code


def job_rows(state: JobState) -> Iterator[tuple[str, str]]:
    """All of a job, a line each."""
    yield "id", state.id
    yield "api", state.api
    yield "status", state.status.value
    yield "batches", _batches(state)
    if state.in_queue is not None and not state.status.terminal:
        yield "in queue", f"about {state.in_queue:,}"
    if state.attempts is not None:
        yield "attempts", f"{state.attempts:,}"
    if state.average_seconds is not None:
        yield "per batch", _times(state)
    others = [f"{count:,} {name}" for name, count in state.worker_counts.items() if count]
    yield "workers", ", ".join([f"{state.workers:,} asked for", *others])
    for name in ("created", "started", "sealed", "completing", "finished"):
        moment = state.document.get(f"{name}_at")
        if moment is not None:
            yield name, str(moment)
    if state.retry_of is not None:
        yield "retry of", state.retry_of
    if state.hook is not None:
        yield "hook", _hook(state)
    if state.error is not None:
        yield "error", f"{state.error.code}: {state.error.message}"


def failed_rows(batch: FailedBatch) -> Iterator[tuple[str, str]]:
    """All of a failed batch but its body, a line each."""
    yield "id", batch.id
    yield "attempt", str(batch.attempt)
    yield "items", str(batch.items)
    if batch.finished_at is not None:
        yield "finished", str(batch.document["finished_at"])
    if batch.status_code is not None:
        yield "answer", str(batch.status_code)
    yield "error", f"{batch.error.code}: {batch.error.message}"


def _batches(state: JobState) -> str:
    counts = {"succeeded": state.succeeded, "failed": state.failed, "cancelled": state.cancelled}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count is not None)
    total = "a number that is not known yet" if state.total is None else f"{state.total:,}"
    return f"{told} of {total}" if told else total


def _times(state: JobState) -> str:
    shares = "".join(f", {name} {seconds:.3g} s" for name, seconds in state.percentile_seconds.items())
    return f"{state.average_seconds:.3g} s on average{shares}"


def _hook(state: JobState) -> str:
    assert state.hook is not None
    answer = "no answer" if state.hook.status_code is None else f"answered {state.hook.status_code}"
    reason = "" if state.hook.error is None else f": {state.hook.error.message} ({state.hook.error.code})"
    tries = "1 attempt" if state.hook.attempts == 1 else f"{state.hook.attempts} attempts"
    return f"{answer} after {tries}{reason}"


def _known(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
