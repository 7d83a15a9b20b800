"""Tells a job to end early (J10, J11); the finisher ends it once its workers are gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock.batch import moves
from penstock.batch.ports import JobApplied

if TYPE_CHECKING:
    from penstock.batch.jobs import JobKey, JobStatus
    from penstock.batch.ports import Jobs
    from penstock.ports import Clock
    from penstock.records import Failure

logger = logging.getLogger(__name__)


class Stopper:
    """Stops jobs; one that has ended, or was stopped before, stays as it is."""

    def __init__(self, *, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock

    def stop(self, key: JobKey, *, ending: JobStatus, failure: Failure) -> None:
        """Stop the job, to end like that; the first reason stays."""
        move = moves.stop(ending=ending, failure=failure, now_ms=self._clock())
        stopped = isinstance(self._jobs.apply(key, move), JobApplied)
        context = {"action": "stop", "api": key.api, "job": key.id, "ending": ending.value}
        logger.info("job stopped" if stopped else "job had ended", extra={**context, "why": failure.message})
