"""What a run came to, in numbers that can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.simulator.run import Look, Outcome

_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Times in seconds. What did not happen in the run is None."""

    name: str
    requests: int
    completed: int
    wait_p50: float | None
    wait_p90: float | None
    wait_p99: float | None
    peak_tasks: int
    task_hours: float
    dollars: float
    #: Runs that were cut off and ran again.
    interrupted: int
    #: Busy tasks that scaling stopped.
    busy_stopped: int
    #: From the first arrival to the first task asked for, and to the most that were.
    first_task: float | None
    most_tasks: float | None
    #: From the end of the last request to no task being asked for.
    to_none: float | None


def summarise(outcome: Outcome, *, dollars_per_task_hour: float) -> Summary:
    """The numbers of one run."""
    totals = outcome.totals
    waits = sorted(totals.waits)
    hours = totals.task_seconds / _HOUR
    return Summary(
        name=outcome.name,
        requests=outcome.arrived,
        completed=totals.completed,
        wait_p50=_percentile(waits, 0.5),
        wait_p90=_percentile(waits, 0.9),
        wait_p99=_percentile(waits, 0.99),
        peak_tasks=totals.peak,
        task_hours=hours,
        dollars=hours * dollars_per_task_hour,
        interrupted=totals.interrupted,
        busy_stopped=totals.busy_stopped,
        first_task=next((at for at, desired in outcome.decisions if desired), None),
        most_tasks=_most(outcome.decisions),
        to_none=_to_none(outcome),
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _most(decisions: Sequence[tuple[float, int]]) -> float | None:
    most = max((desired for _, desired in decisions), default=0)
    return next((at for at, desired in decisions if desired == most), None)


def _to_none(outcome: Outcome) -> float | None:
    idle = _idle_since(outcome.looks)
    if idle is None:
        return None
    return next((at - idle for at, desired in outcome.decisions if at >= idle and not desired), None)


def _idle_since(looks: Sequence[Look]) -> float | None:
    busy = [look.at for look in looks if look.waiting + look.in_progress]
    return max(busy) if busy else None


def columns(summaries: Sequence[Summary]) -> Iterator[tuple[str, ...]]:
    """A heading and a row each, as text for people."""
    yield (
        "policy", "requests", "wait p50", "p90", "p99", "peak", "task hours", "cost", "interrupted",
        "busy stopped", "first task", "most tasks", "to none",
    )  # fmt: skip
    for each in summaries:
        yield (
            each.name,
            str(each.requests),
            _time(each.wait_p50),
            _time(each.wait_p90),
            _time(each.wait_p99),
            str(each.peak_tasks),
            f"{each.task_hours:.1f}",
            f"${each.dollars:.2f}",
            str(each.interrupted),
            str(each.busy_stopped),
            _time(each.first_task),
            _time(each.most_tasks),
            _time(each.to_none),
        )


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"
