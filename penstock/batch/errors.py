"""What a caller can be told about jobs, besides the rest of the tree in ``penstock.errors``.

PenstockError
├── InvalidSubmission          422  a field of the submission cannot be used; the text names it
├── NoFilesFound               422  no object matches
├── InputBucketMissing         422  there is no such bucket
├── InputBucketNotAllowed      403  the bucket is not in the API's input_buckets
├── InputBucketForbidden       403  the bucket does not let Penstock list it
├── DeadLetterQueueNotAllowed  403  the queue is not in the API's dead_letter_queues
├── NotFound                   404
│   ├── UnknownJob
│   └── UnknownBatch
├── Conflict                   409  the job's state forbids it
│   ├── JobFinished
│   └── JobNotRetryable
└── SubmissionGone             410  there is nothing left to run again
"""

from __future__ import annotations

from http import HTTPStatus

from penstock.errors import Conflict, NotFound, PenstockError


class InvalidSubmission(PenstockError):
    """A field of the submission cannot be used; the text names it, and what it takes."""

    code = "invalid_submission"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The job's submission is not usable"


class NoFilesFound(PenstockError):
    """No object lies below the paths that the patterns let through."""

    code = "no_files_found"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "No file matches"


class InputBucketMissing(PenstockError):
    """There is no bucket of the name that a path has."""

    code = "input_bucket_missing"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "No such bucket"


class InputBucketNotAllowed(PenstockError):
    """The bucket is not in the API's ``input_buckets``: list it there and deploy."""

    code = "input_bucket_not_allowed"
    status = HTTPStatus.FORBIDDEN
    title = "Items may not come from this bucket"


class InputBucketForbidden(PenstockError):
    """The bucket does not let Penstock list it: its policy, or its owner's account, must."""

    code = "input_bucket_forbidden"
    status = HTTPStatus.FORBIDDEN
    title = "The bucket cannot be listed"


class DeadLetterQueueNotAllowed(PenstockError):
    """The queue is not in the API's ``dead_letter_queues``: list it there and deploy."""

    code = "dead_letter_queue_not_allowed"
    status = HTTPStatus.FORBIDDEN
    title = "Failed batches may not go to this queue"


class UnknownJob(NotFound):
    """No job with that id exists for this API, or its retention is over."""

    code = "unknown_job"
    title = "No such job"


class UnknownBatch(NotFound):
    """No batch with that id failed in this job."""

    code = "unknown_batch"
    title = "No such failed batch"


class JobFinished(Conflict):
    """The job had ended before it could be stopped."""

    code = "job_finished"
    title = "The job has already finished"


class JobNotRetryable(Conflict):
    """Only a job that has ended and has failed batches can be run again."""

    code = "job_not_retryable"
    title = "The job cannot be run again"


class SubmissionGone(PenstockError):
    """What the job was made from was removed: submit it anew."""

    code = "submission_gone"
    status = HTTPStatus.GONE
    title = "The job's submission is not there any more"
