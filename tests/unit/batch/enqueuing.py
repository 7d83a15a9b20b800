"""A job on memory fakes, with the steps that make its batches."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from batch_lambda.enqueue import Enqueued, Enqueuer
from batch_lambda.plan import Planned, Planner
from batch_lambda.seal import Sealer
from penstock import keys
from penstock.batch import objects
from penstock.batch.chunks import Chunk
from penstock.batch.closing import Closer
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.messages import BatchMessage, decode_for
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.testing import (
    ManualClock,
    MemoryInputListing,
    MemoryJobOutbox,
    MemoryJobParts,
    MemoryJobs,
    MemoryObjects,
    MemoryQueue,
    MemoryRanges,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = JobKey(api="sum", id="7fff000000000000")
QUEUE = "https://sqs/job.fifo"
OWN = "own"
LAKE = "lake"

#: One thread is enough for dictionaries, and never ends before the tests do.
EXECUTOR = ThreadPoolExecutor(1)


class World:
    """All stores of one job, which is enqueuing. Its time only goes on when it is told to."""

    def __init__(self, source: Source) -> None:
        self.clock = ManualClock()
        self.jobs, self.parts, self.bodies = MemoryJobs(), MemoryJobParts(), MemoryObjects()
        self.queue = MemoryQueue(self.clock)
        self.outbox = MemoryJobOutbox({QUEUE: self.queue})
        self.listing = MemoryInputListing(self.bodies)
        self.ranges = MemoryRanges(self.bodies, own_bucket=OWN)
        self.jobs.rows[KEY] = JobRecord(
            api=KEY.api,
            id=KEY.id,
            status=JobStatus.ENQUEUING,
            workers=1,
            caller="anonymous",
            fingerprint="f",
            created_ms=self.clock(),
            max_attempts=3,
            queue_url=QUEUE,
        )
        self.put(objects.SPEC, JobSpec(workers=1, source=source).to_json())
        serial = count()
        self.planner = Planner(
            jobs=self.jobs,
            parts=self.parts,
            bodies=self.bodies,
            listing=self.listing,
            own_bucket=OWN,
            executor=EXECUTOR,
            clock=self.clock,
            nonce=lambda: f"{next(serial)}",
        )
        self.enqueuer = Enqueuer(
            jobs=self.jobs,
            parts=self.parts,
            bodies=self.bodies,
            ranges=self.ranges,
            outbox=self.outbox,
            executor=EXECUTOR,
            clock=self.clock,
        )
        closer = Closer(jobs=self.jobs, parts=self.parts, outbox=self.outbox, clock=self.clock)
        self.sealer = Sealer(
            jobs=self.jobs, parts=self.parts, bodies=self.bodies, closer=closer, clock=self.clock
        )

    @property
    def record(self) -> JobRecord:
        return self.jobs.rows[KEY]

    def put(self, name: str, text: str) -> None:
        self.bodies.put(keys.job_object(KEY, name), text.encode(), content_type=None)

    def file(self, key: str, data: bytes) -> None:
        self.bodies.foreign[LAKE, key] = data

    def becomes(self, status: JobStatus, **changes: Any) -> None:
        self.jobs.rows[KEY] = replace(self.record, status=status, **changes)

    def plan(self) -> Planned:
        return self.planner.plan(KEY, None, until_ms=self.clock() + 600_000)

    def chunks(self) -> list[Chunk]:
        """As the state machine finds them."""
        listed = self.bodies.bodies[keys.job_object(KEY, objects.CHUNKS)].decode().splitlines()
        names = (objects.chunk(json.loads(line)["chunk"]) for line in listed)
        return [Chunk.from_json(self.bodies.bodies[keys.job_object(KEY, name)]) for name in names]

    def enqueue(self, index: int, *, sent: int = 0, seconds: int = 600) -> Enqueued:
        return self.enqueuer.enqueue(KEY, index, sent=sent, until_ms=self.clock() + seconds * 1000)

    def enqueue_all(self) -> None:
        for chunk in self.chunks():
            assert self.enqueue(chunk.index).done

    def messages(self) -> list[BatchMessage]:
        """Those in the queue that a worker finds, in the order in which they were sent."""
        decoded = [decode_for(KEY, entry.body) for entry in self.queue._entries]
        return [message for message in decoded if isinstance(message, BatchMessage)]

    def sent(self) -> Counter[str]:
        """How often each batch is in the queue."""
        return Counter(message.batch for message in self.messages())

    def batches(self) -> Sequence[Any]:
        """The batches' items."""
        return [json.loads(self.body(message)) for message in self.messages()]

    def items(self) -> list[Any]:
        return [item for batch in self.batches() for item in batch]

    def body(self, message: BatchMessage) -> str:
        if message.body is not None:
            return message.body
        assert message.body_key is not None
        return self.bodies.read(message.body_key).decode()


def files(*paths: str, batch_size: int = 2, **more: Any) -> Source:
    return Source(
        kind=SourceKind.DELIMITED_FILES, batch_size=batch_size, s3_paths=paths or ("s3://lake/",), **more
    )
