"""Jobs and their failed batches as callers see them. What Cortex has a name for is called so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.kinds import Kind
from penstock.moments import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_lambda.batch_progress import Progress
    from penstock.batch.commits import FailedBatch
    from penstock.batch.jobs import Hook, JobRecord
    from penstock.batch.lanes import Lane
    from penstock.batch.spec import JobSpec
    from penstock.batch.tallies import Tally
    from penstock.records import Failure

_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def links(record: JobRecord, endpoint: str) -> dict[str, str]:
    """Where to go on, as paths below the API's base URL."""
    own = f"/batch/{endpoint}/{record.id}"
    further = {"retry": f"{own}/retry"} if record.status.terminal and record.failed else {}
    return {"status": own, "stop": own, "failed": f"{own}/failed", **further}


def summary(record: JobRecord, endpoint: str) -> dict[str, Any]:
    """A job as its record alone tells it; members that are unknown yet are left out."""
    content = {
        "job_id": record.id,
        "api_name": record.api,
        "kind": Kind.BATCH.value,
        "status": record.status.value,
        "workers": record.workers,
        "results": record.results,
        "retry_of": record.retry_of,
        "total_batch_count": record.total,
        "succeeded": record.succeeded,
        "failed": record.failed,
        "cancelled": record.cancelled,
        "created_at": _moment(record.created_ms),
        "started_at": _moment(record.started_ms),
        "sealed_at": _moment(record.sealed_ms),
        "completing_at": _moment(record.completing_ms),
        "stopping_at": _moment(record.stopping_ms),
        "finished_at": _moment(record.finished_ms),
        "deadline_at": None if record.status.terminal else _moment(record.deadline_ms),
        "error": _failure(record.failure),
        "hook": _hook(record.hook) if record.hook else None,
        "links": links(record, endpoint),
    }
    return _known(content)


def whole(
    progress: Progress, endpoint: str, *, results_url: str | None, logs_url: str | None
) -> dict[str, Any]:
    """A job with its counts."""
    tally, asked = progress.tally, _asked_for(progress.spec) if progress.spec else {}
    died = progress.worker_failure
    content = {
        **summary(progress.record, endpoint),
        **asked,
        "enqueued_batch_count": progress.enqueued,
        "skipped_item_count": progress.skipped,
        "succeeded": progress.succeeded,
        "failed": progress.failed,
        "batches_in_queue": progress.in_queue,
        "attempts": tally.attempts,
        "average_time_per_batch": _seconds(tally.average_ms),
        "percentiles": _percentiles(tally),
        "worker_counts": progress.worker_counts,
        "worker_failure": _worker_failure(died) if died else None,
        "results_url": results_url,
        "logs_url": logs_url,
    }
    return _known(content)


def failed_batch(batch: FailedBatch, record: JobRecord, endpoint: str) -> dict[str, Any]:
    """A batch that failed, without its body."""
    own = f"/batch/{endpoint}/{record.id}/failed/{batch.id}"
    return _known(
        {
            "batch_id": batch.id,
            "error": _failure(batch.failure),
            "attempt": batch.attempt,
            "items": batch.items,
            "finished_at": _moment(batch.finished_ms),
            "status_code": batch.status_code,
            "links": {"batch": own, "job": f"/batch/{endpoint}/{record.id}"},
        }
    )


def _asked_for(spec: JobSpec) -> dict[str, Any]:
    queue = spec.dead_letter_queue
    return {
        "config": dict(spec.config),
        "timeout": spec.timeout_seconds,
        "dead_letter_queue": (
            {"arn": queue.arn, "max_receive_count": queue.max_receive_count} if queue else None
        ),
    }


def _percentiles(tally: Tally) -> dict[str, float] | None:
    times = {name: _seconds(tally.percentile_ms(share)) for name, share in _PERCENTILES.items()}
    known = {name: seconds for name, seconds in times.items() if seconds is not None}
    return known or None


def _worker_failure(lane: Lane) -> dict[str, Any]:
    assert lane.last_death is not None
    return _known({"code": lane.last_death.value, "reason": lane.reason, "deaths": lane.deaths})


def _hook(hook: Hook) -> dict[str, Any]:
    return _known(
        {"attempts": hook.attempts, "status_code": hook.status_code, "error": _failure(hook.failure)}
    )


def _failure(failure: Failure | None) -> dict[str, str] | None:
    return {"code": failure.code, "message": failure.message} if failure else None


def _moment(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else round(ms / 1000, 3)


def _known(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None}
