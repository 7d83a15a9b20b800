"""How far a job is, from all that its parts have noted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import objects
from penstock.batch.jobs import JobRecord, JobStatus
from penstock.batch.spec import JobSpec
from penstock.batch.tallies import Tally, total
from penstock.errors import Unavailable
from penstock.ports import DependencyError, ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from penstock.batch.chunks import EnqueuedChunk
    from penstock.batch.lanes import Lane
    from penstock.batch.ports import JobParts
    from penstock.batch.tallies import WorkerTally
    from penstock.ports import Clock, Objects

#: Statuses in which workers are still started.
_STAFFED = frozenset({JobStatus.PENDING, JobStatus.ENQUEUING, JobStatus.RUNNING, JobStatus.COMPLETING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A job's record, and everything beside it that tells how it fares. The record was read first."""

    record: JobRecord
    tallies: Sequence[WorkerTally]
    chunks: Sequence[EnqueuedChunk]
    lanes: Sequence[Lane]
    #: What was asked for; None if that is not there, as before a submission is stored.
    spec: JobSpec | None
    #: Whether the list of the results is there.
    manifest: bool
    now_ms: int

    @property
    def tally(self) -> Tally:
        """All counters together."""
        return total(self.tallies)

    @property
    def finished(self) -> int:
        """Batches that have ended."""
        return self.succeeded + self.failed

    @property
    def succeeded(self) -> int:
        """Batches that succeeded; of a job that has ended as many as did by then."""
        return self.tally.succeeded if self.record.succeeded is None else self.record.succeeded

    @property
    def failed(self) -> int:
        """Batches that failed, likewise."""
        return self.tally.failed if self.record.failed is None else self.record.failed

    @property
    def enqueued(self) -> int:
        """Batches that are enqueued by now: all, once the job is sealed."""
        return sum(chunk.batches for chunk in self.chunks) if self.record.total is None else self.record.total

    @property
    def skipped(self) -> int:
        """Lines that were no items, and were passed over as the submission wants it."""
        if self.record.skipped is None:
            return sum(chunk.skipped for chunk in self.chunks)
        return self.record.skipped

    @property
    def in_queue(self) -> int:
        """Batches that are enqueued and have no end, those that run included."""
        if self.record.status.terminal:
            return 0
        # A worker may have ended a batch of a chunk that is not noted yet.
        return max(0, self.enqueued - self.finished)

    @property
    def worker_counts(self) -> dict[str, int]:
        """Workers by their state."""
        at_work = sum(worker.at_work(self.now_ms) for worker in self.tallies)
        over = sum(lane.over for lane in self.lanes)
        staffed = self.record.status in _STAFFED
        return {
            "pending": max(0, self.record.workers - at_work - over) if staffed else 0,
            "running": at_work,
            "lost": sum(worker.lost(self.now_ms) for worker in self.tallies),
            "left": sum(worker.left_ms is not None for worker in self.tallies),
            "failed": over,
        }

    @property
    def worker_failure(self) -> Lane | None:
        """A lane whose workers died, one that is over rather than one that goes on."""
        died = [lane for lane in self.lanes if lane.last_death is not None]
        return max(died, key=lambda lane: (lane.over, lane.deaths, -lane.index), default=None)


class ProgressReader:
    """Reads all of it at once."""

    def __init__(self, *, parts: JobParts, objects: Objects, executor: Executor, clock: Clock) -> None:
        self._parts = parts
        self._objects = objects
        self._executor = executor
        self._clock = clock

    def read(self, record: JobRecord) -> Progress:
        """How far the job is by now; ``Unavailable``."""
        key = record.key
        tallies = self._executor.submit(self._parts.tallies, key)
        lanes = self._executor.submit(self._parts.lanes, key)
        spec = self._executor.submit(self._spec, record)
        try:
            # Both in this thread, and seldom more than one of them.
            manifest = record.results and record.status.terminal and self._listed(record)
            chunks = self._parts.chunks(key) if record.total is None else []
            return Progress(
                record=record,
                tallies=tallies.result(),
                chunks=chunks,
                lanes=lanes.result(),
                spec=spec.result(),
                manifest=manifest,
                now_ms=self._clock(),
            )
        except DependencyError as error:
            raise Unavailable("The job's state could not be read just now. Try again.") from error

    def _spec(self, record: JobRecord) -> JobSpec | None:
        try:
            return JobSpec.from_json(self._objects.read(keys.job_object(record.key, objects.SPEC)))
        except ObjectMissing:
            return None

    def _listed(self, record: JobRecord) -> bool:
        try:
            self._objects.describe(keys.job_object(record.key, objects.MANIFEST))
        except ObjectMissing:
            return False
        return True
