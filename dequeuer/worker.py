"""Receiving while there are free slots, and the drain at the end (R18)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from dequeuer.attempt import Attempts
    from dequeuer.probes import Readiness
    from dequeuer.settings import Settings
    from penstock.ports import Delivery, Source

logger = logging.getLogger(__name__)

#: What SQS gives in one receive.
MAX_RECEIVE = 10

#: First and longest pause after a receive that failed.
MIN_PAUSE_SECONDS = 1
MAX_PAUSE_SECONDS = 30


class Worker:
    """Takes as many messages as there are free slots and has each handled in a task of its own."""

    def __init__(
        self,
        settings: Settings,
        *,
        source: Source,
        attempts: Attempts,
        readiness: Readiness,
        out_of_time: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._source = source
        self._attempts = attempts
        self._readiness = readiness
        self._out_of_time = out_of_time
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Receive nothing more, and finish; called by the signal handler, any number of times."""
        if not self._stopping.is_set():
            logger.info("stopping", extra={"action": "stop", "running": len(self._running)})
            self._stopping.set()

    async def run(self) -> None:
        """Work until stopped; return when every request taken is finished or given back."""
        deadline: asyncio.TimerHandle | None = None
        try:
            receiving = asyncio.create_task(self._receive_until_stopped(), name="receive")
            stopped = asyncio.create_task(self._stopping.wait(), name="stop")
            await asyncio.wait({receiving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            deadline = asyncio.get_running_loop().call_later(
                self._settings.drain_seconds, self._out_of_time.set
            )
            stopped.cancel()
            await receiving
            while self._running:
                await asyncio.wait(self._running)
        finally:
            if deadline is not None:
                deadline.cancel()

    async def _receive_until_stopped(self) -> None:
        pause_seconds = MIN_PAUSE_SECONDS
        while not self._stopping.is_set():
            await self._until_stopped_or(self._free_slot())
            # After the slot: what freed it may have been the container's end.
            await self._until_stopped_or(self._readiness.wait())
            if self._stopping.is_set():
                return
            limit = min(MAX_RECEIVE, self._settings.max_concurrency - len(self._running))
            try:
                # Never cancelled: SQS may have handed out messages that nobody would then know of.
                deliveries = await self._source.receive(limit=limit, wait_seconds=self._settings.poll_seconds)
            except DependencyError as error:
                logger.warning("receive failed", extra={"action": "receive", "error": str(error)})
                await self._until_stopped_or(asyncio.sleep(pause_seconds))
                pause_seconds = min(2 * pause_seconds, MAX_PAUSE_SECONDS)
                continue
            pause_seconds = MIN_PAUSE_SECONDS
            await self._take(deliveries)

    async def _take(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._stopping.is_set():
                await self._put_back(delivery)
                continue
            task = asyncio.create_task(self._handle(delivery), name=f"delivery {delivery.message_id}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _handle(self, delivery: Delivery) -> None:
        try:
            await self._attempts.handle(delivery)
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

    async def _put_back(self, delivery: Delivery) -> None:
        try:
            await self._source.release(delivery, delay_seconds=0)
        except DependencyError as error:
            # It comes back by itself when its visibility timeout ends.
            logger.warning("not put back", extra={"action": "put_back", "error": str(error)})

    async def _free_slot(self) -> None:
        if len(self._running) >= self._settings.max_concurrency:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _until_stopped_or(self, coroutine: Coroutine[Any, Any, None]) -> None:
        waiting = asyncio.create_task(coroutine)
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            stopped.cancel()
            await asyncio.gather(waiting, stopped, return_exceptions=True)
