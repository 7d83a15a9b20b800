"""A job in words: one line for scripts, a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.amounts import amount
from penstock.client.job_states import MOMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.client import FailedBatch, JobHook, JobState
    from penstock.records import Failure

_TENTHS = 10

#: Workers that matter while one waits; of the rest, the server's document tells.
_TOLD_WORKERS = ("running", "pending", "lost")


def elapsed(seconds: float, text: str) -> str:
    """A line that begins with the time since the wait began."""
    return f"{seconds:6.1f} s  {text}"


def counted(state: JobState) -> str:
    """Batches that have ended, of those that there are: with a plus as long as they become more."""
    if state.total is not None:
        return f"{state.finished:,}/{state.total:,}"
    return f"{state.finished:,}/{state.enqueued:,}+" if state.enqueued else f"{state.finished:,}"


def workers(state: JobState) -> str:
    """Workers by their state."""
    running, *others = (state.worker_counts.get(name, 0) for name in _TOLD_WORKERS)
    told = [amount(running, "worker")] if running else []
    told += [f"{count:,} {name}" for name, count in zip(_TOLD_WORKERS[1:], others, strict=True) if count]
    return ", ".join(told)


def change(state: JobState) -> str:
    """What is new, on one line."""
    parts = [
        f"{counted(state)} batches" if state.total or state.enqueued or state.finished else "",
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
    return state.id, state.status.value, str(state.workers), _plain(state.total) or "?", str(created)


def failed_row(batch: FailedBatch) -> tuple[str, ...]:
    """A failed batch in a list."""
    finished = str(batch.document.get("finished_at", ""))
    answer = "" if batch.status_code is None else str(batch.status_code)
    return batch.id, str(batch.attempt), str(batch.items), finished, answer, batch.error.code


def job_rows(state: JobState) -> Iterator[tuple[str, str]]:
    """All of a job, a line each."""
    known = {
        "id": state.id,
        "api": state.api,
        "status": state.status.value,
        "batches": _batches(state),
        "in queue": None if state.status.terminal else _plain(state.in_queue),
        "attempts": _plain(state.attempts),
        "per batch": _times(state),
        "workers": _all_workers(state),
        **{name: state.document.get(f"{name}_at") for name in MOMENTS},
        "retry of": state.retry_of,
        "hook": _hook(state.hook),
        "error": _because(state.error),
        "last death": state.worker_failure,
        "results": state.results_url,
        "logs": state.logs_url,
    }
    return ((name, str(text)) for name, text in known.items() if text is not None)


def failed_rows(batch: FailedBatch) -> Iterator[tuple[str, str]]:
    """All of a failed batch but its body, a line each."""
    known = {
        "id": batch.id,
        "attempt": batch.attempt,
        "items": batch.items,
        "finished": batch.document.get("finished_at"),
        "answer": batch.status_code,
        "error": _because(batch.error),
        "body": batch.body_url,
    }
    return ((name, str(text)) for name, text in known.items() if text is not None)


def _batches(state: JobState) -> str:
    counts = {"succeeded": state.succeeded, "failed": state.failed, "cancelled": state.cancelled}
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count is not None)
    lines = amount(state.skipped_items or 0, "line was no item", "lines were no items")
    skipped = f"; {lines}" if state.skipped_items else ""
    if state.total is not None:
        return (f"{told} of {state.total:,}" if told else f"{state.total:,}") + skipped
    return f"{told}; {state.enqueued or 0:,} enqueued so far{skipped}".removeprefix("; ")


def _times(state: JobState) -> str | None:
    if state.average_seconds is None:
        return None
    shares = "".join(f", {name} {seconds:.3g} s" for name, seconds in state.percentile_seconds.items())
    return f"{state.average_seconds:.3g} s on average{shares}"


def _all_workers(state: JobState) -> str:
    counts = [f"{count:,} {name}" for name, count in state.worker_counts.items() if count]
    return ", ".join([f"{state.workers:,} asked for", *counts])


def _hook(hook: JobHook | None) -> str | None:
    if hook is None:
        return None
    answer = "no answer" if hook.status_code is None else f"answered {hook.status_code}"
    tries = amount(hook.attempts, "attempt")
    return f"{answer} after {tries}" + ("" if hook.error is None else f"; {_because(hook.error)}")


def _because(failure: Failure | None) -> str | None:
    return None if failure is None else f"{failure.code}: {failure.message}"


def _plain(count: int | None) -> str | None:
    return None if count is None else f"{count:,}"
