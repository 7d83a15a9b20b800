"""What scaling reads and writes, in dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.overview import Crew
    from penstock.scaling.decision import Sample
    from penstock.scaling.ports import Measure, Value


class MemoryCrews:
    """The ``Crews`` port."""

    def __init__(self, crews: Mapping[str, Crew]) -> None:
        self.crews = dict(crews)

    def counts(self, apis: Sequence[str]) -> Mapping[str, Crew]:
        """See ``Crews.counts``."""
        return {api: self.crews[api] for api in apis if api in self.crews}


class MemoryMetrics:
    """The ``Metrics`` port; what was put stays in order."""

    def __init__(self) -> None:
        self.puts: list[tuple[int, Sequence[Value]]] = []

    def put(self, values: Sequence[Value], *, at_ms: int) -> None:
        """See ``Metrics.put``."""
        self.puts.append((at_ms, list(values)))

    def latest(self, api: str) -> Mapping[Measure, float]:
        """The values of the last put that has any of this API."""
        found = [[value for value in values if value.api == api] for _, values in self.puts]
        return {value.measure: value.value for value in next(some for some in reversed(found) if some)}


class MemoryHistories:
    """The ``Histories`` port."""

    def __init__(self) -> None:
        self.saved: dict[str, tuple[Sample, ...]] = {}

    def load(self, apis: Sequence[str]) -> Mapping[str, tuple[Sample, ...]]:
        """See ``Histories.load``."""
        return {api: self.saved[api] for api in apis if api in self.saved}

    def save(self, histories: Mapping[str, tuple[Sample, ...]]) -> None:
        """See ``Histories.save``."""
        self.saved |= histories
