"""Messages of a job's queue, each to whom it concerns."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dequeuer.racing import unless
from penstock.batch.messages import BatchMessage, CompleteMessage, decode_for
from penstock.messages import MalformedMessage
from penstock.versions import UnknownVersion

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from dequeuer.batch.attempt import Attempts
    from dequeuer.batch.hook import LastMessage
    from dequeuer.batch.run import Job
    from dequeuer.batch.turns import Turns
    from penstock.ports import Delivery, Source

logger = logging.getLogger(__name__)


class JobMessages:
    """The ``Handler`` of a worker of a job."""

    def __init__(
        self, job: Job, source: Source, *, attempts: Attempts, last_message: LastMessage, turns: Turns
    ) -> None:
        self._job = job
        self._source = source
        self._attempts = attempts
        self._last_message = last_message
        self._turns = turns
        #: Messages that are being handled.
        self.running = 0

    async def handle(self, delivery: Delivery) -> None:
        """See ``Handler.handle``."""
        self.running += 1
        try:
            await self._handle(delivery)
        except UnknownVersion:
            # The worker leaves it to one that can read it, whose attempts these receipts must not use up.
            await self._turns.uncount(delivery.group)
            raise
        finally:
            self.running -= 1

    async def _handle(self, delivery: Delivery) -> None:
        try:
            message = decode_for(self._job.key, delivery.body)
        except MalformedMessage as error:
            # The recorder keeps it for somebody to look at, and counts it.
            context = {"action": "reject", "message_id": delivery.message_id, "error": str(error)}
            logger.error("malformed message", extra=context)  # noqa: TRY400 - the text says it all
            await self._source.reject(delivery)
            return
        match message:
            case BatchMessage():
                await self._attempts.handle(message, delivery)
            case CompleteMessage():
                await self._last_message.handle(delivery)

    async def put_back(self, delivery: Delivery) -> None:
        """See ``Handler.put_back``; the receipt is counted as given back, as the queue has counted it."""
        await self._turns.give_back(delivery.group, delivery)


class JobSource:
    """The ``Source`` of a job, which has somebody look each time that it has nothing to give.

    Once the job is over a poll is broken off: what it may bring is of no use to anybody any more, so
    nothing is stranded by that (R18).
    """

    def __init__(
        self, source: Source, *, on_nothing: Callable[[], Awaitable[None]], over: asyncio.Event
    ) -> None:
        self._source = source
        self._on_nothing = on_nothing
        self._over = over

    async def receive(self, *, limit: int, wait_seconds: int) -> Sequence[Delivery]:
        """See ``Source.receive``."""
        polling = self._source.receive(limit=limit, wait_seconds=wait_seconds)
        deliveries = await unless(self._over, polling)
        if deliveries is None:
            return []
        if not deliveries:
            await self._on_nothing()
        return deliveries

    async def extend(self, delivery: Delivery, *, seconds: int) -> None:
        """See ``Source.extend``."""
        await self._source.extend(delivery, seconds=seconds)

    async def release(self, delivery: Delivery, *, delay_seconds: int) -> None:
        """See ``Source.release``."""
        await self._source.release(delivery, delay_seconds=delay_seconds)

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See ``Source.ack``."""
        await self._source.ack(deliveries)

    async def reject(self, delivery: Delivery) -> None:
        """See ``Source.reject``."""
        await self._source.reject(delivery)
