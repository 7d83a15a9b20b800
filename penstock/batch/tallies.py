"""Counters of a job: one item per worker process, which alone writes it; what is read is their sum (J2)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Buckets of a histogram within a doubling of time: a percentile is right to about a tenth.
_BUCKETS_PER_DOUBLING = 4

#: Without a sign of life for this long a worker counts as lost. It gives one every 10 s.
LOST_AFTER_MS = 60_000

_NO_TIMES: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTally:
    """What one worker process has done, and whether it is alive."""

    worker: str
    succeeded: int = 0
    failed: int = 0
    #: Attempts that ended, whatever came of them.
    attempts: int = 0
    #: Run time of the attempts that decided, together.
    busy_ms: int = 0
    #: Batches by the bucket of that run time.
    times: Mapping[int, int] = field(default_factory=lambda: _NO_TIMES)
    #: None for the recorder, which is no worker but counts lost batches (J7).
    started_ms: int | None = None
    seen_ms: int | None = None
    #: When it left by itself; None while it runs, and if it was killed.
    left_ms: int | None = None

    def lost(self, now_ms: int) -> bool:
        """Whether it has ended without leaving."""
        return self.seen_ms is not None and self.left_ms is None and now_ms - self.seen_ms > LOST_AFTER_MS

    def at_work(self, now_ms: int) -> bool:
        """Whether it runs, as far as anybody knows."""
        return self.started_ms is not None and self.left_ms is None and not self.lost(now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All workers' counters together."""

    succeeded: int = 0
    failed: int = 0
    attempts: int = 0
    busy_ms: int = 0
    times: Mapping[int, int] = field(default_factory=lambda: _NO_TIMES)

    @property
    def finished(self) -> int:
        """Batches that have ended."""
        return self.succeeded + self.failed

    @property
    def average_ms(self) -> float | None:
        """Mean run time of a batch; None before the first has ended."""
        return self.busy_ms / self.finished if self.finished else None

    def percentile_ms(self, share: float) -> float | None:
        """The run time that this share of the batches (0 to 1) did not exceed, to about a tenth."""
        left = share * sum(self.times.values())
        for bucket, count in sorted(self.times.items()):
            left -= count
            if left <= 0:
                return float(2 ** (bucket / _BUCKETS_PER_DOUBLING))
        return None


def total(tallies: Iterable[WorkerTally]) -> Tally:
    """The sum."""
    listed = list(tallies)
    times: Counter[int] = Counter()
    for tally in listed:
        times.update(tally.times)
    return Tally(
        succeeded=sum(tally.succeeded for tally in listed),
        failed=sum(tally.failed for tally in listed),
        attempts=sum(tally.attempts for tally in listed),
        busy_ms=sum(tally.busy_ms for tally in listed),
        times=dict(times),
    )


def bucket_of(ms: int) -> int:
    """The bucket of a run time; its upper bound is two to the quarter of it, in milliseconds."""
    return math.ceil(_BUCKETS_PER_DOUBLING * math.log2(max(1, ms)))
