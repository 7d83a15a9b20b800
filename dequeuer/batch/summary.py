"""What ``/on-job-complete`` is told: the job's figures, as JSON (J6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock import keys
from penstock.batch import objects
from penstock.batch.jobs import JobStatus
from penstock.moments import rfc3339

if TYPE_CHECKING:
    from penstock.batch.jobs import JobRecord
    from penstock.batch.spec import JobSpec
    from penstock.batch.tallies import Tally

_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def summary(record: JobRecord, tally: Tally, spec: JobSpec, *, bucket: str) -> bytes:
    """The body of the call; the job is about to get the status that stands there."""
    status = JobStatus.COMPLETED_WITH_FAILURES if tally.failed else JobStatus.SUCCEEDED
    told: dict[str, Any] = {
        "job_id": record.id,
        "api_name": record.api,
        "status": status,
        "total_batch_count": record.total,
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "attempts": tally.attempts,
        "time_per_batch_ms": _times(tally),
        "created": rfc3339(record.created_ms),
        "started": None if record.started_ms is None else rfc3339(record.started_ms),
        "batches_finished": None if record.completing_ms is None else rfc3339(record.completing_ms),
        "results": _results(record, bucket) if record.results else None,
        "config": dict(spec.config),
    }
    return json.dumps(told).encode()


def _times(tally: Tally) -> dict[str, float | None]:
    times = {"average": tally.average_ms}
    times |= {name: tally.percentile_ms(share) for name, share in _PERCENTILES.items()}
    return {name: None if ms is None else round(ms, 1) for name, ms in times.items()}


def _results(record: JobRecord, bucket: str) -> dict[str, str]:
    return {"bucket": bucket, "manifest_key": keys.job_object(record.key, objects.MANIFEST)}
