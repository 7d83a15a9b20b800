"""What is left to do after a job's end (J12): failed batches go to the caller's queue, the job's own goes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import objects
from penstock.batch.belongings import DeadLettersRefused
from penstock.batch.dead_letters import letter
from penstock.batch.messages import MOST_INLINE_BYTES
from penstock.ports import ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from penstock.batch.belongings import DeadLetterQueues, JobQueues, Timers
    from penstock.batch.commits import FailedBatch
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import JobParts
    from penstock.ports import Clock, Objects

logger = logging.getLogger(__name__)

#: Batches read and sent in one go. After each, how far it came is noted.
PAGE = 100

#: A call ends after this long, so that its function does not end it.
MOST_MS = 200_000

#: Stands behind all batches' ids, in the note of how far it came.
_ALL = "~"


class CleanUp:
    """Cleans up. Again is once, but for a page of dead letters that a crash let be sent twice."""

    def __init__(
        self,
        *,
        parts: JobParts,
        bodies: Objects,
        bucket: str,
        queues: JobQueues,
        timers: Timers,
        dead_letters: DeadLetterQueues,
        executor: Executor,
        clock: Clock,
        page: int = PAGE,
    ) -> None:
        """``bucket`` is where ``bodies`` lie; the executor reads that many of them at a time."""
        self._parts = parts
        self._bodies = bodies
        self._bucket = bucket
        self._queues = queues
        self._timers = timers
        self._dead_letters = dead_letters
        self._executor = executor
        self._clock = clock
        self._page = page

    def after(self, key: JobKey, record: JobRecord | None) -> bool:
        """Clean up after a job that has ended, or is not there any more; False if there is more to do."""
        self._timers.clear(key)
        if record is not None and record.dead_letter_arn is not None and record.failed:
            until_ms = self._clock() + MOST_MS
            if not self._report(key, record.dead_letter_arn, until_ms):
                return False
        self._queues.delete(key)
        return True

    def _report(self, key: JobKey, arn: str, until_ms: int) -> bool:
        """Send the failed batches on from where an earlier call came to; whether all are sent."""
        after = self._came_to(key)
        while after != _ALL:
            if self._clock() >= until_ms:
                return False
            batches = self._parts.failed(key, after=after, limit=self._page)
            try:
                self._send(key, arn, batches)
            except DeadLettersRefused:
                # The batches stay listed with the job, and can be run again from there.
                context = {"action": "report_failed", "api": key.api, "job": key.id, "queue": arn}
                logger.exception("dead-letter queue refuses", extra=context)
                batches = ()
            after = batches[-1].id if len(batches) == self._page else _ALL
            self._bodies.put(_note(key), after.encode(), content_type="text/plain")
        return True

    def _came_to(self, key: JobKey) -> str | None:
        try:
            return self._bodies.read(_note(key)).decode()
        except ObjectMissing:
            return None

    def _send(self, key: JobKey, arn: str, batches: Sequence[FailedBatch]) -> None:
        bodies = self._executor.map(self._body, batches)
        letters = [
            letter(key, batch, body, bucket=self._bucket) for batch, body in zip(batches, bodies, strict=True)
        ]
        if letters:
            self._dead_letters.send(arn, letters)

    def _body(self, batch: FailedBatch) -> bytes | None:
        try:
            # No more than it takes to see that the rest does not travel: a page of the largest bodies
            # would not fit into memory.
            return self._bodies.read_range(batch.body_key, first=0, last=MOST_INLINE_BYTES)
        except ObjectMissing:
            return None


def _note(key: JobKey) -> str:
    return keys.job_object(key, objects.REPORTED)
