"""What the end of a request, and the start or end of a job, says in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.batch.jobs import JobRecord
from penstock.metrics import OF_END, OF_JOBS_END, Metric
from penstock.records import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.records import RequestRecord

#: Ends that say something of the container; those of the others are the caller's or the queue's.
_RUN = frozenset({Status.COMPLETED, Status.FAILED})


def of(record: RequestRecord | JobRecord) -> Iterator[tuple[Metric, float]]:
    """Its values; the record is that of what has just happened."""
    return _of_job(record) if isinstance(record, JobRecord) else _of_request(record)


def _of_request(record: RequestRecord) -> Iterator[tuple[Metric, float]]:
    yield OF_END[record.status], 1
    if record.status not in _RUN or record.finished_ms is None:
        return
    yield Metric.ATTEMPTS, record.attempt
    yield Metric.END_TO_END_TIME, max(0, record.finished_ms - record.created_ms)
    if record.started_ms is not None:
        yield Metric.PROCESSING_TIME, max(0, record.finished_ms - record.started_ms)


def _of_job(record: JobRecord) -> Iterator[tuple[Metric, float]]:
    if not record.status.terminal:
        yield Metric.JOBS_STARTED, 1
        return
    yield OF_JOBS_END[record.status], 1
    if record.finished_ms is not None:
        yield Metric.JOB_TIME, max(0, record.finished_ms - record.created_ms)
