"""Before the work: the job as this worker takes it up."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from penstock.batch.jobs import JobStatus
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import WorkerJobs

logger = logging.getLogger(__name__)

#: Looks for a job that has not begun, a pause between them.
LOOKS = 30
PAUSE_SECONDS = 2


class NoSuchJob(Exception):
    """There is no job of this id, or nothing has begun it in a minute; the text says which."""


async def begun(
    jobs: WorkerJobs, key: JobKey, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> JobRecord | None:
    """The record of a job that is open to work; None if it is over for its workers.

    A worker may be quicker than what begins its job. ``NoSuchJob``, or ``DependencyError`` of the last look.
    """
    for looks_left in reversed(range(LOOKS)):
        try:
            record = await jobs.get(key)
        except DependencyError as error:
            if not looks_left:
                raise
            context = {"action": "start", "job": key.id, "error": str(error)}
            logger.warning("job not read", extra=context)
            record = None
        if record is not None and record.status is not JobStatus.PENDING:
            return record if record.status.open_to_work else None
        if looks_left:
            await sleep(PAUSE_SECONDS)
    if record is None:
        raise NoSuchJob(f"API {key.api} has no job {key.id}; PENSTOCK_JOB_ID must name one of its jobs")
    raise NoSuchJob(f"job {key.id} of API {key.api} has not begun; its execution sets its queue up first")
