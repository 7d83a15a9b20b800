"""One chunk's batches into the job's queue (J3)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_lambda.ahead import read_ahead
from batch_lambda.failing import failing
from batch_lambda.sending import JobGone, OutOfTime, Sending
from penstock import keys
from penstock.batch import objects
from penstock.batch.batching import Batch, batches
from penstock.batch.chunks import Chunk, EnqueuedChunk
from penstock.batch.items import BadItem, InputFault
from penstock.batch.job_ids import batch_id
from penstock.batch.jobs import JobStatus
from penstock.batch.ports import QueueGone
from penstock.batch.reading import body_of, items_of, located
from penstock.batch.spec import JobSpec, OnBadItem, SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import JobOutbox, JobParts, Jobs, Ranges
    from penstock.batch.spec import Source
    from penstock.ports import Clock, Objects

logger = logging.getLogger(__name__)

#: The queue keeps messages for 14 days, so no job lasts longer.
_KEPT_SECONDS = 15 * 24 * 3600

#: Bad items of a chunk that are logged one by one; the others are counted.
_MOST_LOGGED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """One call's answer. Unless it is done, the next call is given the number of batches sent."""

    done: bool
    sent: int


class Enqueuer:
    """Enqueues chunks. A chunk that is enqueued again makes the same batches, which their queue knows."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        parts: JobParts,
        bodies: Objects,
        ranges: Ranges,
        outbox: JobOutbox,
        executor: Executor,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._parts = parts
        self._bodies = bodies
        self._ranges = ranges
        self._outbox = outbox
        self._executor = executor
        self._clock = clock

    def enqueue(self, key: JobKey, index: int, *, sent: int = 0, until_ms: int) -> Enqueued:
        """Send the chunk's batches but the first ``sent``, until all are, or the time is over.

        Ends quietly if the job is enqueuing no more. ``InputFault`` if the input is at fault: the job has
        been told. ``DependencyError``: may be tried again.
        """
        record = self._jobs.get(key)
        if record is None or record.status is not JobStatus.ENQUEUING:
            return Enqueued(done=True, sent=sent)
        sending = Sending(
            record,
            skip=sent,
            until_ms=until_ms,
            jobs=self._jobs,
            bodies=self._bodies,
            outbox=self._outbox,
            clock=self._clock,
        )
        context = {"action": "enqueue", "api": key.api, "job": key.id, "chunk": index}
        try:
            with failing(self._jobs, key, self._clock):
                self._send(record, index, sending)
        except OutOfTime:
            logger.info("out of time", extra={**context, "sent": sending.sent})
            return Enqueued(done=False, sent=sending.sent)
        except (JobGone, QueueGone):
            logger.info("job enqueues no more", extra={**context, "sent": sending.sent})
        return Enqueued(done=True, sent=sending.sent)

    def _send(self, record: JobRecord, index: int, sending: Sending) -> None:
        source = JobSpec.from_json(self._bodies.read(keys.job_object(record.key, objects.SPEC))).source
        reading = _Reading(
            Chunk.from_json(self._bodies.read(keys.job_object(record.key, objects.chunk(index)))),
            source,
            ranges=self._ranges,
            executor=self._executor,
        )
        for batch in reading.batches():
            sending.add(batch)
        sending.flush()
        enqueued = EnqueuedChunk(
            index=index, batches=sending.batches, items=sending.items, skipped=reading.skipped
        )
        self._parts.put_chunk(record.key, enqueued, expires_at=self._clock() // 1000 + _KEPT_SECONDS)
        context = {"action": "enqueue", "api": record.api, "job": record.id, "chunk": index}
        counts = {"batches": sending.batches, "items": sending.items, "skipped": reading.skipped}
        logger.info("enqueued", extra={**context, **counts})


class _Reading:
    """A chunk being read; ``skipped`` counts the bad items that were passed over."""

    def __init__(self, chunk: Chunk, source: Source, *, ranges: Ranges, executor: Executor) -> None:
        self._chunk = chunk
        self._source = source
        self._ranges = ranges
        self._executor = executor
        self.skipped = 0

    def batches(self) -> Iterator[Batch]:
        """Its batches, in order."""
        if self._source.kind is SourceKind.RETRY:
            return self._stored()
        return batches(self._chunk.index, self._items(), size=self._source.batch_size)

    def _stored(self) -> Iterator[Batch]:
        for number, (segment, begun) in enumerate(
            read_ahead(self._chunk.segments, self._ranges, self._executor)
        ):
            body = body_of(segment, self._ranges, begun=begun)
            yield Batch(batch_id(self._chunk.index, number), segment.items, body)

    def _items(self) -> Iterator[str]:
        for segment, begun in read_ahead(self._chunk.segments, self._ranges, self._executor):
            for found in items_of(segment, self._ranges, begun=begun):
                if isinstance(found, str):
                    yield found
                elif self._source.on_bad_item is OnBadItem.FAIL:
                    raise InputFault("invalid_item", str(located(found, segment, self._ranges)))
                else:
                    self._skip(found)

    def _skip(self, bad: BadItem) -> None:
        self.skipped += 1
        if self.skipped <= _MOST_LOGGED:
            context = {"action": "skip_item", "chunk": self._chunk.index}
            logger.warning("bad item skipped", extra={**context, "error": str(bad)})
