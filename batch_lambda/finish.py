"""The only one who ends jobs that did not end by themselves, and who cleans up after all (J10, J11).

Each step may be done again, by the execution and by the event of its end at the same time: what decides
is the record, and what is left to do is known by name.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.batch import manifest, moves, stops
from penstock.batch.jobs import Hook, JobStatus
from penstock.batch.lanes import without_workers
from penstock.batch.ports import QueueGone
from penstock.batch.tallies import total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from batch_lambda.clean_up import CleanUp
    from penstock.batch.closing import Closer
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import JobParts, Jobs
    from penstock.batch.tallies import Tally
    from penstock.ports import Clock, Objects
    from penstock.records import Failure

logger = logging.getLogger(__name__)

#: Workers that are started for the last call alone, after the lanes are over.
MOST_LAST_WORKERS = 3

#: How long a worker that gives signs of life is waited for: it has 5 s to see that it is to leave, and
#: 100 s to drain (R18). What it counts after that is too late.
PATIENCE_MS = 180_000


class Next(StrEnum):
    """What the state machine does next."""

    DONE = "done"
    #: Call again after a while: workers are still there, or there is more to clean up than fits one call.
    WAIT = "wait"
    #: Run one more worker, then call again: nobody has called ``/on-job-complete``.
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Step:
    """One call's answer."""

    next: Next
    wait_seconds: int = 0
    #: Workers started for the last call alone, with the one that this step asks for; for the next call.
    last_workers: int = 0


_LOOK_AGAIN = Step(Next.WAIT, wait_seconds=5)
_MORE = Step(Next.WAIT, wait_seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What led to the call."""

    #: Workers already started for the last call alone.
    last_workers: int = 0
    #: How the execution ended, in Step Functions' words; None while it runs.
    execution: str | None = None
    #: What the execution caught before, if anything.
    fault: Mapping[str, str] | None = None


class Finisher:
    """Ends jobs."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        parts: JobParts,
        bodies: Objects,
        closer: Closer,
        clean_up: CleanUp,
        clock: Clock,
        retention_seconds: Callable[[str], int],
    ) -> None:
        """``retention_seconds`` is by API."""
        self._jobs = jobs
        self._parts = parts
        self._bodies = bodies
        self._closer = closer
        self._clean_up = clean_up
        self._clock = clock
        self._retention_seconds = retention_seconds

    def finish(self, key: JobKey, called: Called) -> Step:
        """Bring the job as near to its end as it can be brought now."""
        record = self._look(key)
        while record is not None and not record.status.terminal:
            step = self._wait(record, called)
            if step is not None:
                return step
            self._move(record, called)
            record = self._jobs.get(key)
        cleaned = self._clean_up.after(key, record)
        return Step(Next.DONE) if cleaned else _MORE

    def _look(self, key: JobKey) -> JobRecord | None:
        try:
            return self._closer.close_if_done(key)
        except QueueGone:
            # Somebody deleted it by hand: there will be no last call.
            return self._jobs.get(key)

    def _wait(self, record: JobRecord, called: Called) -> Step | None:
        """What must happen before the job can be moved on; None if nothing."""
        if record.status not in {JobStatus.COMPLETING, JobStatus.STOPPING}:
            return None
        more = called.execution is None and called.last_workers < MOST_LAST_WORKERS
        if record.status is JobStatus.COMPLETING and more:
            return Step(Next.WORK, last_workers=called.last_workers + 1)
        return _LOOK_AGAIN if self._waits_for_workers(record) else None

    def _waits_for_workers(self, record: JobRecord) -> bool:
        now_ms = self._clock()
        since_ms = record.stopping_ms or record.completing_ms
        assert since_ms is not None
        at_work = any(tally.at_work(now_ms) for tally in self._parts.tallies(record.key))
        return at_work and now_ms - since_ms < PATIENCE_MS

    def _move(self, record: JobRecord, called: Called) -> None:
        """Move the job on; if another has done so meanwhile, that is just as well."""
        if record.status is JobStatus.STOPPING:
            self._end(record)
        elif record.status is JobStatus.COMPLETING:
            self._finish_without_hook(record)
        else:
            ending, failure = self._verdict(record, called)
            self._jobs.apply(record.key, moves.stop(ending=ending, failure=failure, now_ms=self._clock()))

    def _verdict(self, record: JobRecord, called: Called) -> tuple[JobStatus, Failure]:
        """Why a job is over that is neither done nor was stopped."""
        if called.execution is not None:
            return stops.execution_ended(called.execution)
        if record.status is not JobStatus.RUNNING:
            return JobStatus.ENQUEUE_FAILED, stops.enqueue_failed(called.fault)
        starved = without_workers(self._parts.lanes(record.key), workers=record.workers)
        return starved or (JobStatus.WORKER_ERROR, stops.NO_WORKERS)

    def _end(self, record: JobRecord) -> None:
        assert record.ending is not None
        # Frozen first: what is in the manifest besides ended too late to be counted, and harms nobody.
        tally = self._tally(record.key)
        enqueued = record.total
        if enqueued is None:
            enqueued = sum(chunk.batches for chunk in self._parts.chunks(record.key))
        manifest.store(record, parts=self._parts, bodies=self._bodies)
        ended = moves.end(
            ending=record.ending,
            total=enqueued,
            tally=tally,
            now_ms=self._clock(),
            retention_seconds=self._retention_seconds(record.api),
        )
        self._jobs.apply(record.key, ended)
        context = {"action": "end", "api": record.api, "job": record.id, "ending": record.ending.value}
        logger.info("job ended early", extra=context)

    def _finish_without_hook(self, record: JobRecord) -> None:
        manifest.store(record, parts=self._parts, bodies=self._bodies)
        finished = moves.finish(
            tally=self._tally(record.key),
            hook=Hook(attempts=0, failure=stops.HOOK_UNCALLED),
            now_ms=self._clock(),
            retention_seconds=self._retention_seconds(record.api),
        )
        self._jobs.apply(record.key, finished)
        context = {"action": "finish", "api": record.api, "job": record.id}
        logger.error("nobody called /on-job-complete", extra=context)

    def _tally(self, key: JobKey) -> Tally:
        return total(self._parts.tallies(key))
