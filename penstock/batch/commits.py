"""Ends of batches on their way into the table: each is written once, together with its count (J1, J2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.batch.tallies import bucket_of

if TYPE_CHECKING:
    from penstock.batch.jobs import JobKey
    from penstock.records import Failure

#: DynamoDB takes 100 writes in one transaction. A batch that failed needs two; counter and part one each.
MOST_WRITES = 100
_WRITES_BESIDES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedBatch:
    """One batch's end."""

    id: str
    #: None if it succeeded.
    failure: Failure | None = None
    #: Number of the attempt that decided, from 1.
    attempt: int
    #: Run time of that attempt; 0 if there was none, as for a batch whose workers were lost.
    duration_ms: int = 0
    #: Items in it.
    items: int
    finished_ms: int
    #: The container's answer, if there was one.
    status_code: int | None = None
    #: Where its body is in S3. Always set for one that failed: it may be run again from there (J7).
    body_key: str | None = None

    @property
    def writes(self) -> int:
        """Writes that it takes: a failed one is listed besides."""
        return 2 if self.failure else 1


class PartKind(StrEnum):
    """What a part holds."""

    RESULTS = "results"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An object with a line of JSON for each of some batches (J8).

    A line of a batch in ``rejected`` does not count: another worker had ended that batch before.
    """

    id: str
    kind: PartKind
    key: str
    size_bytes: int
    lines: int
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Some ends, written in one transaction; ``token`` tells an earlier try of it from another's (R10)."""

    key: JobKey
    worker: str
    token: str
    batches: tuple[FinishedBatch, ...]
    parts: tuple[Part, ...] = ()
    #: Attempts that ended since the last commit without deciding anything.
    further_attempts: int = 0
    #: When the batches' items may go, in seconds: they must outlive the queue.
    expires_at: int

    @property
    def succeeded(self) -> int:
        """Batches in it that succeeded."""
        return len(self.batches) - self.failed

    @property
    def failed(self) -> int:
        """Batches in it that failed."""
        return sum(batch.failure is not None for batch in self.batches)

    @property
    def attempts(self) -> int:
        """What it adds to the count of attempts."""
        return len(self.batches) + self.further_attempts

    @property
    def busy_ms(self) -> int:
        """What it adds to the run time."""
        return sum(batch.duration_ms for batch in self.batches)

    @property
    def times(self) -> Counter[int]:
        """What it adds to the histogram."""
        return Counter(bucket_of(batch.duration_ms) for batch in self.batches)


def fits(batches: int, *, failed: int) -> bool:
    """Whether so many batches, so many of them failed, go into one transaction."""
    return batches + failed + _WRITES_BESIDES <= MOST_WRITES


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBatch:
    """A batch of the list of those that failed."""

    id: str
    failure: Failure
    attempt: int
    items: int
    finished_ms: int
    status_code: int | None = None
    body_key: str

    @classmethod
    def of(cls, batch: FinishedBatch) -> FailedBatch:
        """What is listed of a batch that failed."""
        assert batch.failure is not None
        assert batch.body_key is not None
        return cls(
            id=batch.id,
            failure=batch.failure,
            attempt=batch.attempt,
            items=batch.items,
            finished_ms=batch.finished_ms,
            status_code=batch.status_code,
            body_key=batch.body_key,
        )
