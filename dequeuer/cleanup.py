"""What is deleted once a request has ended: payloads first, then messages, in batches (R9)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.ports import DependencyError

if TYPE_CHECKING:
    from penstock.ports import Delivery, Source, Streams

logger = logging.getLogger(__name__)

#: SQS deletes up to ten messages in one call.
BATCH = 10

#: How long a lone message waits for company: long enough to share a call under load, far too
#: short for its visibility timeout, of which a third has passed at most.
LINGER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Leftover:
    """A message that is done with, and its payload if nobody needs that either."""

    delivery: Delivery
    payload_key: str | None = None


class Cleaner:
    """Collects leftovers and deletes them batch by batch.

    A failure only costs work: the message comes back, meets a finished record and is deleted then.
    """

    def __init__(self, *, source: Source, streams: Streams, linger_seconds: float = LINGER_SECONDS) -> None:
        self._source = source
        self._streams = streams
        self._linger_seconds = linger_seconds
        self._pending: list[Leftover] = []
        self._arrived = asyncio.Event()

    def add(self, leftover: Leftover) -> None:
        """Have it deleted soon."""
        self._pending.append(leftover)
        self._arrived.set()

    async def run(self) -> None:
        """Delete until cancelled; what is pending then waits for ``flush``."""
        while True:
            await self._arrived.wait()
            if len(self._pending) < BATCH:
                await asyncio.sleep(self._linger_seconds)
            await self.flush()
            self._arrived.clear()

    async def flush(self) -> None:
        """Delete everything that is pending."""
        while batch := self._pending[:BATCH]:
            await self._delete(batch)
            # Only now: a cancelled deletion must stay pending, and deleting twice does no harm.
            del self._pending[: len(batch)]

    async def _delete(self, batch: list[Leftover]) -> None:
        try:
            if payloads := [leftover.payload_key for leftover in batch if leftover.payload_key]:
                await self._streams.delete(payloads)
            await self._source.ack([leftover.delivery for leftover in batch])
        except DependencyError as error:
            logger.warning("clean-up failed", extra={"action": "clean_up", "error": str(error)})
