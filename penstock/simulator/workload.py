"""What arrives, and how long it runs."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

_DAY_SECONDS = 86_400.0


class BadArrivals(ValueError):
    """The file with arrivals cannot be used; the text says which line, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """Evenly spread."""

    per_second: float
    seconds: float

    def times(self, _random: Random) -> Iterator[float]:
        """Seconds since the beginning, ascending."""
        return (number / self.per_second for number in range(int(self.per_second * self.seconds)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """All at once, at the beginning or later."""

    count: int
    at: float = 0.0

    def times(self, _random: Random) -> Iterator[float]:
        """Seconds since the beginning, ascending."""
        return (self.at for _ in range(self.count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Poisson:
    """Independent of each other."""

    per_second: float
    seconds: float

    def times(self, random: Random) -> Iterator[float]:
        """Seconds since the beginning, ascending."""
        at = random.expovariate(self.per_second)
        while at < self.seconds:
            yield at
            at += random.expovariate(self.per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Independent of each other, many by day and few by night: a sine with the peak at noon."""

    peak_per_second: float
    #: What is left at midnight, as a share of the peak.
    night: float = 0.05
    days: int = 1

    def times(self, random: Random) -> Iterator[float]:
        """Seconds since the beginning, ascending."""
        for at in Poisson(per_second=self.peak_per_second, seconds=self.days * _DAY_SECONDS).times(random):
            height = (1 - math.cos(2 * math.pi * at / _DAY_SECONDS)) / 2
            if random.random() < self.night + (1 - self.night) * height:
                yield at


@dataclass(frozen=True, slots=True)
class Listed:
    """Timestamps of one's own, as seconds from any origin."""

    seconds: tuple[float, ...]

    @classmethod
    def read(cls, lines: Iterable[str]) -> Listed:
        """Read a CSV whose first column is a number of seconds; a header is passed over.

        ``BadArrivals`` for anything else.
        """
        found: list[float] = []
        for number, row in enumerate(csv.reader(lines), start=1):
            if not row or not row[0].strip():
                continue
            try:
                at = float(row[0])
            except ValueError as error:
                if number == 1:
                    continue
                raise BadArrivals(f"line {number}: {row[0][:40]!r} is no number of seconds") from error
            if not math.isfinite(at):
                raise BadArrivals(f"line {number}: {row[0][:40]!r} is no moment")
            found.append(at)
        if not found:
            raise BadArrivals("there is no arrival in it: it takes a number of seconds a line")
        first = min(found)
        return cls(tuple(sorted(at - first for at in found)))

    def times(self, _random: Random) -> Iterator[float]:
        """Seconds since the first, ascending."""
        return iter(self.seconds)


class Arrivals(Protocol):
    """Any of them."""

    def times(self, random: Random, /) -> Iterator[float]:
        """Seconds since the beginning, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTime:
    """How long a request runs: a log-normal distribution, as real ones have a long tail.

    ``spread`` is the standard deviation of the logarithm; 0 makes all alike.
    """

    median_seconds: float
    spread: float = 0.0

    def draw(self, random: Random) -> float:
        """One run in seconds."""
        if not self.spread:
            return self.median_seconds
        return self.median_seconds * math.exp(random.gauss(0.0, self.spread))
