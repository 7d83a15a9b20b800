"""How often each point was reached, and met which fault."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.points import Point

#: A point's key; file, function and line are those of the code that calls.
Key = tuple[str, str, str, int, str]


class Coverage:
    """Counts that can be added up over processes."""

    def __init__(self) -> None:
        self.reached: Counter[Key] = Counter()
        self.met: Counter[tuple[Key, Fault]] = Counter()
        #: Faults that may be injected there: a container's call has no answer of ours to lose.
        self.possible: dict[Key, tuple[Fault, ...]] = {}

    def note(self, point: Point, fault: Fault | None, possible: tuple[Fault, ...]) -> None:
        """One call."""
        key = point.key
        self.reached[key] += 1
        self.possible[key] = possible
        if fault is not None:
            self.met[key, fault] += 1

    def add(self, other: Coverage) -> None:
        """Take in what another process counted."""
        self.reached += other.reached
        self.met += other.met
        self.possible |= other.possible

    def missing(self) -> list[tuple[Key, Fault]]:
        """What was reached but never met one of the faults that it could meet."""
        return [
            (key, fault)
            for key in sorted(self.reached)
            for fault in self.possible[key]
            if not self.met[key, fault]
        ]

    def table(self) -> str:
        """As Markdown, a row per point."""
        return "\n".join(self._rows())

    def _rows(self) -> Iterator[str]:
        yield "| process | where | call | reached | " + " | ".join(Fault) + " |"
        yield "|---|---|---|" + "---:|" * (1 + len(Fault))
        numbers = self._numbers()
        for key in sorted(self.reached):
            actor, _, function, _, call = key
            hits = [str(self.met[key, f]) if f in self.possible[key] else "-" for f in Fault]
            place = f"`{function}`{numbers[key]}" if function else "-"
            yield f"| {actor} | {place} | `{call}` | {self.reached[key]} | {' | '.join(hits)} |"

    def _numbers(self) -> dict[Key, str]:
        """Tells several calls of one kind in one function apart, first to last."""
        families: dict[tuple[str, ...], list[Key]] = {}
        for key in sorted(self.reached):
            actor, file, function, _, call = key
            families.setdefault((actor, file, function, call), []).append(key)
        return {
            key: f" ({number})" if len(family) > 1 else ""
            for family in families.values()
            for number, key in enumerate(family, start=1)
        }
