"""The heartbeat that keeps a running attempt its worker's own (R8)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from penstock import transitions
from penstock.ports import DependencyError, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penstock.ports import Clock, Delivery, Ledger, Source
    from penstock.records import RequestRecord

logger = logging.getLogger(__name__)

#: Heartbeats in a lease: one may be lost, even by a hung connection, before anybody else can claim.
BEATS_PER_LEASE = 3


class Heartbeat:
    """Extends lease and message by a constant, however long the attempt has run."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        source: Source,
        clock: Clock,
        lease_seconds: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._source = source
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._sleep = sleep

    def lease_end_ms(self) -> int:
        """When a lease taken or renewed now runs out."""
        return self._clock() + self._lease_seconds * 1000

    async def until_lost(
        self, claimed: RequestRecord, lease: str, delivery: Delivery
    ) -> RequestRecord | None:
        """Beat until the record refuses, and return it as it then is: the request is no longer ours.

        A call that fails proves nothing, so beating goes on: the outcome's own condition decides.
        """
        key, interval_seconds = claimed.key, self._lease_seconds / BEATS_PER_LEASE
        pause_seconds = self._first_pause(claimed)
        while True:
            await self._sleep(pause_seconds)
            pause_seconds = interval_seconds
            try:
                # A hung connection must not take the next beat's time as well.
                async with asyncio.timeout(interval_seconds / 2):
                    answer = await self._ledger.apply(
                        key, transitions.renew(lease=lease, lease_until_ms=self.lease_end_ms())
                    )
                    if isinstance(answer, Refused):
                        return answer.found
                    await self._source.extend(delivery, seconds=self._lease_seconds)
            except (DependencyError, TimeoutError) as error:
                context = {"action": "renew", "api": key.api, "id": key.id, "error": repr(error)}
                logger.warning("heartbeat failed", extra=context)

    def _first_pause(self, claimed: RequestRecord) -> float:
        """Less than the others if the claim itself, or its answer, has used up a part of the lease."""
        assert claimed.lease_until_ms is not None
        # None, if the clock was set back meanwhile.
        used_seconds = max(0.0, (self.lease_end_ms() - claimed.lease_until_ms) / 1000)
        return max(0.0, self._lease_seconds / BEATS_PER_LEASE - used_seconds)
