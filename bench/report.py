"""One table per bench, with the machine below it, and the same as JSON."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bench.machine import machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A promise, and what was measured of it."""

    promise: str
    measured: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the measure stays within the limit."""
        return self.measured <= self.limit

    def __str__(self) -> str:
        verdict = "met" if self.met else "MISSED"
        return f"{self.promise}: {self.measured:.4g} {self.unit} (limit {self.limit:g}): {verdict}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a bench found."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    targets: Sequence[Target] = ()
    #: The numbers behind the table, for programs.
    data: Any = field(default_factory=dict)


def show(report: Report, console: Console, *, load: float) -> None:
    """Print the table, the targets and the machine."""
    table = Table(title=report.title, title_justify="left")
    for number, column in enumerate(report.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in report.rows:
        table.add_row(*row)
    console.print(table)
    for target in report.targets:
        console.print(str(target), style="green" if target.met else "bold red", highlight=False)
    console.print(f"{machine()}; load average before: {load:.1f}", style="dim", highlight=False)
    console.print()


def save(report: Report, folder: Path, *, load: float) -> None:
    """Write the report beside the others of its kind."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "load_before": load,
        "at": time.strftime("%FT%TZ", time.gmtime()),
        **asdict(report),
    }
    content["targets"] = [{**asdict(target), "met": target.met} for target in report.targets]
    (folder / f"{report.name}.json").write_text(json.dumps(content) + "\n")


def percentile(values: Sequence[float], rank: int) -> float:
    """The value below which ``rank`` percent of the values lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[rank - 1]
