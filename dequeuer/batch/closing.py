"""From the last batch's end to the job's last message (J5, J6): what a worker does about it.

``penstock.batch.closing`` does the same for the functions, with ports of theirs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock.batch import moves
from penstock.batch.completion import is_done
from penstock.batch.jobs import JobStatus
from penstock.batch.messages import CompleteMessage
from penstock.batch.ports import JobApplied
from penstock.batch.tallies import total
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from dequeuer.batch.run import Ends, Job, Ports
    from penstock.batch.jobs import JobRecord

logger = logging.getLogger(__name__)

#: A job that is found completing gets its last message again so often: who made it so may have died before
#: that. The queue takes it once in five minutes.
RESEND_MS = 60_000


class Closing:
    """Looks whether the job is done, or over."""

    def __init__(self, job: Job, ports: Ports, ends: Ends) -> None:
        self._job = job
        self._ports = ports
        self._ends = ends
        self._sent_ms: int | None = None

    async def look(self) -> None:
        """Send the last message if each batch has ended; leave if the job is over.

        A store's fault is only noted: the next look will tell.
        """
        try:
            record = await self._closed(await self._ports.jobs.get(self._job.key))
            if record is None or not record.status.open_to_work:
                self._ends.over.set()
            elif record.status is JobStatus.COMPLETING:
                await self._send()
        except DependencyError as error:
            context = {"action": "close", "job": self._job.key.id, "error": str(error)}
            logger.warning("not known whether the job is done", extra=context)

    async def _closed(self, record: JobRecord | None) -> JobRecord | None:
        if record is None or record.status is not JobStatus.RUNNING:
            return record
        if not is_done(record, total(await self._ports.jobs.tallies(record.key))):
            return record
        answer = await self._ports.jobs.apply(record.key, moves.complete(now_ms=self._ports.clock()))
        return answer.record if isinstance(answer, JobApplied) else answer.found

    async def _send(self) -> None:
        now_ms = self._ports.clock()
        if self._sent_ms is None or now_ms - self._sent_ms >= RESEND_MS:
            await self._ports.sender.send(CompleteMessage(job=self._job.key))
            self._sent_ms = now_ms
