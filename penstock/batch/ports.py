"""The job store, as the functions and as a worker see it; adapters are in ``penstock.aws``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from penstock.batch.chunks import EnqueuedChunk, Segment
    from penstock.batch.commits import Commit, FailedBatch, Part
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.lanes import Lane
    from penstock.batch.messages import JobMessage
    from penstock.batch.tallies import WorkerTally
    from penstock.transitions import Transition


@dataclass(frozen=True, slots=True)
class JobApplied:
    """The conditional write took effect, now or in an earlier try; the record as it stands."""

    record: JobRecord


@dataclass(frozen=True, slots=True)
class JobRefused:
    """The condition did not hold; the record that was found, or None if there is none."""

    found: JobRecord | None


class QueueGone(Exception):
    """The job's queue has been deleted: the job has ended."""


class Jobs(Protocol):
    """Job records, as the gateway and the functions see them. Reads are strongly consistent."""

    def create(self, record: JobRecord) -> JobApplied | JobRefused:
        """Write a new record. Refused if one with its key exists, unless it is this very one.

        One whose retention is over gives way.
        """

    def get(self, key: JobKey) -> JobRecord | None:
        """Read a record."""

    def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        """Carry out one conditional write."""

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """Positions of an API's jobs of one day below the given one, newest first; see ``Directory``."""

    def read(self, keys: Sequence[JobKey]) -> Mapping[JobKey, JobRecord]:
        """Records of up to 100 keys, those that exist."""

    def reserve(self, *, api: str, key_hash: str, job_id: str, expires_at: int) -> str:
        """The job that an Idempotency-Key's hash stands for: this one, if it stood for none (J13).

        After ``expires_at``, in seconds, it stands for none again; the id says when now is.
        """


class JobParts(Protocol):
    """What belongs to a job besides its record. Reads are strongly consistent."""

    def tallies(self, key: JobKey) -> Sequence[WorkerTally]:
        """The counters of all its workers."""

    def put_chunk(self, key: JobKey, chunk: EnqueuedChunk, *, expires_at: int) -> None:
        """Note a chunk that is enqueued; again is once."""

    def chunks(self, key: JobKey) -> Sequence[EnqueuedChunk]:
        """All chunks that are enqueued."""

    def put_lane(self, key: JobKey, lane: Lane, *, expires_at: int) -> None:
        """Note the state of a worker lane."""

    def lanes(self, key: JobKey) -> Sequence[Lane]:
        """All lanes that had something to note."""

    def failed(self, key: JobKey, *, after: str | None, limit: int) -> Sequence[FailedBatch]:
        """Batches that failed, in an order of their own, those behind the batch ``after``."""

    def failed_batch(self, key: JobKey, batch: str) -> FailedBatch | None:
        """One of them; None if there is none of that id."""

    def parts(self, key: JobKey) -> Iterator[Part]:
        """All parts with results and errors."""

    def commit(self, commit: Commit) -> frozenset[str]:
        """Write ends of batches, all or none.

        Empty if they are written. Else nothing is, and these batches had been ended before by another.
        """


class JobOutbox(Protocol):
    """Where messages of jobs are sent by the functions."""

    def send(self, queue_url: str, messages: Sequence[JobMessage]) -> None:
        """Enqueue all, in as few calls as possible; ``DependencyError`` if one of them may not be there.

        Those that were refused alone are tried again alone. ``QueueGone`` if the job's queue is no more.
        """


class JobSender(Protocol):
    """Where a worker sends to its job's queue."""

    async def send(self, message: JobMessage) -> None:
        """Enqueue; again within five minutes is once. ``DependencyError`` if it may not be there."""


class Ranges(Protocol):
    """Objects with input, in the user's buckets and our own, read in parts."""

    def read(self, segment: Segment, *, first: int, size: int) -> bytes:
        """So many bytes of the segment's object from ``first`` on; fewer only if the object ends there.

        ``ObjectChanged`` if its ETag is not the segment's, unless that is empty. ``ObjectMissing`` if
        there is none; or, as S3 does not tell the two apart, if it may not be read.
        """


class WorkerJobs(Protocol):
    """The job store, as a worker sees it. Each method may raise ``DependencyError``."""

    async def get(self, key: JobKey) -> JobRecord | None:
        """Read the job's record, strongly consistent."""

    async def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        """Carry out one conditional write."""

    async def tallies(self, key: JobKey) -> Sequence[WorkerTally]:
        """The counters of all its workers, strongly consistent."""

    async def commit(self, commit: Commit) -> frozenset[str]:
        """See ``JobParts.commit``."""

    async def ended(self, key: JobKey, batch: str) -> bool:
        """Whether the batch has an end already, strongly consistent."""

    async def arrive(self, key: JobKey, worker: str, *, now_ms: int, expires_at: int) -> None:
        """Begin this worker's counters."""

    async def alive(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """Give a sign of life."""

    async def leave(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """This worker ends by itself."""

    async def releases(self, key: JobKey, batch: str) -> int:
        """How often the batch was given back without an attempt's being its fault (R7)."""

    async def give_back(self, key: JobKey, batch: str, *, expires_at: int) -> int:
        """Count one more such release; how many there are now."""

    def parts(self, key: JobKey) -> AsyncIterator[Sequence[Part]]:
        """All parts with results and errors, in the order of their ids, a page at a time."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object in a bucket of the user's."""

    key: str
    size_bytes: int
    etag: str


class NoSuchBucket(Exception):
    """There is no bucket of that name."""


class BucketForbidden(Exception):
    """The bucket does not let Penstock list it; its owner can."""


class InputListing(Protocol):
    """What lies in buckets of the user's. May raise ``DependencyError``."""

    def pages(self, bucket: str, prefix: str, *, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """The objects whose keys begin with the prefix, in the order of keys, up to 1,000 a page.

        Only those behind the key ``after``, if it is given. ``NoSuchBucket``, ``BucketForbidden``.
        """


class Executions(Protocol):
    """The state machines of the batch APIs."""

    def start(self, key: JobKey) -> None:
        """Begin the execution of a job; again is once. ``DependencyError`` if it may not have begun."""
