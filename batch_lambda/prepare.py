"""The first step: everything a job needs before workers and batches come (J9, J10, J12)."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.jobs import JobStatus
from penstock.batch.ports import JobApplied
from penstock.batch.stops import TIMED_OUT

if TYPE_CHECKING:
    from penstock.batch.belongings import JobQueues, Timers
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import Jobs
    from penstock.ports import Clock, Objects

logger = logging.getLogger(__name__)


class Preparer:
    """Prepares jobs. Each step may be done again: the state machine repeats all of them after a fault."""

    def __init__(
        self, *, jobs: Jobs, bodies: Objects, queues: JobQueues, timers: Timers, clock: Clock
    ) -> None:
        self._jobs = jobs
        self._bodies = bodies
        self._queues = queues
        self._timers = timers
        self._clock = clock

    def prepare(self, key: JobKey) -> bool:
        """Whether the job is to run; not if it was stopped, has no time left, or is not there any more."""
        record = self._jobs.get(key)
        if record is None or not _to_begin(record):
            logger.info("nothing to begin", extra={"action": "prepare", "api": key.api, "job": key.id})
            return False
        if record.deadline_ms is not None and record.deadline_ms <= self._clock():
            late = moves.stop(ending=JobStatus.TIMED_OUT, failure=TIMED_OUT, now_ms=self._clock())
            self._jobs.apply(key, late)
            return False
        return self._begin(record)

    def _begin(self, record: JobRecord) -> bool:
        # The queue comes before the record names it, and the record before any worker asks for it. What
        # a crash leaves behind in between is found by the finisher, who knows all by name.
        queue_url = self._queues.create(record.key)
        if record.deadline_ms is not None:
            self._timers.set(record.key, at_ms=record.deadline_ms)
        lanes = "".join(f"{json.dumps({'lane': lane})}\n" for lane in range(record.workers))
        self._bodies.put(
            keys.job_object(record.key, objects.LANES), lanes.encode(), content_type="application/jsonl"
        )
        started = self._jobs.apply(record.key, moves.start(queue_url=queue_url, now_ms=self._clock()))
        return isinstance(started, JobApplied)


def _to_begin(record: JobRecord) -> bool:
    # An earlier try of this step may have begun it already.
    return record.status in {JobStatus.PENDING, JobStatus.ENQUEUING}
