"""When a job is done: by exact counts, never by what a queue says of itself (J5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.batch.jobs import JobStatus

if TYPE_CHECKING:
    from penstock.batch.jobs import JobRecord
    from penstock.batch.tallies import Tally


def is_done(record: JobRecord, tally: Tally) -> bool:
    """Whether each batch of the job has ended; the record and the counters were read consistently.

    The record must have been read first: counters only grow, and the total does not change once it is
    there.
    """
    return record.status is JobStatus.RUNNING and tally.finished == record.total
