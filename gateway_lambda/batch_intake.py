"""Accepting a job (J13): the record decides, then the submission is stored, then its execution begins."""

from __future__ import annotations

from concurrent.futures import Executor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock import ids, keys
from penstock.batch import job_ids, objects
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.ports import JobApplied
from penstock.batch.spec import SourceKind
from penstock.batch.submission import MOST_TIMEOUT_SECONDS
from penstock.errors import IdempotencyKeyReused, Unavailable
from penstock.ports import DependencyError
from penstock.tracing.ports import OFF, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.batch.ports import Executions, JobRefused, Jobs
    from penstock.batch.submission import Submission
    from penstock.catalogue import ApiEntry
    from penstock.ports import Objects
    from penstock.tracing.ports import Tracer

#: How long a job is kept that has no execution: whoever sent it was told of a fault.
PENDING_SECONDS = 24 * 3600

#: The longest that somebody may take from reserving an id to writing its record, with a wide margin: the
#: function itself ends after half a minute. Less than any retention.
_RESERVED_MS = 300 * 1000

#: A key's hash outlives its job's record: 13 days of running, and what it takes to end.
_LONGEST_LIFE_SECONDS = 15 * 24 * 3600

#: Jobs of one nanosecond, or that one key stood for and that are forgotten.
_MOST_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a caller wants to have run."""

    api: ApiEntry
    submission: Submission
    caller: str
    #: The hash of the caller's key; None if sending it again makes another job.
    key_hash: str | None
    #: What two submissions under one key must share.
    fingerprint: str
    callback: str | None = None
    depth: int = 0
    #: Where the call is in its caller's trace, as ``traceparent``; then where the job's submission is.
    trace: str | None = None
    retry_of: str | None = None
    #: Raises what speaks against the job; asked before one is made, and not for one that is there.
    check: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedJob:
    """The job's record, and whether an earlier submission had made it."""

    record: JobRecord
    replayed: bool


class Intake:
    """Makes jobs.

    The record comes first, unlike a request's: it alone tells two submissions under one key apart, and
    only the one that it belongs to may write below the job's name.
    """

    def __init__(
        self,
        *,
        jobs: Jobs,
        objects: Objects,
        executions: Executions,
        executor: Executor,
        clock_ns: Callable[[], int],
        tracer: Tracer = OFF,
    ) -> None:
        self._jobs = jobs
        self._objects = objects
        self._executions = executions
        self._executor = executor
        self._clock_ns = clock_ns
        self._tracer = tracer

    def accept(self, new: NewJob) -> AcceptedJob:
        """Accept the job, or answer for the one that its key stands for already; or what ``check`` raises.

        ``Unavailable`` if it could not be stored and begun: what is left of it vanishes by itself, and
        sending it again under its key goes on with it. ``IdempotencyKeyReused``.
        """
        with self._tracer.span("submit", Kind.SERVER, parent=new.trace, about={"api": new.api.name}) as span:
            accepted = self._accept(replace(new, trace=span.context))
            span.note(job=accepted.record.id, replayed=int(accepted.replayed))
        return accepted

    def _accept(self, new: NewJob) -> AcceptedJob:
        try:
            accepted = self._unkeyed(new) if new.key_hash is None else self._keyed(new, new.key_hash)
            if accepted.record.status is JobStatus.PENDING:
                # The first submission may have died before this.
                self._begin(accepted.record.key, new.submission)
        except DependencyError as error:
            raise Unavailable(
                "The job could not be stored and begun; nothing was accepted. Send it again."
            ) from error
        return accepted

    def _unkeyed(self, new: NewJob) -> AcceptedJob:
        new.check()
        first_ns = self._clock_ns()
        for now_ns in range(first_ns, first_ns + _MOST_TRIES):
            answer = self._create(new, job_ids.job_id(now_ns), fingerprint=ids.new_token())
            if isinstance(answer, JobApplied):
                return AcceptedJob(record=answer.record, replayed=False)
        raise DependencyError("no id is free")

    def _keyed(self, new: NewJob, key_hash: str) -> AcceptedJob:
        # The first part says whose job it is, the second what was sent.
        owner, fingerprint = f"{key_hash}.", f"{key_hash}.{new.fingerprint}"
        first_ns = self._clock_ns()
        for now_ns in range(first_ns, first_ns + _MOST_TRIES):
            job_id = self._jobs.reserve(
                api=new.api.name,
                key_hash=key_hash,
                job_id=job_ids.job_id(now_ns),
                expires_at=now_ns // 1_000_000_000 + _LONGEST_LIFE_SECONDS + new.api.retention_seconds,
            )
            found = self._jobs.get(JobKey(api=new.api.name, id=job_id))
            if found is None and now_ns // 1_000_000 - job_ids.made_at_ms(job_id) < _RESERVED_MS:
                new.check()
                answer = self._create(new, job_id, fingerprint=fingerprint)
                if isinstance(answer, JobApplied):
                    return AcceptedJob(record=answer.record, replayed=False)
                found = answer.found
            if (
                found is not None
                and found.retained(now_ns // 1_000_000)
                and found.fingerprint.startswith(owner)
            ):
                if found.fingerprint == fingerprint:
                    return AcceptedJob(record=found, replayed=True)
                raise IdempotencyKeyReused("This key was used before with a different submission.")
            # The key's job is forgotten, or another took the very same nanosecond.
            key_hash = ids.key_after(key_hash, job_id=job_id)
        raise DependencyError("no id is free")

    def _create(self, new: NewJob, job_id: str, *, fingerprint: str) -> JobApplied | JobRefused:
        spec, now_ms = new.submission.spec, self._clock_ns() // 1_000_000
        queue = spec.dead_letter_queue
        return self._jobs.create(
            JobRecord(
                api=new.api.name,
                id=job_id,
                status=JobStatus.PENDING,
                workers=spec.workers,
                caller=new.caller,
                fingerprint=fingerprint,
                created_ms=now_ms,
                max_attempts=queue.max_receive_count if queue else new.api.max_attempts,
                results=spec.results,
                # Each job ends: SQS drops the batches of one that takes longer than that.
                deadline_ms=now_ms + 1000 * (spec.timeout_seconds or MOST_TIMEOUT_SECONDS),
                retry_of=new.retry_of,
                dead_letter_arn=queue.arn if queue else None,
                callback=new.callback,
                depth=new.depth,
                trace=new.trace,
                expires_at=now_ms // 1000 + PENDING_SECONDS,
            )
        )

    def _begin(self, key: JobKey, submission: Submission) -> None:
        """Store what the execution reads, and begin it. Doing it again changes nothing."""
        bodies = {objects.SPEC: (submission.spec.to_json(), "application/json")}
        if submission.spec.source.kind is SourceKind.ITEM_LIST:
            lines = "".join(f"{item}\n" for item in submission.items)
            bodies[objects.ITEMS] = (lines, "application/jsonl")
        puts = [
            self._executor.submit(
                self._objects.put, keys.job_object(key, name), text.encode(), content_type=content_type
            )
            for name, (text, content_type) in bodies.items()
        ]
        wait(puts)
        for put in puts:
            put.result()
        self._executions.start(key)
