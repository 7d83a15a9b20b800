"""The record of one job: what DynamoDB holds and every part agrees on.

Times are whole milliseconds since the epoch (``…_ms``), except ``expires_at``, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.records import Failure


class JobStatus(StrEnum):
    """Where a job is in its life; the values are Cortex's, and ``completing`` and ``stopping`` on the way."""

    #: Accepted; its execution has not begun.
    PENDING = "pending"
    #: Batches are being made; workers may already be at those that are there.
    ENQUEUING = "enqueuing"
    #: All batches are enqueued and counted.
    RUNNING = "running"
    #: Each batch has ended; ``/on-job-complete`` is being called (J6).
    COMPLETING = "completing"
    #: It is to end early, as ``ending`` says, once its workers are gone (J11).
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    ENQUEUE_FAILED = "enqueue_failed"
    WORKER_ERROR = "worker_error"
    WORKER_OOM = "worker_oom"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"

    @property
    def terminal(self) -> bool:
        """A terminal record is never written again."""
        return self in TERMINAL

    @property
    def open_to_work(self) -> bool:
        """Whether workers should go on; else they leave."""
        return self in _AT_WORK


_AT_WORK = frozenset({JobStatus.ENQUEUING, JobStatus.RUNNING, JobStatus.COMPLETING})
TERMINAL = frozenset(JobStatus) - _AT_WORK - {JobStatus.PENDING, JobStatus.STOPPING}
#: How a job may end before all its batches have.
EARLY_ENDS = TERMINAL - {JobStatus.SUCCEEDED, JobStatus.COMPLETED_WITH_FAILURES}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKey:
    """Identifies a job; an id means nothing without its API."""

    api: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """What became of the call to ``/on-job-complete``."""

    attempts: int
    #: The container's answer; None if there was none.
    status_code: int | None = None
    #: Why it counts as failed; None if it succeeded, or the container has no such route (404).
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job. Written by ``create`` once, then only through ``penstock.batch.moves``.

    It stays small, as each worker reads it every few seconds: the whole submission is in S3, at
    ``keys.job_spec``.
    """

    api: str
    id: str
    status: JobStatus
    workers: int
    caller: str
    fingerprint: str
    created_ms: int
    #: Attempts of a batch before it counts as failed.
    max_attempts: int
    #: Whether the container's answers are kept (J8).
    results: bool = False
    #: When it is stopped as timed out, counted from the submission; None for no limit.
    deadline_ms: int | None = None
    #: The job's own queue, once it is there (J12).
    queue_url: str | None = None
    #: The job whose failed batches this one runs again (J14).
    retry_of: str | None = None
    #: The caller's own queue for failed batches, an ARN.
    dead_letter_arn: str | None = None
    #: Where its caller wants to be told of its end, besides the API's own webhook.
    callback: str | None = None
    #: Calls among our own APIs that led here (N7).
    depth: int = 0
    #: Where its submission is in a trace, as ``traceparent``, if it is traced.
    trace: str | None = None
    started_ms: int | None = None
    #: Batches in all; None until all are enqueued and counted: then the job is sealed (J3).
    total: int | None = None
    #: Lines that were no items, and were passed over; known with the total.
    skipped: int | None = None
    sealed_ms: int | None = None
    completing_ms: int | None = None
    stopping_ms: int | None = None
    finished_ms: int | None = None
    #: The terminal status that a stopping job is to get.
    ending: JobStatus | None = None
    #: Why it ends early.
    failure: Failure | None = None
    hook: Hook | None = None
    #: Batches by their end, frozen by the terminal write: later increments are ignored (J11).
    succeeded: int | None = None
    failed: int | None = None
    cancelled: int | None = None
    #: Set by the terminal write, and before the job's execution begins: a job that nobody was told of
    #: vanishes.
    expires_at: int | None = None

    @property
    def key(self) -> JobKey:
        """What identifies this record."""
        return JobKey(api=self.api, id=self.id)

    def retained(self, now_ms: int) -> bool:
        """Whether readers may still see it: time to live deletes late, up to days."""
        return self.expires_at is None or now_ms < self.expires_at * 1000
