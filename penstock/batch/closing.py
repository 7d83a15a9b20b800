"""From the last batch's end to the job's last message (J5, J6): what the functions do about it.

A worker does the same with its own, asynchronous, ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.batch import moves
from penstock.batch.completion import is_done
from penstock.batch.jobs import JobStatus
from penstock.batch.messages import CompleteMessage
from penstock.batch.ports import JobApplied
from penstock.batch.tallies import total

if TYPE_CHECKING:
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import JobOutbox, JobParts, Jobs
    from penstock.ports import Clock


class Closer:
    """Closes jobs whose batches have all ended."""

    def __init__(self, *, jobs: Jobs, parts: JobParts, outbox: JobOutbox, clock: Clock) -> None:
        self._jobs = jobs
        self._parts = parts
        self._outbox = outbox
        self._clock = clock

    def close_if_done(self, key: JobKey) -> JobRecord | None:
        """Send the last message if each batch has ended; the record as it then stands.

        Whoever finds the job completing sends it too: the one that made it so may have died in between,
        and the queue takes it once in five minutes.
        """
        record = self._jobs.get(key)
        if record is not None and is_done(record, total(self._parts.tallies(key))):
            answer = self._jobs.apply(key, moves.complete(now_ms=self._clock()))
            record = answer.record if isinstance(answer, JobApplied) else answer.found
        if record is not None and record.status is JobStatus.COMPLETING:
            assert record.queue_url is not None
            self._outbox.send(record.queue_url, [CompleteMessage(job=key)])
        return record
