"""Receiving while there are free slots, and the drain at the end (R18)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from dequeuer.breaker import Store
from dequeuer.racing import first_of
from penstock.ports import DependencyError
from penstock.versions import UnknownVersion

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from dequeuer.outages import Outages
    from dequeuer.probes import Readiness
    from dequeuer.protect import Protection
    from dequeuer.settings import WorkerSettings
    from penstock.ports import Clock, Delivery, Source

logger = logging.getLogger(__name__)

#: What SQS gives in one receive.
MAX_RECEIVE = 10

#: How long a message is left alone that is for another version of this program.
UPGRADE_SECONDS = 300


class Handler(Protocol):
    """What is done about a message; each method may raise ``DependencyError``."""

    async def handle(self, delivery: Delivery) -> None:
        """See the message through, to its end or to its next delivery."""

    async def put_back(self, delivery: Delivery) -> None:
        """Leave the message to others at once: nobody has begun with it."""


class Worker:
    """Takes as many messages as there are free slots and has each handled in a task of its own."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        source: Source,
        handler: Handler,
        readiness: Readiness,
        outages: Outages,
        protection: Protection,
        out_of_time: asyncio.Event,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._source = source
        self._handler = handler
        self._readiness = readiness
        self._outages = outages
        self._protection = protection
        self._out_of_time = out_of_time
        self._clock = clock
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        #: The request that was last sent into an outage, to see whether that is over.
        self._probe: asyncio.Task[None] | None = None
        #: When it was told to stop, on the steady clock.
        self.stopping_since_ms: int | None = None
        #: Since when it has held no request, on the steady clock; None while it holds one.
        self.idle_since_ms: int | None = clock()

    def stop(self) -> None:
        """Receive nothing more, and finish; called by the signal handler, any number of times."""
        if not self._stopping.is_set():
            logger.info("stopping", extra={"action": "stop", "running": len(self._running)})
            self.stopping_since_ms = self._clock()
            self._stopping.set()

    async def run(self) -> None:
        """Work until stopped; return when every request taken is finished or given back.

        The drain's time goes on after that: for what is still to be written of a batch job.
        """
        receiving = asyncio.create_task(self._receive_until_stopped(), name="receive")
        stopped = asyncio.create_task(self._stopping.wait(), name="stop")
        await asyncio.wait({receiving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        asyncio.get_running_loop().call_later(self._settings.drain_seconds, self._out_of_time.set)
        stopped.cancel()
        await receiving
        await self._drained()

    async def _receive_until_stopped(self) -> None:
        while not self._stopping.is_set():
            await self._until_stopped_or(self._admission())
            if self._stopping.is_set():
                return
            probing = bool(self._outages.suspects)
            free = self._settings.max_concurrency - len(self._running)
            try:
                with self._outages.watching(Store.QUEUE):
                    # Never cancelled: SQS may have handed out messages that nobody would then know of.
                    deliveries = await self._source.receive(
                        limit=1 if probing else min(MAX_RECEIVE, free),
                        wait_seconds=self._settings.poll_seconds,
                    )
            except DependencyError:
                # The outage it began, or went on with, has its own pauses and its own log line.
                continue
            await self._take(deliveries, probing=probing)

    async def _admission(self) -> None:
        """Wait until a message may be received."""
        if len(self._running) >= self._settings.max_concurrency:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        if self._protection.rest_due:
            await self._protection.rest(self._drained())
        await self._outages.pass_by(self._probe)
        # After the slot: what freed it may have been the container's end.
        await self._readiness.wait()

    async def _take(self, deliveries: Sequence[Delivery], *, probing: bool) -> None:
        for delivery in deliveries:
            if self._stopping.is_set():
                await self._put_back(delivery)
                continue
            task = asyncio.create_task(self._handle(delivery), name=f"delivery {delivery.message_id}")
            self._running.add(task)
            self._count()
            task.add_done_callback(self._ended)
            self._probe = task if probing else None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._count()

    def _count(self) -> None:
        held = len(self._running)
        self._protection.holds(held)
        if held:
            self.idle_since_ms = None
        else:
            self.idle_since_ms = self._clock()

    async def _handle(self, delivery: Delivery) -> None:
        try:
            await self._handler.handle(delivery)
        except UnknownVersion as error:
            logger.error(  # noqa: TRY400 - the text says it all
                "left for a worker of another version",
                extra={"action": "handle", "message_id": delivery.message_id, "error": str(error)},
            )
            await self._leave(delivery)
        except DependencyError as error:
            logger.warning(
                "left for the next delivery",
                extra={"action": "handle", "message_id": delivery.message_id, "error": str(error)},
            )
        except Exception:
            # One request's surprise must not end the others; its lease runs out and it is tried again.
            logger.exception(
                "unexpected error", extra={"action": "handle", "message_id": delivery.message_id}
            )

    async def _leave(self, delivery: Delivery) -> None:
        """Hide it for as long as an upgrade takes: each receipt counts towards the queue's limit."""
        try:
            await self._source.release(delivery, delay_seconds=UPGRADE_SECONDS)
        except DependencyError as error:
            logger.warning("not put back", extra={"action": "put_back", "error": str(error)})

    async def _put_back(self, delivery: Delivery) -> None:
        try:
            await self._handler.put_back(delivery)
        except DependencyError as error:
            # It comes back by itself when its visibility timeout ends.
            logger.warning("not put back", extra={"action": "put_back", "error": str(error)})

    async def _drained(self) -> None:
        while self._running:
            await asyncio.wait(self._running)

    async def _until_stopped_or(self, coroutine: Coroutine[Any, Any, None]) -> None:
        await first_of(coroutine, self._stopping.wait())
