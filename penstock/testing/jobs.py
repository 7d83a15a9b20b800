"""The job store in dictionaries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock import keys
from penstock.batch import job_ids
from penstock.batch.commits import FailedBatch, Part
from penstock.batch.ports import JobApplied, JobRefused
from penstock.batch.tallies import WorkerTally
from penstock.transitions import all_hold

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from penstock.batch.chunks import EnqueuedChunk
    from penstock.batch.commits import Commit, FinishedBatch
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.lanes import Lane
    from penstock.transitions import Transition

_PAGE = 100


class MemoryJobs:
    """The ``Jobs`` port; ``rows`` is open to tests that look or plant."""

    def __init__(self) -> None:
        self.rows: dict[JobKey, JobRecord] = {}
        self.reserved: dict[tuple[str, str], str] = {}
        self._reserved_until: dict[tuple[str, str], int] = {}

    def create(self, record: JobRecord) -> JobApplied | JobRefused:
        """See ``Jobs.create``."""
        found = self.rows.get(record.key)
        if found is None or not found.retained(record.created_ms):
            found = self.rows[record.key] = record
        return JobApplied(found) if found == record else JobRefused(found)

    def get(self, key: JobKey) -> JobRecord | None:
        """See ``Jobs.get``."""
        return self.rows.get(key)

    def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        """See ``Jobs.apply``."""
        found = self.rows.get(key)
        if found is None:
            return JobRefused(None)
        if transition.permits(found):
            self.rows[key] = transition.apply(found)
            return JobApplied(self.rows[key])
        return JobApplied(found) if all_hold(transition.achieved, found) else JobRefused(found)

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """See ``Jobs.newest``."""
        positions = (
            keys.position(row.created_ms, row.id)
            for row in self.rows.values()
            if row.api == api and keys.day_of(row.created_ms) == day
        )
        return sorted((position for position in positions if position < below), reverse=True)[:limit]

    def read(self, keys: Sequence[JobKey]) -> Mapping[JobKey, JobRecord]:
        """See ``Jobs.read``."""
        return {key: self.rows[key] for key in keys if key in self.rows}

    def reserve(self, *, api: str, key_hash: str, job_id: str, expires_at: int) -> str:
        """See ``Jobs.reserve``."""
        place = (api, key_hash)
        if self._reserved_until.get(place, 0) <= job_ids.made_at_ms(job_id) // 1000:
            self.reserved[place], self._reserved_until[place] = job_id, expires_at
        return self.reserved[place]


class MemoryJobParts:
    """The ``JobParts`` port."""

    def __init__(self) -> None:
        self.workers: dict[JobKey, dict[str, WorkerTally]] = defaultdict(dict)
        self.enqueued: dict[JobKey, dict[int, EnqueuedChunk]] = defaultdict(dict)
        self.noted: dict[JobKey, dict[int, Lane]] = defaultdict(dict)
        #: Ends by batch, each with the token of its commit.
        self.batches: dict[JobKey, dict[str, tuple[FinishedBatch, str]]] = defaultdict(dict)
        self.stored: dict[JobKey, dict[str, Part]] = defaultdict(dict)
        self.given_back: dict[tuple[JobKey, str], int] = defaultdict(int)

    def tallies(self, key: JobKey) -> Sequence[WorkerTally]:
        """See ``JobParts.tallies``."""
        return list(self.workers[key].values())

    def put_chunk(self, key: JobKey, chunk: EnqueuedChunk, *, expires_at: int) -> None:  # noqa: ARG002 - nothing expires here
        """See ``JobParts.put_chunk``."""
        self.enqueued[key][chunk.index] = chunk

    def chunks(self, key: JobKey) -> Sequence[EnqueuedChunk]:
        """See ``JobParts.chunks``."""
        return list(self.enqueued[key].values())

    def put_lane(self, key: JobKey, lane: Lane, *, expires_at: int) -> None:  # noqa: ARG002 - nothing expires here
        """See ``JobParts.put_lane``."""
        self.noted[key][lane.index] = lane

    def lanes(self, key: JobKey) -> Sequence[Lane]:
        """See ``JobParts.lanes``."""
        return list(self.noted[key].values())

    def failed(self, key: JobKey, *, after: str | None, limit: int) -> Sequence[FailedBatch]:
        """See ``JobParts.failed``."""
        ended = self.batches[key]
        listed = [FailedBatch.of(ended[batch][0]) for batch in sorted(ended) if ended[batch][0].failure]
        return [batch for batch in listed if after is None or batch.id > after][:limit]

    def failed_batch(self, key: JobKey, batch: str) -> FailedBatch | None:
        """See ``JobParts.failed_batch``."""
        found, _ = self.batches[key].get(batch, (None, ""))
        return FailedBatch.of(found) if found is not None and found.failure else None

    def parts(self, key: JobKey) -> Iterator[Part]:
        """See ``JobParts.parts``."""
        yield from sorted(self.stored[key].values(), key=lambda part: part.id)

    def commit(self, commit: Commit) -> frozenset[str]:
        """See ``JobParts.commit``."""
        known = self.batches[commit.key]
        found = {batch.id: known[batch.id][1] for batch in commit.batches if batch.id in known}
        if found and all(token == commit.token for token in found.values()):
            return frozenset()
        if found:
            return frozenset(found)
        known |= {batch.id: (batch, commit.token) for batch in commit.batches}
        self.stored[commit.key] |= {part.id: part for part in commit.parts}
        self._count(commit)
        return frozenset()

    def _count(self, commit: Commit) -> None:
        workers = self.workers[commit.key]
        own = workers.get(commit.worker, WorkerTally(worker=commit.worker))
        times = dict(own.times)
        for bucket, count in commit.times.items():
            times[bucket] = times.get(bucket, 0) + count
        workers[commit.worker] = replace(
            own,
            succeeded=own.succeeded + commit.succeeded,
            failed=own.failed + commit.failed,
            attempts=own.attempts + commit.attempts,
            busy_ms=own.busy_ms + commit.busy_ms,
            times=times,
        )


class MemoryWorkerJobs:
    """The ``WorkerJobs`` port over the same dictionaries."""

    def __init__(self, jobs: MemoryJobs, parts: MemoryJobParts) -> None:
        self._jobs = jobs
        self._parts = parts

    async def get(self, key: JobKey) -> JobRecord | None:
        """See ``WorkerJobs.get``."""
        return self._jobs.get(key)

    async def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        """See ``WorkerJobs.apply``."""
        return self._jobs.apply(key, transition)

    async def tallies(self, key: JobKey) -> Sequence[WorkerTally]:
        """See ``WorkerJobs.tallies``."""
        return self._parts.tallies(key)

    async def commit(self, commit: Commit) -> frozenset[str]:
        """See ``WorkerJobs.commit``."""
        return self._parts.commit(commit)

    async def ended(self, key: JobKey, batch: str) -> bool:
        """See ``WorkerJobs.ended``."""
        return batch in self._parts.batches[key]

    async def arrive(self, key: JobKey, worker: str, *, now_ms: int, expires_at: int) -> None:  # noqa: ARG002 - nothing expires here
        """See ``WorkerJobs.arrive``."""
        self._change(key, worker, started_ms=now_ms, seen_ms=now_ms)

    async def alive(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """See ``WorkerJobs.alive``."""
        self._change(key, worker, seen_ms=now_ms)

    async def leave(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """See ``WorkerJobs.leave``."""
        self._change(key, worker, seen_ms=now_ms, left_ms=now_ms)

    async def releases(self, key: JobKey, batch: str) -> int:
        """See ``WorkerJobs.releases``."""
        return self._parts.given_back[key, batch]

    async def give_back(self, key: JobKey, batch: str, *, expires_at: int) -> int:  # noqa: ARG002 - nothing expires here
        """See ``WorkerJobs.give_back``."""
        self._parts.given_back[key, batch] += 1
        return self._parts.given_back[key, batch]

    async def parts(self, key: JobKey) -> AsyncIterator[Sequence[Part]]:
        """See ``WorkerJobs.parts``."""
        stored = list(self._parts.parts(key))
        for start in range(0, len(stored), _PAGE):
            yield stored[start : start + _PAGE]

    def _change(self, key: JobKey, worker: str, **changes: Any) -> None:
        workers = self._parts.workers[key]
        workers[worker] = replace(workers.get(worker, WorkerTally(worker=worker)), **changes)
