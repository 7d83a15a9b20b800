"""What the parts of a job's worker share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.tracing.ports import OFF

if TYPE_CHECKING:
    from asyncio import Event
    from collections.abc import Callable

    from dequeuer.batch.holding import Hold, Holding
    from dequeuer.batch.patience import Patience
    from dequeuer.cleanup import Cleaner
    from dequeuer.container import Container
    from dequeuer.telemetry import Telemetry
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.messages import BatchMessage
    from penstock.batch.ports import JobSender, WorkerJobs
    from penstock.ports import Clock, Delivery, Source, Streams
    from penstock.retries import RetryPolicy
    from penstock.tracing.ports import Tracer

#: A batch's item must outlive its message, which SQS keeps for 14 days at most.
_QUEUE_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The job, and what of it does not change while this worker is at it."""

    key: JobKey
    #: Name of this worker process among all of the job (J2).
    worker: str
    policy: RetryPolicy
    #: Whether the container's answers are kept (J8).
    results: bool
    retention_seconds: int
    #: Where its submission is in a trace, if it is traced.
    trace: str | None = None

    @classmethod
    def of(cls, record: JobRecord, *, worker: str, policy: RetryPolicy, retention_seconds: int) -> Job:
        """From the job's record."""
        return cls(
            key=record.key,
            worker=worker,
            policy=policy,
            results=record.results,
            retention_seconds=retention_seconds,
            trace=record.trace,
        )

    def expires_at(self, now_ms: int) -> int:
        """When an item that is written now may go, in seconds."""
        return now_ms // 1000 + _QUEUE_SECONDS + self.retention_seconds

    def headers(self, batch: str, attempt: int) -> dict[str, str]:
        """What the container is told with each call."""
        return {
            "Content-Type": "application/json",
            "X-Penstock-Job-ID": self.key.id,
            "X-Penstock-Batch-ID": batch,
            "X-Penstock-Attempt": str(attempt),
            "X-Cortex-Job-ID": self.key.id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a job's worker works with."""

    jobs: WorkerJobs
    source: Source
    streams: Streams
    sender: JobSender
    container: Container
    cleaner: Cleaner
    telemetry: Telemetry
    clock: Clock
    #: A random number from 0 to 1, for the spread of waits.
    chance: Callable[[], float]
    patience: Patience
    holding: Holding
    #: Told that the container refuses connections, whatever its probes said last.
    on_unreachable: Callable[[], None]
    tracer: Tracer = OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Why work is broken off."""

    #: The drain has taken too long, or the job is over: nothing new is begun, and nothing waited for.
    out_of_time: Event
    #: The job is over for its workers: ended, or to end early.
    over: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An attempt of a batch in progress."""

    message: BatchMessage
    delivery: Delivery
    #: Its number, from 1.
    attempt: int
    hold: Hold

    @property
    def traced_as(self) -> dict[str, str | int]:
        """What spans of this attempt are known by."""
        job = self.message.job
        return {"api": job.api, "job": job.id, "batch": self.message.batch, "attempt": self.attempt}

    def log_context(self, action: str) -> dict[str, str | int]:
        """What a log line about this attempt may hold."""
        return {"action": action, **self.traced_as}
