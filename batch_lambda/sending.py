"""A chunk's batches on their way out, some hundred at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import objects
from penstock.batch.jobs import JobStatus
from penstock.batch.messages import BatchMessage, travels

if TYPE_CHECKING:
    from penstock.batch.batching import Batch
    from penstock.batch.jobs import JobRecord
    from penstock.batch.ports import JobOutbox, Jobs
    from penstock.ports import Clock, Objects

#: Sent together: as many calls at the same time as pay, and a bounded number of bytes in memory.
_MOST_WAITING = 200
_MOST_WAITING_BYTES = 4 << 20

#: How often it is looked whether the job still wants them.
_LOOK_MS = 2000


class JobGone(Exception):
    """The job enqueues no more: it was stopped, or has ended."""


class OutOfTime(Exception):
    """Another call must go on behind the batches that are sent."""


class Sending:
    """Sends the batches of one chunk; those before ``skip`` were sent before, and are only counted."""

    def __init__(
        self,
        record: JobRecord,
        *,
        skip: int,
        until_ms: int,
        jobs: Jobs,
        bodies: Objects,
        outbox: JobOutbox,
        clock: Clock,
    ) -> None:
        self._record = record
        self._skip = skip
        self._until_ms = until_ms
        self._jobs = jobs
        self._bodies = bodies
        self._outbox = outbox
        self._clock = clock
        self._looked_ms = clock()
        self._waiting: list[BatchMessage] = []
        self._waiting_bytes = 0
        #: Batches and items met so far, and how many of the batches are known to be in the queue.
        self.batches = 0
        self.items = 0
        self.sent = skip

    def add(self, batch: Batch) -> None:
        """Take a batch; some are sent now and then. ``OutOfTime``, ``JobGone``, ``QueueGone``."""
        self.batches += 1
        self.items += batch.items
        if self.batches <= self._skip:
            return
        message = self._message(batch)
        self._waiting.append(message)
        self._waiting_bytes += len((message.body or "").encode())
        if len(self._waiting) == _MOST_WAITING or self._waiting_bytes > _MOST_WAITING_BYTES:
            self.flush()
            self._look()

    def flush(self) -> None:
        """Send what waits; ``QueueGone``."""
        if self._waiting:
            assert self._record.queue_url is not None
            self._outbox.send(self._record.queue_url, self._waiting)
            self.sent = self.batches
            self._waiting, self._waiting_bytes = [], 0

    def _message(self, batch: Batch) -> BatchMessage:
        key = self._record.key
        if travels(batch.body):
            return BatchMessage(job=key, batch=batch.id, items=batch.items, body=batch.body)
        # The body comes first: a worker may have the message at once.
        body_key = keys.job_object(key, objects.body(batch.id))
        self._bodies.put(body_key, batch.body.encode(), content_type="application/json")
        return BatchMessage(job=key, batch=batch.id, items=batch.items, body_key=body_key)

    def _look(self) -> None:
        now_ms = self._clock()
        if now_ms >= self._until_ms:
            raise OutOfTime
        if now_ms - self._looked_ms >= _LOOK_MS:
            self._looked_ms = now_ms
            record = self._jobs.get(self._record.key)
            if record is None or record.status is not JobStatus.ENQUEUING:
                raise JobGone
