"""Runs as a picture: arrivals, queue, tasks asked for and running, waits over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from penstock.simulator.run import Look, Outcome

_MINUTE = 60.0
_LABELS = ("arrivals", "waiting", "tasks asked for", "tasks running", "wait, s")


class NoPlotting(Exception):
    """The library that draws is not installed; the text says how to install it."""


def draw(outcomes: Sequence[Outcome], *, path: Path, title: str) -> None:
    """Write the picture, a curve for each run; the ending of the path decides the format.

    ``NoPlotting`` without matplotlib, ``ValueError`` for a format that it does not know.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - large, and needed for pictures only
    except ImportError as error:
        raise NoPlotting("pictures need matplotlib, which `make setup-dev` installs") from error
    figure = Figure(figsize=(10, 11), layout="constrained")
    rows: Sequence[Any] = figure.subplots(len(_LABELS), sharex=True)
    for outcome in outcomes:
        for axes, values in zip(rows, _curves(outcome.looks), strict=True):
            axes.plot(
                [look.at / _MINUTE for look in outcome.looks], values, label=outcome.name, linewidth=1.4
            )
    for axes, label in zip(rows, _LABELS, strict=True):
        axes.set_ylabel(label)
        axes.grid(visible=True, alpha=0.3)
        axes.set_ylim(bottom=0)
    rows[0].legend(loc="upper right")
    rows[-1].set_xlabel("minutes")
    figure.suptitle(title)
    figure.savefig(path, dpi=110)


def _curves(looks: Sequence[Look]) -> tuple[list[float | None], ...]:
    arrived = [look.arrived for look in looks]
    arrivals = [later - earlier for earlier, later in zip([0, *arrived], arrived, strict=False)]
    chosen: tuple[Callable[[Look], float | None], ...] = (
        lambda look: look.waiting,
        lambda look: look.desired,
        lambda look: look.running,
        lambda look: look.wait,
    )
    return (list(arrivals), *([choose(look) for look in looks] for choose in chosen))
