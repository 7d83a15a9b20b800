"""Whether another worker is started in a lane after its task has ended (J9)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.batch import moves
from penstock.batch.completion import is_done
from penstock.batch.jobs import JobStatus
from penstock.batch.lanes import Lane, after_death, wait_seconds, without_workers
from penstock.batch.retention import parts_expire_at
from penstock.batch.tallies import total
from penstock.batch.tasks import how_it_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.batch.jobs import JobKey
    from penstock.batch.ports import JobParts, Jobs
    from penstock.batch.tasks import Ended
    from penstock.ports import Clock

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LaneStep:
    """What the lane does next."""

    again: bool
    wait_seconds: int = 0


class LaneKeeper:
    """Keeps lanes going for as long as their job is open and their workers get through."""

    def __init__(
        self, *, jobs: Jobs, parts: JobParts, clock: Clock, retention_seconds: Callable[[str], int]
    ) -> None:
        """``retention_seconds`` is by API."""
        self._jobs = jobs
        self._parts = parts
        self._clock = clock
        self._retention_seconds = retention_seconds

    def next(self, key: JobKey, lane: int, outcome: Mapping[str, Any] | None) -> LaneStep:
        """Decide after a task's end; a worker that leaves by itself does so when its job is open no more."""
        record = self._jobs.get(key)
        if record is None or not record.status.open_to_work:
            return LaneStep(again=False)
        ended = how_it_ended(outcome)
        if ended is None:
            return LaneStep(again=True)
        noted = self._note(key, lane, ended)
        if not noted.over:
            return LaneStep(again=True, wait_seconds=wait_seconds(noted))
        self._give_up_without_workers(key)
        return LaneStep(again=False)

    def _note(self, key: JobKey, index: int, ended: Ended) -> Lane:
        before = next((lane for lane in self._parts.lanes(key) if lane.index == index), Lane(index=index))
        finished = total(self._parts.tallies(key)).finished
        noted = after_death(before, ended.death, reason=ended.reason, finished=finished)
        expires_at = parts_expire_at(self._clock(), retention_seconds=self._retention_seconds(key.api))
        self._parts.put_lane(key, noted, expires_at=expires_at)
        context = {"action": "lane", "api": key.api, "job": key.id, "lane": index, "death": ended.death.value}
        logger.warning("worker died", extra={**context, "deaths": noted.deaths, "reason": ended.reason})
        return noted

    def _give_up_without_workers(self, key: JobKey) -> None:
        """Stop the job with its last lane, not when the enqueuing of the rest has ended as well."""
        record = self._jobs.get(key)
        if record is None or record.status not in {JobStatus.ENQUEUING, JobStatus.RUNNING}:
            return
        verdict = without_workers(self._parts.lanes(key), workers=record.workers)
        # With all batches ended, what is missing is the last call: the finisher sees to that (J6).
        if verdict is not None and not is_done(record, total(self._parts.tallies(key))):
            ending, failure = verdict
            self._jobs.apply(key, moves.stop(ending=ending, failure=failure, now_ms=self._clock()))
