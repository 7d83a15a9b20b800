"""Beside the work: a sign of life, and a look at whether the job goes on."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from dequeuer.batch.run import Ends, Job, Ports

logger = logging.getLogger(__name__)

#: How soon a worker knows that its job was stopped.
LOOK_SECONDS = 5
#: Looks for each sign of life: one every 10 s (see ``tallies.LOST_AFTER_MS``).
LOOKS_PER_SIGN = 2


class Watch:
    """Sets ``ends.over`` when the job has ended, is to end early, or is gone."""

    def __init__(
        self,
        job: Job,
        ports: Ports,
        ends: Ends,
        *,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._job = job
        self._ports = ports
        self._ends = ends
        self._sleep = sleep

    async def run(self) -> None:
        """Arrive, and then look until cancelled."""
        arrived, looks = False, 0
        while True:
            try:
                if not arrived:
                    await self._arrive()
                    arrived = True
                elif looks % LOOKS_PER_SIGN == 0:
                    await self._ports.jobs.alive(self._job.key, self._job.worker, now_ms=self._ports.clock())
                await self._look()
            except DependencyError as error:
                context = {"action": "watch", "job": self._job.key.id, "error": str(error)}
                logger.warning("job not looked at", extra=context)
            looks += 1
            await self._sleep(LOOK_SECONDS)

    async def _arrive(self) -> None:
        now_ms = self._ports.clock()
        await self._ports.jobs.arrive(
            self._job.key, self._job.worker, now_ms=now_ms, expires_at=self._job.expires_at(now_ms)
        )

    async def _look(self) -> None:
        record = await self._ports.jobs.get(self._job.key)
        if record is None or not record.status.open_to_work:
            self._ends.over.set()
