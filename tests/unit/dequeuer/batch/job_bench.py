"""A job on in-memory stores, and workers of it with a container that does what a test says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from dequeuer.batch.at_work import AtWork
from dequeuer.batch.holding import Holding
from dequeuer.batch.patience import Patience
from dequeuer.batch.run import Ends, Job, Ports
from dequeuer.batch.watched import WatchedJobs, subject_of
from dequeuer.cleanup import Cleaner
from dequeuer.protect import Protection
from dequeuer.settings import BatchSettings
from dequeuer.shift import Shift
from dequeuer.telemetry import Telemetry
from dequeuer.watched import WatchedStreams
from dequeuer.worker import Worker
from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.job_ids import COMPLETE
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.messages import BatchMessage, CompleteMessage
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.batch.tallies import total
from penstock.testing import (
    MemoryJobParts,
    MemoryJobs,
    MemoryJobSender,
    MemoryObjects,
    MemoryQueue,
    MemorySource,
    MemoryStreams,
    MemoryWorkerJobs,
)
from tests.examples import NOW_MS
from tests.unit.dequeuer.manual_time import ManualTime
from tests.unit.dequeuer.workbench import Failing, ScriptedContainer, outages_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from penstock.batch.commits import FinishedBatch, Part
    from penstock.batch.tallies import Tally

KEY = JobKey(api="sum", id="69d6f8a1b2c3d4e5")
QUEUE_URL = "https://queue.invalid/job.fifo"

SETTINGS = BatchSettings(
    deployment="shop",
    api=KEY.api,
    table="t",
    bucket="b",
    dead_letter_url="dlq",
    port=8080,
    timeout_seconds=60,
    retention_seconds=600,
    poll_seconds=0,
    job_id=KEY.id,
)

RECORD = JobRecord(
    api=KEY.api,
    id=KEY.id,
    status=JobStatus.ENQUEUING,
    workers=1,
    caller="anonymous",
    fingerprint="f" * 64,
    created_ms=NOW_MS,
    started_ms=NOW_MS + 1000,
    queue_url=QUEUE_URL,
    max_attempts=3,
)

SPEC = JobSpec(
    workers=1, source=Source(kind=SourceKind.ITEM_LIST, batch_size=2, items=4), config={"model": "small"}
)


class FailingJobs(Failing):
    async def parts(self, key: JobKey) -> AsyncIterator[Sequence[Part]]:
        async for page in self._whole.parts(key):
            yield page


class AlwaysReady:
    async def wait(self) -> None:
        return


@dataclass
class JobBench:
    """``deliver`` takes one message by one's own hands; ``at_work`` runs a whole worker."""

    record: JobRecord = RECORD
    clock: ManualTime = field(default_factory=ManualTime)
    container: ScriptedContainer = field(default_factory=ScriptedContainer)
    settings: BatchSettings = SETTINGS

    def __post_init__(self) -> None:
        self.memory = MemoryJobs()
        self.memory.rows[KEY] = self.record
        self.parts = MemoryJobParts()
        self.objects = MemoryObjects()
        self.objects.bodies[keys.job_object(KEY, objects.SPEC)] = SPEC.to_json().encode()
        self.queue = MemoryQueue(self.clock)
        self.container.headers = {"content-type": "application/json"}
        self.container.body = b"[3]"
        self.sent = 0
        self.worker = self.new_worker("one")

    def new_worker(self, name: str, container: ScriptedContainer | None = None) -> BenchWorker:
        return BenchWorker(self, name, container or self.container)

    def enqueue(self, *bodies: str, key: str | None = None) -> None:
        for body in bodies:
            batch = f"0-{self.sent}"
            self.sent += 1
            message = BatchMessage(job=KEY, batch=batch, items=len(json.loads(body)), body=body)
            if key is not None:
                self.objects.bodies[key] = body.encode()
                message = replace(message, body=None, body_key=key)
            self.queue.put(message.encode(), group=batch, deduplication_id=batch)

    def seal(self) -> None:
        self._apply(moves.seal(total=self.sent, now_ms=self.clock()))

    def completing(self) -> None:
        """As if all batches had ended, and the last message were there."""
        self._apply(moves.seal(total=self.sent, now_ms=self.clock()))
        self._apply(moves.complete(now_ms=self.clock()))
        self.queue.put(CompleteMessage(job=KEY).encode(), group=COMPLETE, deduplication_id=COMPLETE)

    def stop(self) -> None:
        self._apply(moves.stop(ending=JobStatus.STOPPED, failure=None, now_ms=self.clock()))

    def _apply(self, move: Any) -> None:
        self.memory.apply(KEY, move)

    async def deliver(self) -> None:
        await self.worker.deliver()

    @property
    def now(self) -> JobRecord:
        return self.memory.rows[KEY]

    @property
    def tally(self) -> Tally:
        return total(self.parts.tallies(KEY))

    def ended(self, batch: str = "0-0") -> FinishedBatch | None:
        found = self.parts.batches[KEY].get(batch)
        return found[0] if found else None

    def object(self, name: str) -> bytes | None:
        return self.objects.bodies.get(keys.job_object(KEY, name))

    def lines(self, kind: str) -> list[Any]:
        """What counts of the parts of a kind."""
        listed = [part for part in self.parts.stored[KEY].values() if part.kind == kind]
        lines = [
            json.loads(line)
            for part in listed
            for line in self.objects.bodies[part.key].splitlines()
            if json.loads(line)["batch"] not in part.rejected
        ]
        return sorted(lines, key=lambda line: line["batch"])


class BenchWorker:
    """One worker's parts. Waits for company or for a store take no time."""

    def __init__(self, bench: JobBench, name: str, container: ScriptedContainer) -> None:
        self._bench = bench
        self.container = container
        self.beats = asyncio.Semaphore(0)
        self.doubted = asyncio.Event()
        self.ends = Ends(out_of_time=asyncio.Event(), over=asyncio.Event())
        self.jobs = FailingJobs(MemoryWorkerJobs(bench.memory, bench.parts))
        self.source = Failing(MemorySource(bench.queue))
        self.sender = Failing(MemoryJobSender(bench.queue))
        self.writes = Failing(MemoryStreams(bench.objects))
        self.outages = outages_on(bench.clock)
        self.job = Job.of(
            bench.record,
            worker=name,
            policy=bench.settings.policy(bench.record.max_attempts),
            retention_seconds=bench.settings.retention_seconds,
        )
        self.cleaner = Cleaner(source=cast("Any", self.source), streams=MemoryStreams(bench.objects))
        self.at_work = AtWork(self.job, self._ports(), self.ends, bucket="b", sleep=_at_once)
        self.worker = self._worker()

    def _ports(self) -> Ports:
        return Ports(
            jobs=WatchedJobs(cast("Any", self.jobs), self.outages),
            source=cast("Any", self.source),
            streams=WatchedStreams(cast("Any", self), self.outages, subject_of=subject_of),
            sender=cast("Any", self.sender),
            container=cast("Any", self.container),
            cleaner=self.cleaner,
            telemetry=Telemetry(deployment="shop", api="sum"),
            clock=self._bench.clock,
            chance=lambda: 0.5,
            patience=Patience(until=self.ends.out_of_time, sleep=_at_once),
            holding=Holding(cast("Any", self.source), seconds=30, sleep=self._until_beat),
            on_unreachable=self.doubted.set,
        )

    # The ``Streams`` port: what opens is a context manager, which ``Failing`` does not know.
    def open(self, payload: Any) -> Any:
        return MemoryStreams(self._bench.objects).open(payload)

    async def write(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str | None) -> int:
        return await self.writes.write(key, chunks, content_type=content_type)

    def _worker(self) -> Worker:
        clock, settings = self._bench.clock, self._bench.settings
        return Worker(
            settings,
            source=self.at_work.source,
            handler=self.at_work.handler,
            readiness=cast("Any", AlwaysReady()),
            outages=self.outages,
            protection=Protection(
                None, Shift(clock=clock, slots=settings.max_concurrency), clock=clock, sleep=clock.sleep
            ),
            out_of_time=self.ends.out_of_time,
            clock=clock,
        )

    async def _until_beat(self, _seconds: float) -> None:
        await self.beats.acquire()

    async def deliver(self) -> None:
        """Receive once, handle it, and write what came of it, deletions included."""
        (delivery,) = self._bench.queue.take(1)
        await self.at_work.handler.handle(delivery)
        await self.written()

    async def written(self) -> None:
        committer = self.at_work._committer
        committing = asyncio.create_task(committer.run())
        await committer.close()
        committing.cancel()
        await asyncio.gather(committing, return_exceptions=True)
        await self.cleaner.flush()

    async def run(self) -> None:
        """As ``dequeuer.batch.main`` runs it."""
        helpers = [asyncio.create_task(helper) for helper in self.at_work.helpers(self.worker)]
        await self.at_work.run(self.worker)
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await self.cleaner.flush()


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)
