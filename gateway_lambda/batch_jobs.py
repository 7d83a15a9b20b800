"""Single jobs, as a path names them: found, stopped, and run again (J11, J14)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway_lambda.batch_intake import NewJob
from penstock import ids, keys
from penstock.batch import moves, objects
from penstock.batch.errors import (
    DeadLetterQueueNotAllowed,
    JobFinished,
    JobNotRetryable,
    SubmissionGone,
    UnknownJob,
)
from penstock.batch.job_ids import is_job_id
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.ports import JobApplied
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.batch.submission import Submission
from penstock.errors import Unavailable
from penstock.ports import DependencyError, ObjectMissing

if TYPE_CHECKING:
    from gateway_lambda.batch_intake import AcceptedJob, Intake
    from penstock.batch.ports import Jobs
    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock, Objects


class SingleJobs:
    """The records of jobs, by id, and what may be done to one."""

    def __init__(
        self, *, deployment: str, jobs: Jobs, objects: Objects, intake: Intake, clock: Clock
    ) -> None:
        self._deployment = deployment
        self._jobs = jobs
        self._objects = objects
        self._intake = intake
        self._clock = clock

    def find(self, api: ApiEntry, job_id: str) -> JobRecord:
        """The record; ``UnknownJob`` if there is none, or its retention is over."""
        key = _key(api, job_id)
        try:
            record = self._jobs.get(key)
        except DependencyError as error:
            raise Unavailable("The job's state could not be read just now. Try again.") from error
        if record is None or not record.retained(self._clock()):
            raise _unknown(key)
        return record

    def stop(self, api: ApiEntry, job_id: str) -> JobRecord:
        """Have the job end early; ``JobFinished`` if it has ended, or as ``find``.

        One that is stopping already, whoever told it to, is answered alike.
        """
        key, now_ms = _key(api, job_id), self._clock()
        try:
            answer = self._jobs.apply(key, moves.stop(ending=JobStatus.STOPPED, failure=None, now_ms=now_ms))
        except DependencyError as error:
            raise Unavailable("The job could not be stopped just now. Try again.") from error
        found = answer.record if isinstance(answer, JobApplied) else answer.found
        if found is None or not found.retained(now_ms):
            raise _unknown(key)
        if isinstance(answer, JobApplied):
            return found
        raise JobFinished(f"The job ended as {found.status} and can no longer be stopped.")

    def retry(self, api: ApiEntry, job_id: str, *, caller: str) -> AcceptedJob:
        """Run the failed batches of a job that has ended as a new job; asked twice, it is one.

        ``JobNotRetryable`` if it goes on, or none failed; ``SubmissionGone``;
        ``DeadLetterQueueNotAllowed`` if the configuration has let go of its queue; or as ``find``.
        """
        record = self.find(api, job_id)
        if not record.status.terminal:
            raise JobNotRetryable(f"The job is {record.status}: only one that has ended can be run again.")
        if not record.failed:
            raise JobNotRetryable("The job has no failed batches: there is nothing to run again.")
        source = Source(kind=SourceKind.RETRY, batch_size=0, retry_of=record.id)
        spec = replace(self.spec(record), source=source)
        key_hash = ids.retry_request_id(
            deployment=self._deployment, api=api.name, request_id=record.id, created_ms=record.created_ms
        )
        return self._intake.accept(
            NewJob(
                api=api,
                submission=Submission(spec=spec),
                caller=caller,
                key_hash=key_hash,
                fingerprint=key_hash,
                # Whoever asked to be told still wants to be.
                callback=record.callback,
                depth=record.depth,
                retry_of=record.id,
                check=lambda: _check_queue(spec, api),
            )
        )

    def spec(self, record: JobRecord) -> JobSpec:
        """What was asked for; ``SubmissionGone`` if that is no more."""
        try:
            return JobSpec.from_json(self._objects.read(keys.job_object(record.key, objects.SPEC)))
        except ObjectMissing as error:
            raise SubmissionGone("The job's submission was removed: submit it anew.") from error
        except DependencyError as error:
            raise Unavailable("The job's submission could not be read just now. Try again.") from error


def _check_queue(spec: JobSpec, api: ApiEntry) -> None:
    if spec.dead_letter_queue is not None and spec.dead_letter_queue.arn not in api.dead_letter_queues:
        raise DeadLetterQueueNotAllowed(
            f"The job's dead-letter queue is none that jobs of API {api.name} may name any more. List it"
            " under dead_letter_queues in the configuration of the API, and deploy."
        )


def _key(api: ApiEntry, job_id: str) -> JobKey:
    key = JobKey(api=api.name, id=job_id)
    if not is_job_id(job_id):
        raise _unknown(key)
    return key


def _unknown(key: JobKey) -> UnknownJob:
    return UnknownJob(f"API {key.api} has no job {key.id[:64]!r}, or its retention is over.")
