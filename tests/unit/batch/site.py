"""The steps of a batch job over stores in memory, any call of which may be made to fail."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from batch_lambda.clean_up import CleanUp
from batch_lambda.finish import Called, Finisher, Next, Step
from batch_lambda.lane import LaneKeeper
from batch_lambda.prepare import Preparer
from batch_lambda.stop import Stopper
from penstock.batch.chunks import EnqueuedChunk
from penstock.batch.closing import Closer
from penstock.batch.commits import Commit, FinishedBatch, Part, PartKind
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.tallies import WorkerTally
from penstock.ports import DependencyError
from penstock.records import Failure
from penstock.testing import (
    ManualClock,
    MemoryDeadLetterQueues,
    MemoryJobOutbox,
    MemoryJobParts,
    MemoryJobQueues,
    MemoryJobs,
    MemoryObjects,
    MemoryQueue,
    MemoryTimers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

KEY = JobKey(api="sum", id="63ffffffffffffff")
ARN = "arn:aws:sqs:eu-west-1:111122223333:mine.fifo"
RETENTION_SECONDS = 3600


class AtOnce(Executor):
    """Does what it is given before it goes on."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Fuse:
    """Blows at one call: before it takes effect, or after, so that only its answer is lost."""

    def __init__(self) -> None:
        self.calls = 0
        self.blows_at: int | None = None
        self.after = False

    def wrap(self, port: Any) -> Any:
        return _Wired(port, self)

    def through(self, call: Callable[[], T]) -> T:
        self.calls += 1
        blows = self.calls == self.blows_at
        if blows and not self.after:
            raise DependencyError("lost before")
        answer = call()
        if blows:
            raise DependencyError("lost after")
        return answer


class _Wired:
    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return lambda *args, **kwargs: self._fuse.through(lambda: method(*args, **kwargs))


@dataclass
class Site:
    """All stores, and the steps over them."""

    clock: ManualClock
    fuse: Fuse
    jobs: MemoryJobs
    parts: MemoryJobParts
    bodies: MemoryObjects
    queues: MemoryJobQueues
    timers: MemoryTimers
    dead_letters: MemoryDeadLetterQueues
    messages: dict[str, MemoryQueue]
    preparer: Preparer
    lanes: LaneKeeper
    finisher: Finisher
    stopper: Stopper

    @property
    def record(self) -> JobRecord:
        return self.jobs.rows[KEY]

    def plant(self, status: JobStatus, **changes: Any) -> JobRecord:
        """A job in this state, with its queue if it has begun."""
        record = JobRecord(
            api=KEY.api,
            id=KEY.id,
            status=status,
            workers=2,
            caller="anonymous",
            fingerprint="f",
            created_ms=self.clock(),
            max_attempts=3,
        )
        if status is not JobStatus.PENDING:
            url = self.queues.create(KEY)
            self.messages[url] = MemoryQueue(self.clock)
            record = replace(record, queue_url=url, started_ms=self.clock())
        if status is JobStatus.STOPPING:
            record = replace(record, stopping_ms=self.clock(), ending=JobStatus.STOPPED)
        if status is JobStatus.COMPLETING:
            record = replace(record, completing_ms=self.clock(), total=0)
        self.jobs.rows[KEY] = replace(record, **changes)
        return self.record

    def enqueue(self, *batches: int) -> None:
        """Note a chunk of so many batches each."""
        for index, count in enumerate(batches):
            chunk = EnqueuedChunk(index=index, batches=count, items=count)
            self.parts.put_chunk(KEY, chunk, expires_at=0)

    def end_batches(self, worker: str, succeeded: int, failed: int = 0, *, results: bool = False) -> None:
        """A commit of so many batches."""
        known = len(self.parts.batches[KEY])
        batches = tuple(
            self._ended(f"0-{known + number}", fails=number >= succeeded)
            for number in range(succeeded + failed)
        )
        part = Part(
            id=f"{worker}-{known}",
            kind=PartKind.RESULTS,
            key=f"{worker}-{known}.jsonl",
            size_bytes=1,
            lines=len(batches),
        )
        commit = Commit(
            key=KEY,
            worker=worker,
            token=f"{worker}{known}",
            batches=batches,
            parts=(part,) if results else (),
            expires_at=0,
        )
        assert self.parts.commit(commit) == frozenset()

    def work(self, worker: str, *, left: bool = False) -> None:
        """A worker gives a sign of life, or leaves."""
        now_ms = self.clock()
        own = self.parts.workers[KEY].get(worker, WorkerTally(worker=worker))
        signed = replace(own, started_ms=now_ms, seen_ms=now_ms, left_ms=now_ms if left else None)
        self.parts.workers[KEY][worker] = signed

    def finish(self, **called: Any) -> Step:
        """Call the finisher once."""
        return self.finisher.finish(KEY, Called(**called))

    def run_to_the_end(self, **called: Any) -> Step:
        """Call the finisher as the state machine does; no worker comes when one is asked for."""
        step = self.finish(**called)
        while step.next is not Next.DONE:
            self.clock.advance(step.wait_seconds)
            step = self.finish(**called | {"last_workers": step.last_workers})
        return step

    def _ended(self, batch: str, *, fails: bool) -> FinishedBatch:
        key = f"jobs/{KEY.api}/{KEY.id}/failed/{batch}.json"
        if fails:
            self.bodies.bodies[key] = f'["{batch}"]'.encode()
        return FinishedBatch(
            id=batch,
            failure=Failure(code="server_error", message="500") if fails else None,
            attempt=1,
            items=1,
            finished_ms=self.clock(),
            body_key=key if fails else None,
        )


def site(*, page: int = 2) -> Site:
    """Empty stores."""
    clock, fuse = ManualClock(), Fuse()
    jobs, parts, bodies = MemoryJobs(), MemoryJobParts(), MemoryObjects()
    queues, timers, dead_letters = MemoryJobQueues(), MemoryTimers(), MemoryDeadLetterQueues(ARN)
    messages: dict[str, MemoryQueue] = {}
    stores = {"jobs": fuse.wrap(jobs), "parts": fuse.wrap(parts), "clock": clock}

    def retention(api: str) -> int:
        assert api == KEY.api
        return RETENTION_SECONDS

    clean_up = CleanUp(
        parts=stores["parts"],
        bodies=fuse.wrap(bodies),
        bucket="bucket",
        queues=fuse.wrap(queues),
        timers=fuse.wrap(timers),
        dead_letters=fuse.wrap(dead_letters),
        executor=AtOnce(),
        clock=clock,
        page=page,
    )
    return Site(
        clock=clock,
        fuse=fuse,
        jobs=jobs,
        parts=parts,
        bodies=bodies,
        queues=queues,
        timers=timers,
        dead_letters=dead_letters,
        messages=messages,
        preparer=Preparer(
            jobs=stores["jobs"],
            bodies=fuse.wrap(bodies),
            queues=fuse.wrap(queues),
            timers=fuse.wrap(timers),
            clock=clock,
        ),
        lanes=LaneKeeper(**stores, retention_seconds=retention),
        finisher=Finisher(
            **stores,
            bodies=fuse.wrap(bodies),
            closer=Closer(**stores, outbox=fuse.wrap(MemoryJobOutbox(messages))),
            clean_up=clean_up,
            retention_seconds=retention,
        ),
        stopper=Stopper(jobs=stores["jobs"], clock=clock),
    )
