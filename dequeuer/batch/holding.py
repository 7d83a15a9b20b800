"""Messages stay hidden while they are worked on, and until what came of them is written."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dequeuer.lease import BEATS_PER_LEASE
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

    from penstock.ports import Delivery, Source

logger = logging.getLogger(__name__)


class Hold:
    """One message that is kept hidden, until the end of the hold."""

    def __init__(self, beating: asyncio.Task[None]) -> None:
        self._beating = beating
        self.passed_on = False

    def pass_on(self) -> None:
        """It is to last beyond the work, until ``end``."""
        self.passed_on = True

    def end(self) -> None:
        """The message may be seen again when its time is over, if it is still there then."""
        self._beating.cancel()


class Holding:
    """Extends by a constant, however long the work takes.

    A batch has no lease: should somebody else get it meanwhile, both run it, and one end counts (J1).
    """

    def __init__(
        self,
        source: Source,
        *,
        seconds: int,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._sleep = sleep

    @contextmanager
    def hold(self, delivery: Delivery) -> Iterator[Hold]:
        """Hold the message for as long as the block, or longer if the hold is passed on."""
        hold = Hold(asyncio.create_task(self._beat(delivery), name=f"hold {delivery.message_id}"))
        try:
            yield hold
        finally:
            if not hold.passed_on:
                hold.end()

    async def _beat(self, delivery: Delivery) -> None:
        interval_seconds = self._seconds / BEATS_PER_LEASE
        while True:
            await self._sleep(interval_seconds)
            try:
                # A hung connection must not take the next beat's time as well.
                async with asyncio.timeout(interval_seconds / 2):
                    await self._source.extend(delivery, seconds=self._seconds)
            except (DependencyError, TimeoutError) as error:
                context = {"action": "extend", "message_id": delivery.message_id, "error": repr(error)}
                logger.warning("heartbeat failed", extra=context)
