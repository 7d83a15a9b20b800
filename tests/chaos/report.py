"""A run as people and programs read it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.machine import machine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """One run and its verdict."""

    requests: int
    seed: int
    wall_seconds: float
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.verdict.causes

    def markdown(self) -> str:
        """A table, and the causes below it."""
        rows = [f"| {name} | {value} |" for name, value in self.verdict.figures.items()]
        causes = [f"- {cause}" for cause in self.verdict.causes]
        return "\n".join(
            [
                f"Seed {self.seed}, {self.wall_seconds:.0f} s. {machine()}.",
                "",
                "| what | number |",
                "|---|---|",
                *rows,
                *(["", "Wrong:", "", *causes] if causes else []),
                "",
            ]
        )

    def json(self) -> str:
        """The same for programs."""
        content = {
            "at": time.strftime("%FT%TZ", time.gmtime()),
            "machine": machine(),
            "seed": self.seed,
            "wall_seconds": round(self.wall_seconds, 1),
            "passed": self.passed,
            "causes": list(self.verdict.causes),
            **self.verdict.figures,
        }
        return json.dumps(content, indent=2) + "\n"

    def save(self, file: Path) -> None:
        """Write it: as Markdown if the name says so, else as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.markdown() if file.suffix == ".md" else self.json())
