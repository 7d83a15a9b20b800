"""The job's total, once each chunk is in its queue (J3)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_lambda.failing import failing
from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobStatus
from penstock.batch.ports import JobApplied

if TYPE_CHECKING:
    from penstock.batch.closing import Closer
    from penstock.batch.jobs import JobKey
    from penstock.batch.ports import JobParts, Jobs
    from penstock.ports import Clock, Objects

logger = logging.getLogger(__name__)


class ChunksMissing(Exception):
    """The chunks were to be enqueued, and some are not: the state machine went on too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The answer; not sealed if the job was stopped meanwhile."""

    sealed: bool
    total: int = 0


class Sealer:
    """Seals jobs. Again is once."""

    def __init__(self, *, jobs: Jobs, parts: JobParts, bodies: Objects, closer: Closer, clock: Clock) -> None:
        self._jobs = jobs
        self._parts = parts
        self._bodies = bodies
        self._closer = closer
        self._clock = clock

    def seal(self, key: JobKey) -> Sealed:
        """Write the total; end the job's regular course if its batches have ended already (J5).

        ``InputFault`` if there is no batch at all: the job has been told.
        """
        record = self._jobs.get(key)
        if record is None or not record.status.open_to_work:
            return Sealed(sealed=False)
        enqueued = self._parts.chunks(key)
        planned = self._bodies.read(keys.job_object(key, objects.CHUNKS)).count(b"\n")
        if record.status is JobStatus.ENQUEUING and len(enqueued) < planned:
            raise ChunksMissing(f"{len(enqueued)} of {planned} chunks are enqueued")
        total, skipped = sum(chunk.batches for chunk in enqueued), sum(chunk.skipped for chunk in enqueued)
        with failing(self._jobs, key, self._clock):
            if not total:
                raise InputFault("no_items", f"the input has no items; {skipped} bad ones were skipped")
        answer = self._jobs.apply(key, moves.seal(total=total, skipped=skipped, now_ms=self._clock()))
        sealed = isinstance(answer, JobApplied)
        context = {"action": "seal", "api": key.api, "job": key.id, "total": total, "skipped": skipped}
        logger.info("sealed" if sealed else "not sealed", extra=context)
        if sealed:
            self._closer.close_if_done(key)
        return Sealed(sealed=sealed, total=total)
