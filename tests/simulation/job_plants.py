"""Faults planted in jobs, one at a time; see ``tests.simulation.plants``."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest import mock

from batch_lambda.clean_up import CleanUp
from dequeuer.batch import bodies, committer, hook, parts
from penstock.batch import batching, moves
from penstock.batch.commits import PartKind
from penstock.batch.jobs import JobStatus
from penstock.batch.manifest import manifest
from penstock.outcomes import End
from penstock.testing import MemoryJobParts, MemoryJobs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from penstock.batch.chunks import EnqueuedChunk
    from penstock.batch.commits import Commit, Part
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.messages import BatchMessage
    from penstock.batch.ports import JobApplied, JobRefused
    from penstock.batch.tallies import Tally
    from penstock.ports import Streams
    from penstock.transitions import Transition


class JobsAsTheyAre:
    """Nothing is planted: the product as it is."""

    def jobs(self) -> MemoryJobs:
        """The table of jobs."""
        return MemoryJobs()

    def parts(self) -> MemoryJobParts:
        """The table of their parts."""
        return MemoryJobParts()

    def in_place(self) -> AbstractContextManager[Any]:
        """Whatever must be replaced while the world runs."""
        return nullcontext()


class _LastEndWins(MemoryJobParts):
    def commit(self, commit: Commit) -> frozenset[str]:
        known = self.batches[commit.key]
        for batch in commit.batches:
            if batch.id in known and known[batch.id][1] != commit.token:
                known[batch.id] = (batch, commit.token)
        return super().commit(commit)


class EndWithoutCondition(JobsAsTheyAre):
    """The end of a batch is written over an earlier one (J1)."""

    def parts(self) -> MemoryJobParts:
        return _LastEndWins()


class _CountsTries(MemoryJobParts):
    def commit(self, commit: Commit) -> frozenset[str]:
        known = self.batches[commit.key]
        if any(known.get(batch.id, (None, ""))[1] == commit.token for batch in commit.batches):
            self._count(commit)
        return super().commit(commit)


class CountBesidesTheEnd(JobsAsTheyAre):
    """The counters are no part of the transaction, so another try of a commit counts again (J2)."""

    def parts(self) -> MemoryJobParts:
        return _CountsTries()


class _AddsChunks(MemoryJobParts):
    def put_chunk(self, key: JobKey, chunk: EnqueuedChunk, *, expires_at: int) -> None:
        before = self.enqueued[key].get(chunk.index)
        batches = chunk.batches + (before.batches if before else 0)
        super().put_chunk(key, replace(chunk, batches=batches), expires_at=expires_at)


class ChunksThatAddUp(JobsAsTheyAre):
    """A chunk that is enqueued again is counted again (J3)."""

    def parts(self) -> MemoryJobParts:
        return _AddsChunks()


class BatchesWithNewNames(JobsAsTheyAre):
    """A chunk that is enqueued again has other ids for its batches (J3)."""

    def in_place(self) -> AbstractContextManager[Any]:
        numbers = count()
        return mock.patch.object(batching, "batch_id", lambda chunk, _: f"{chunk}-{next(numbers)}")


class NearlyDone(JobsAsTheyAre):
    """A job is taken for done when one batch is left (J5)."""

    def in_place(self) -> AbstractContextManager[Any]:
        def nearly(record: JobRecord, tally: Tally) -> bool:
            return record.status is JobStatus.RUNNING and tally.finished >= (record.total or 0) - 1

        return mock.patch("dequeuer.batch.closing.is_done", nearly)


class HookUncalled(JobsAsTheyAre):
    """The job's last message ends it without a call (J6)."""

    def in_place(self) -> AbstractContextManager[Any]:
        async def uncalled(*_: Any) -> Any:
            return hook._Called(End(None))

        return mock.patch.object(hook.LastMessage, "_call", uncalled)


class BodyNotKept(JobsAsTheyAre):
    """A worker records a failed batch without its body (J7)."""

    def in_place(self) -> AbstractContextManager[Any]:
        async def unkept(message: BatchMessage, _streams: Streams) -> str:
            return message.body_key or "nowhere"

        return mock.patch.object(bodies, "kept", unkept)


class RejectedLinesListed(JobsAsTheyAre):
    """A part does not say which of its lines count for nothing (J8)."""

    def in_place(self) -> AbstractContextManager[Any]:
        whole = parts.listed
        return mock.patch.object(committer, "listed", lambda put, _rejected: whole(put, frozenset()))


class PartsUnlisted(JobsAsTheyAre):
    """The manifest of a job with failures lists its results alone (J8)."""

    def in_place(self) -> AbstractContextManager[Any]:
        def results(parts: Iterable[Part]) -> bytes:
            return manifest(part for part in parts if part.kind is PartKind.RESULTS)

        return mock.patch("dequeuer.batch.hook.manifest", results)


class QueueLeftBehind(JobsAsTheyAre):
    """The finisher does not clean up after a job that ended by itself (J10)."""

    def in_place(self) -> AbstractContextManager[Any]:
        whole = CleanUp.after

        def after(self: CleanUp, key: JobKey, record: JobRecord | None) -> bool:
            regular = record is not None and record.hook is not None
            return True if regular else whole(self, key, record)

        return mock.patch.object(CleanUp, "after", after)


class FailuresForgotten(JobsAsTheyAre):
    """Batches that failed count as cancelled too when a job ends early (J11)."""

    def in_place(self) -> AbstractContextManager[Any]:
        whole = moves.end

        def end(**named: Any) -> Transition:
            ended = whole(**named)
            return replace(
                ended, assign={**ended.assign, "cancelled": ended.assign["cancelled"] + named["tally"].failed}
            )

        return mock.patch.object(moves, "end", end)


class _Reopened(MemoryJobs):
    def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        if transition.move is moves.JobMove.STOP:
            transition = replace(transition, allowed=((),))
        return super().apply(key, transition)


class StopWithoutCondition(JobsAsTheyAre):
    """A job is told to stop whatever its status: also one that has ended."""

    def jobs(self) -> MemoryJobs:
        return _Reopened()


JOB_PLANTS: tuple[type[JobsAsTheyAre], ...] = (
    EndWithoutCondition,
    CountBesidesTheEnd,
    ChunksThatAddUp,
    BatchesWithNewNames,
    NearlyDone,
    HookUncalled,
    BodyNotKept,
    RejectedLinesListed,
    PartsUnlisted,
    QueueLeftBehind,
    FailuresForgotten,
    StopWithoutCondition,
)
