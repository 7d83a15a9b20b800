"""What the OpenAPI document says about jobs, as data."""

from __future__ import annotations

from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda import batch_probe
from gateway_lambda.batch import MOST_INLINE_BYTES
from gateway_lambda.batch_dry_run import MOST_BYTES, MOST_FILES
from gateway_lambda.incoming import MAX_BODY_BYTES
from gateway_lambda.reference import CALLBACK_ERRORS, LINK_ENDS, Answer, Operation
from penstock import errors
from penstock.batch import errors as job_errors
from penstock.batch.jobs import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "job": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The job's id, as the 202 gave it.",
        "schema": {"$ref": "#/components/schemas/JobId"},
    },
    "batch": {
        "name": "batch",
        "in": "path",
        "required": True,
        "description": "The batch's id.",
        "schema": {"$ref": "#/components/schemas/BatchId"},
    },
    "dry_run": {
        "name": "dryRun",
        "in": "query",
        "description": "Tell what the job would work on, and make none.",
        "schema": {"type": "boolean", "default": False},
    },
    "job_id": {
        "name": "jobID",
        "in": "query",
        "description": "Cortex's way to name a job. No other parameter goes with it.",
        "schema": {"$ref": "#/components/schemas/JobId"},
    },
    "job_id_needed": {
        "name": "jobID",
        "in": "query",
        "required": True,
        "description": "Cortex's way to name a job.",
        "schema": {"$ref": "#/components/schemas/JobId"},
    },
    "job_status": {
        "name": "status",
        "in": "query",
        "description": "Only jobs of this status.",
        "schema": {"enum": [status.value for status in JobStatus]},
    },
    "job_key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes sending again safe: one caller's key on one API stands for one job.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
}

_UNKNOWN = (errors.UnknownApi, job_errors.UnknownJob)
_STOPPED = (*_UNKNOWN, job_errors.JobFinished, errors.Unavailable)
_STOPS = (
    "Its workers take no further batch and leave within seconds; batches without an end count as cancelled. "
    "Stopping a job that stops already changes nothing and is answered alike."
)

OPERATIONS = (
    Operation(
        method=HTTPMethod.POST,
        path="/batch/{api}",
        summary="Submit a job",
        description=(
            "Checks the submission, looks at the first thousand objects of each path for up to "
            f"{batch_probe.SUBMIT_SECONDS} seconds, stores the job and begins it. With `dryRun=true` no job "
            "is made: the answer names up to "
            f"{batch_probe.MOST_REMEMBERED} files, and the number of batches if it can be told. For "
            f"`delimited_files` that is so for up to {MOST_FILES} files of {MOST_BYTES} bytes together. Who "
            "accepts `text/plain` gets Cortex's text."
        ),
        parameters=("api", "dry_run", "job_key", "callback", "depth"),
        body=f"The job, as JSON. At most {MAX_BODY_BYTES} bytes.",
        body_schema="JobSubmission",
        answers={
            HTTPStatus.OK: Answer(
                description="With `dryRun=true`: what there is to work on.",
                schema="DryRun",
                further_type="text/plain",
            ),
            HTTPStatus.ACCEPTED: Answer(
                description="Accepted, now or by an earlier call with the same Idempotency-Key.",
                schema="JobSummary",
                headers=("Location",),
            ),
        },
        errors=(
            errors.InvalidIdempotencyKey,
            errors.InvalidQuery,
            errors.InvalidBody,
            *CALLBACK_ERRORS,
            job_errors.InputBucketNotAllowed,
            job_errors.InputBucketForbidden,
            job_errors.DeadLetterQueueNotAllowed,
            errors.UnknownApi,
            errors.ApiRemoved,
            errors.PayloadTooLarge,
            job_errors.InvalidSubmission,
            job_errors.NoFilesFound,
            job_errors.InputBucketMissing,
            errors.IdempotencyKeyReused,
            errors.Unavailable,
        ),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/batch/{api}",
        summary="List jobs",
        description=(
            "Newest first, as their records tell them: counts come with a job's end. Pages are like those "
            "of the list of requests. With `jobID`, that job as `GET /batch/{api}/{id}` tells it."
        ),
        parameters=("api", "job_id", "job_status", "created_after", "created_before", "limit", "cursor"),
        answers={HTTPStatus.OK: Answer(description="A page of the list, or a job.", schema="JobsOrJob")},
        errors=(errors.InvalidQuery, errors.InvalidCursor, *_UNKNOWN, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.DELETE,
        path="/batch/{api}",
        summary="Stop a job that the query names",
        description=_STOPS,
        parameters=("api", "job_id_needed"),
        answers={HTTPStatus.OK: Answer(description="The job stops.", schema="StoppedJob")},
        errors=(errors.InvalidQuery, *_STOPPED),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/batch/{api}/{id}",
        summary="Get the status of a job",
        description=(
            "All counts are exact. `results_url` is a link to the list of the results, which is there when "
            f"the job has ended, and {LINK_ENDS}."
        ),
        parameters=("api", "job"),
        answers={HTTPStatus.OK: Answer(description="How the job fares.", schema="Job")},
        errors=(*_UNKNOWN, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.DELETE,
        path="/batch/{api}/{id}",
        summary="Stop a job",
        description=_STOPS,
        parameters=("api", "job"),
        answers={HTTPStatus.OK: Answer(description="The job stops.", schema="StoppedJob")},
        errors=_STOPPED,
    ),
    Operation(
        method=HTTPMethod.POST,
        path="/batch/{api}/{id}/retry",
        summary="Run the failed batches of a job again",
        description=(
            "For a job that has ended and has failed batches. They run again, as they were, in a new job "
            "with the same workers, timeout and config. Retrying a job twice gives one job. To go on, "
            "retry the retry."
        ),
        parameters=("api", "job"),
        answers={
            HTTPStatus.ACCEPTED: Answer(
                description="Accepted, now or by an earlier call.", schema="JobSummary", headers=("Location",)
            )
        },
        errors=(
            *_UNKNOWN,
            errors.ApiRemoved,
            job_errors.DeadLetterQueueNotAllowed,
            job_errors.JobNotRetryable,
            job_errors.SubmissionGone,
            errors.Unavailable,
        ),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/batch/{api}/{id}/failed",
        summary="List failed batches",
        description="Batches of the job that failed for good, without their items. Also while it runs.",
        parameters=("api", "job", "limit", "cursor"),
        answers={HTTPStatus.OK: Answer(description="A page of the list.", schema="FailedBatchList")},
        errors=(errors.InvalidQuery, errors.InvalidCursor, *_UNKNOWN, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/batch/{api}/{id}/failed/{batch}",
        summary="Get a failed batch",
        description=(
            f"Its items are part of the answer up to {MOST_INLINE_BYTES} bytes. For more there is a "
            f"`body_url`, which {LINK_ENDS}."
        ),
        parameters=("api", "job", "batch"),
        answers={HTTPStatus.OK: Answer(description="The batch.", schema="FailedBatch")},
        errors=(*_UNKNOWN, job_errors.UnknownBatch, errors.Unavailable),
    ),
)
