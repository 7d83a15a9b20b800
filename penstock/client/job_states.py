"""What the server says about a job. Members that this version does not know are ignored."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from penstock.batch.jobs import JobStatus
from penstock.client.documents import Document, Malformed
from penstock.client.states import failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.records import Failure

#: What a job's moments are called, in their order.
MOMENTS = ("created", "started", "sealed", "completing", "stopping", "deadline", "finished")

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmission:
    """The server's promise that a job will reach a terminal state."""

    api: str
    id: str
    status: JobStatus
    #: What was sent with it; submitting the same under this key again starts nothing new. None for the
    #: retry of a job, which has no need of one.
    idempotency_key: str | None
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document, *, api: str, idempotency_key: str | None = None) -> JobSubmission:
        """Read the answer to a submission or a retry; raises Malformed."""
        return cls(
            api=api,
            id=document.required("job_id", str),
            status=_status(document),
            idempotency_key=idempotency_key,
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a submission would work on; nothing was made."""

    #: Objects that match; none for a list of items.
    files: Sequence[str]
    #: Batches there would be; None if that is known only once the files are read.
    batch_count: int | None
    #: Whether there are more files than are listed.
    truncated: bool
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> DryRun:
        """Read the answer; raises Malformed."""
        files = document.required("files", list)
        if not all(isinstance(file, str) for file in files):
            raise Malformed('"files" holds something else than text')
        return cls(
            files=files,
            batch_count=document.optional("batch_count", int),
            truncated=document.members.get("truncated") is True,
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHook:
    """What became of the call to ``/on-job-complete``."""

    attempts: int
    #: The container's answer; None if there was none.
    status_code: int | None
    #: Why it counts as failed; None if it does not.
    error: Failure | None

    @classmethod
    def of(cls, document: Document) -> JobHook:
        """Read the member; raises Malformed."""
        return cls(
            attempts=document.required("attempts", int),
            status_code=document.optional("status_code", int),
            error=failure(document, "error"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """Where a job is in its life. Counts that a list leaves out, or that nobody knows yet, are None."""

    api: str
    id: str
    status: JobStatus
    #: As many as were asked for.
    workers: int
    #: Batches in all; None until all are enqueued.
    total: int | None = None
    #: Batches that are enqueued by now.
    enqueued: int | None = None
    #: Lines that were no items and were skipped, with ``on_bad_item: skip``.
    skipped_items: int = 0
    succeeded: int | None = None
    failed: int | None = None
    #: Batches without an end when the job was stopped.
    cancelled: int | None = None
    #: Batches that are enqueued and have no end, those that run included.
    in_queue: int | None = None
    #: Attempts that ended, whatever came of them.
    attempts: int | None = None
    #: Mean run time of a batch.
    average_seconds: float | None = None
    #: Run times that half, nine in ten and 99 in 100 batches did not exceed: ``p50``, ``p90``, ``p99``.
    percentile_seconds: Mapping[str, float] = field(default_factory=lambda: _NONE)
    #: Workers by their state: ``pending``, ``running``, ``lost``, ``left``, ``failed``, and others.
    worker_counts: Mapping[str, int] = field(default_factory=lambda: _NONE)
    created_at: datetime | None = None
    started_at: datetime | None = None
    sealed_at: datetime | None = None
    completing_at: datetime | None = None
    stopping_at: datetime | None = None
    #: When it is ended as timed out; None once it has ended.
    deadline_at: datetime | None = None
    finished_at: datetime | None = None
    hook: JobHook | None = None
    #: Why it ended early.
    error: Failure | None = None
    #: The job whose failed batches this one runs again.
    retry_of: str | None = None
    #: Why a worker died last, in words, if one did.
    worker_failure: str | None = None
    #: A presigned link to the list of the results. Whoever has it can read it: keep it out of logs.
    results_url: str | None = field(default=None, repr=False)
    #: The workers' logs, in the AWS console.
    logs_url: str | None = None
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @property
    def finished(self) -> int:
        """Batches that have ended, as far as is known."""
        return (self.succeeded or 0) + (self.failed or 0)

    @property
    def progress(self) -> object:
        """Differs when there is something to tell to whoever waits."""
        counts = (self.total, self.enqueued, self.succeeded, self.failed, self.cancelled)
        return self.status, counts, self.worker_counts

    @classmethod
    def of(cls, document: Document) -> JobState:
        """Read a job; raises Malformed."""
        hook = document.optional("hook", dict)
        moments = {f"{name}_at": document.moment(f"{name}_at") for name in MOMENTS}
        return cls(
            api=document.required("api_name", str),
            id=document.required("job_id", str),
            status=_status(document),
            workers=document.required("workers", int),
            total=document.optional("total_batch_count", int),
            enqueued=document.optional("enqueued_batch_count", int),
            skipped_items=document.optional("skipped_item_count", int) or 0,
            succeeded=document.optional("succeeded", int),
            failed=document.optional("failed", int),
            cancelled=document.optional("cancelled", int),
            in_queue=document.optional("batches_in_queue", int),
            attempts=document.optional("attempts", int),
            average_seconds=document.seconds("average_time_per_batch"),
            percentile_seconds=_seconds(document, "percentiles"),
            worker_counts=_counts(document, "worker_counts"),
            hook=None if hook is None else JobHook.of(Document(hook)),
            error=failure(document, "error"),
            retry_of=document.optional("retry_of", str),
            worker_failure=_died(document),
            results_url=document.optional("results_url", str),
            logs_url=document.optional("logs_url", str),
            document=document.members,
            **moments,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Some of an API's jobs, newest first; it may be short, or empty, and still not be the last one."""

    jobs: Sequence[JobState]
    #: Where the next page begins; None at the end of the list.
    next_cursor: str | None

    @classmethod
    def of(cls, document: Document) -> JobPage:
        """Read a page; raises Malformed."""
        return cls(
            jobs=[JobState.of(entry) for entry in document.documents("jobs")],
            next_cursor=document.optional("next_cursor", str),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBatch:
    """A batch that failed for good, and why."""

    id: str
    error: Failure
    attempt: int
    items: int
    finished_at: datetime | None
    #: The container's last answer; None if there was none.
    status_code: int | None
    #: Its items, if it was asked for alone and is small.
    body: Any = field(repr=False)
    #: A presigned link to its items, if it is larger. Whoever has it can read them: keep it out of logs.
    body_url: str | None = field(repr=False)
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> FailedBatch:
        """Read one; raises Malformed."""
        error = failure(document, "error")
        if error is None:
            raise Malformed('"error" is missing')
        return cls(
            id=document.required("batch_id", str),
            error=error,
            attempt=document.required("attempt", int),
            items=document.required("items", int),
            finished_at=document.moment("finished_at"),
            status_code=document.optional("status_code", int),
            body=document.members.get("body"),
            body_url=document.optional("body_url", str),
            document=document.members,
        )


def _status(document: Document) -> JobStatus:
    text = document.required("status", str)
    try:
        return JobStatus(text)
    except ValueError as error:
        raise Malformed(f"the status {text[:40]!r} is unknown") from error


def _died(document: Document) -> str | None:
    members = document.optional("worker_failure", dict)
    if members is None:
        return None
    failed = Document(members)
    code, reason = failed.required("code", str), failed.optional("reason", str)
    return code if reason is None else f"{code}: {reason}"


def _counts(document: Document, name: str) -> Mapping[str, int]:
    members = Document(document.optional(name, dict) or {})
    return {member: members.required(member, int) for member in members.members}


def _seconds(document: Document, name: str) -> Mapping[str, float]:
    members = Document(document.optional(name, dict) or {})
    known = ((member, members.seconds(member)) for member in members.members)
    return {member: seconds for member, seconds in known if seconds is not None}
