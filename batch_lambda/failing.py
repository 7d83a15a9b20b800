"""The end of a job whose input is at fault, told by whoever finds it.

The state machine learns of it too, but not why: a Distributed Map keeps its children's errors to itself.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.batch import moves
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobStatus
from penstock.records import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.batch.jobs import JobKey
    from penstock.batch.ports import Jobs
    from penstock.ports import Clock

logger = logging.getLogger(__name__)


@contextmanager
def failing(jobs: Jobs, key: JobKey, clock: Clock) -> Iterator[None]:
    """Have the job stopped as ``enqueue_failed`` by an ``InputFault``, which then goes on.

    The first reason stays, as many chunks may have the same fault.
    """
    try:
        yield
    except InputFault as fault:
        failure = Failure(code=fault.code, message=str(fault))
        jobs.apply(key, moves.stop(ending=JobStatus.ENQUEUE_FAILED, failure=failure, now_ms=clock()))
        context = {"action": "enqueue_failed", "api": key.api, "job": key.id, "code": fault.code}
        logger.warning("input at fault", extra={**context, "error": str(fault)})
        raise
