"""Which attempt a delivery is, and giving one back (R7)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dequeuer.pauses import give_back_pause
from penstock.transitions import MAX_FREE_RELEASES

if TYPE_CHECKING:
    from dequeuer.batch.run import Job, Ports
    from penstock.ports import Delivery

logger = logging.getLogger(__name__)


class Turns:
    """Counts by what the queue counts, as nothing else is written before a batch's end (J1).

    Each receipt is an attempt, except for those that were given back.
    """

    def __init__(self, job: Job, ports: Ports) -> None:
        self._job = job
        self._ports = ports

    async def number(self, batch: str, delivery: Delivery) -> int:
        """Number of the attempt that this delivery is, from 1."""
        if delivery.receive_count == 1:
            return 1
        releases = await self._ports.patience.call(
            lambda: self._ports.jobs.releases(self._job.key, batch), action="releases"
        )
        # A release whose answer was lost may have been counted twice.
        return max(1, delivery.receive_count - min(releases, MAX_FREE_RELEASES))

    async def give_back(self, batch: str, delivery: Delivery) -> None:
        """Leave it to others at once, and have it cost no attempt."""
        await self.uncount(batch)
        await self._release(batch, delivery, pause_seconds=0)

    async def give_back_later(self, batch: str, delivery: Delivery) -> None:
        """Put it back after a fault that is not its own, with a pause that grows each time."""
        releases = await self.uncount(batch)
        await self._release(batch, delivery, pause_seconds=give_back_pause(releases - 1))

    async def uncount(self, batch: str) -> int:
        """Have this receipt cost no attempt; how many of the batch's have cost none by now."""
        expires_at = self._job.expires_at(self._ports.clock())
        return await self._ports.patience.call(
            lambda: self._ports.jobs.give_back(self._job.key, batch, expires_at=expires_at),
            action="give_back",
        )

    async def _release(self, batch: str, delivery: Delivery, *, pause_seconds: int) -> None:
        await self._ports.source.release(delivery, delay_seconds=pause_seconds)
        context = {"action": "give_back", "job": self._job.key.id, "batch": batch}
        logger.info("batch given back", extra=context)
