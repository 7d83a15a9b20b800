"""Why jobs end early, in words for their callers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.batch.jobs import JobStatus
from penstock.records import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How much of an error's own words is passed on.
_LONGEST_CAUSE = 500

TIMED_OUT = Failure(code="timed_out", message="The job did not end within its timeout.")

NO_WORKERS = Failure(
    code="worker_error", message="The job's workers ended before its batches had, and no more were started."
)

HOOK_UNCALLED = Failure(
    code="worker_lost", message="No worker lived long enough to call /on-job-complete and tell of its answer."
)


def enqueue_failed(fault: Mapping[str, Any] | None) -> Failure:
    """The failure of a job whose batches could not be made; ``fault`` is Step Functions' error and cause."""
    told = _cause(fault or {})
    message = (
        f"The job's batches could not be made: {told}" if told else "The job's batches could not be made."
    )
    return Failure(code="enqueue_failed", message=message)


def execution_ended(status: str) -> tuple[JobStatus, Failure]:
    """How a job ends whose execution ended before it; ``status`` is Step Functions' own."""
    if status == "ABORTED":
        stopped = Failure(code="stopped", message="The job's execution was stopped in Step Functions.")
        return JobStatus.STOPPED, stopped
    return JobStatus.WORKER_ERROR, Failure(
        code="execution_failed",
        message=f"The job's execution ended as {status}; its history in Step Functions says why.",
    )


def _cause(fault: Mapping[str, Any]) -> str:
    """The sentence in an error: a function's error is told as JSON with its message in it."""
    cause = str(fault.get("Cause") or fault.get("Error") or "")
    try:
        told = json.loads(cause)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and "errorMessage" in told:
        cause = str(told["errorMessage"])
    return cause[:_LONGEST_CAUSE]
