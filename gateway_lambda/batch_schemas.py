"""The schemas of jobs in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_lambda.schema_parts import COUNT, LINK, MOMENT, SECONDS, TEXT, closed, named, page
from penstock.batch import submission
from penstock.batch.jobs import JobStatus
from penstock.batch.lanes import Death
from penstock.batch.spec import OnBadItem, SourceKind
from penstock.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_REASON = closed(
    {"code": TEXT, "message": TEXT}, description="Why: a stable code, and a sentence for people."
)


def job_schemas() -> dict[str, Any]:
    """The schemas, by name."""
    always, sometimes = _summary()
    counts, details = _whole()
    return {
        "JobId": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "BatchId": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,8})-(0|[1-9][0-9]{0,8})$"},
        "JobLinks": closed(
            {
                **dict.fromkeys(("status", "stop"), _path("")),
                "failed": _path("/failed"),
                "retry": _path("/retry"),
            },
            required=("status", "stop", "failed"),
        ),
        "JobSummary": closed({**always, **sometimes}, required=always),
        "Job": closed({**always, **sometimes, **counts, **details}, required={**always, **counts}),
        "StoppedJob": closed(
            {"message": TEXT, **always, **sometimes, **counts, **details},
            required=("message", *always, *counts),
        ),
        "JobList": page("jobs", "JobSummary", "A page of jobs, newest first."),
        "JobsOrJob": {"oneOf": [named("JobList"), named("Job")]},
        "FailedBatch": _failed_batch(),
        "FailedBatchList": page("failed_batches", "FailedBatch", "A page of batches that failed."),
        "DryRun": closed(
            {
                "files": {"type": "array", "items": TEXT, "description": "None for a list of items."},
                "batch_count": {
                    "type": ["integer", "null"],
                    "minimum": 0,
                    "description": "Null if it takes more than a look to know.",
                },
                "truncated": {"type": "boolean", "description": "Whether there may be more files."},
            }
        ),
        **_submission(),
    }


def _summary() -> tuple[dict[str, Any], dict[str, Any]]:
    """What a job's record always says, and what it says sometimes."""
    always = {
        "job_id": named("JobId"),
        "api_name": TEXT,
        "kind": {"const": Kind.BATCH.value},
        "status": {"enum": [status.value for status in JobStatus]},
        "workers": COUNT | {"description": "Workers that were asked for."},
        "results": {"type": "boolean", "description": "Whether the container's answers are kept."},
        "created_at": MOMENT,
        "links": named("JobLinks"),
    }
    ended = {"description": "Frozen when the job ends."}
    sometimes = {
        "retry_of": named("JobId") | {"description": "The job whose failed batches this one runs again."},
        "total_batch_count": COUNT | {"description": "Batches in all; once all are enqueued."},
        "succeeded": COUNT | ended,
        "failed": COUNT | ended,
        "cancelled": COUNT | {"description": "Batches without an end when the job was stopped."},
        "started_at": MOMENT | {"description": "Its execution began."},
        "sealed_at": MOMENT | {"description": "All batches were enqueued and counted."},
        "completing_at": MOMENT | {"description": "The last batch had ended."},
        "stopping_at": MOMENT | {"description": "It was told to end early."},
        "finished_at": MOMENT,
        "deadline_at": MOMENT | {"description": "It is stopped as timed out then; until it has ended."},
        "error": _REASON | {"description": "Why it ended early."},
        "hook": closed({"attempts": COUNT, "status_code": COUNT, "error": _REASON}, required=("attempts",))
        | {"description": "What became of the call to `/on-job-complete`."},
    }
    return always, sometimes


def _whole() -> tuple[dict[str, Any], dict[str, Any]]:
    """What besides is always said of a job that is asked for alone, and what is said sometimes."""
    workers = {
        "pending": "Asked for, and not there.",
        "running": "At work.",
        "lost": "Ended without a word; each is replaced.",
        "left": "Ended by themselves.",
        "failed": "Given up, after several that were lost in a row.",
    }
    counts = {
        "succeeded": COUNT,
        "failed": COUNT,
        "enqueued_batch_count": COUNT | {"description": "Batches enqueued so far."},
        "skipped_item_count": COUNT | {"description": "Lines that were no items and were skipped."},
        "batches_in_queue": COUNT | {"description": "Of those, batches without an end; running ones too."},
        "attempts": COUNT | {"description": "Attempts that ended, whatever came of them."},
        "worker_counts": closed({name: COUNT | {"description": said} for name, said in workers.items()}),
    }
    details = {
        "config": {"type": "object", "description": "As it was sent."},
        "timeout": COUNT,
        "dead_letter_queue": closed({"arn": TEXT, "max_receive_count": COUNT}),
        "average_time_per_batch": SECONDS | {"description": "Mean run time of the attempts that decided."},
        "percentiles": closed(dict.fromkeys(("p50", "p90", "p99"), SECONDS))
        | {"description": "Run times that so many batches in a hundred did not exceed, to about a fifth."},
        "worker_failure": closed(
            {"code": {"enum": [death.value for death in Death]}, "reason": TEXT, "deaths": COUNT},
            required=("code", "deaths"),
        )
        | {"description": "Why workers were lost: the last loss of the lane that lost most in a row."},
        "results_url": LINK | {"description": "A link to the list of the results."},
        "logs_url": LINK | {"description": "The containers' logs in AWS's console; not in local stages."},
    }
    return counts, details


def _failed_batch() -> dict[str, Any]:
    always = {
        "batch_id": named("BatchId"),
        "error": _REASON,
        "attempt": COUNT | {"description": "Number of the attempt that decided."},
        "items": COUNT,
        "finished_at": MOMENT,
        "links": closed({"batch": _path("/failed/[0-9]+-[0-9]+"), "job": _path("")}),
    }
    sometimes = {
        "status_code": COUNT | {"description": "The container's answer, if there was one."},
        "body": {"description": "The batch's items, as the container got them."},
        "body_url": LINK | {"description": "A link to them."},
    }
    return closed({**always, **sometimes}, required=always)


def _submission() -> dict[str, Any]:
    queue = named("JobDeadLetterQueue") | {
        "description": "A queue of yours for failed batches, among the API's `dead_letter_queues`."
    }
    members = {
        "workers": _whole_number(submission.MOST_WORKERS, "Workers that run at the same time."),
        "timeout": _or_null(_whole_number(submission.MOST_TIMEOUT_SECONDS, "Seconds from the submission.")),
        "config": _or_null({"type": "object", "description": "For the container; any JSON object."}),
        "dead_letter_queue": _or_null(queue),
        "sqs_dead_letter_queue": _or_null(queue | {"description": "The same, by Cortex's name."}),
        "results": _or_null({"type": "boolean", "description": "Whether the container's answers are kept."}),
        SourceKind.ITEM_LIST.value: named("ItemList"),
        SourceKind.FILE_PATH_LISTER.value: named("FilePathLister"),
        SourceKind.DELIMITED_FILES.value: named("DelimitedFiles"),
    }
    sources = [kind.value for kind in SourceKind if kind is not SourceKind.RETRY]
    batch_size = _whole_number(submission.MOST_BATCH_SIZE, "Items in a batch.")
    files = {"s3_paths": _texts(submission.MOST_PATHS, least=1), "batch_size": batch_size}
    patterns = dict.fromkeys(("includes", "excludes"), _or_null(_texts(submission.MOST_PATTERNS)))
    on_bad_item = _or_null({"enum": [*(word.value for word in OnBadItem)]})
    return {
        "JobSubmission": closed(members, required=("workers",))
        | {
            "description": "A job. Exactly one of the sources says where its items come from.",
            "oneOf": [{"required": [source]} for source in sources],
        },
        "JobDeadLetterQueue": closed(
            {
                "arn": TEXT,
                "max_receive_count": _whole_number(submission.MOST_ATTEMPTS, "Attempts of a batch."),
            }
        ),
        "ItemList": closed({"items": {"type": "array", "minItems": 1}, "batch_size": batch_size}),
        "FilePathLister": closed({**files, **patterns}, required=files),
        "DelimitedFiles": closed({**files, **patterns, "on_bad_item": on_bad_item}, required=files),
    }


def _whole_number(most: int, description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, "description": description}


def _texts(most: int, *, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": TEXT, "minItems": least, "maxItems": most}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"oneOf": [dict(schema), {"type": "null"}]}


def _path(tail: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^/batch/[^/]+/[0-9a-f]{{16}}{tail}$"}
