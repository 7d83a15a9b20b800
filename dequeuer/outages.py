"""Outages of a store, as the worker lives through them: it watches calls, tells, and waits."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dequeuer.breaker import State
from dequeuer.racing import first_of
from penstock.ports import DependencyError
from penstock.versions import UnknownVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

    from dequeuer.breaker import Breaker, Store
    from dequeuer.telemetry import Telemetry
    from penstock.ports import Clock

logger = logging.getLogger(__name__)


class Outages:
    """One breaker for the whole worker, said once when it opens and once when it closes."""

    def __init__(
        self,
        breaker: Breaker,
        *,
        telemetry: Telemetry,
        clock: Clock,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._breaker = breaker
        self._telemetry = telemetry
        self._clock = clock
        self._sleep = sleep
        self._over = asyncio.Event()
        self._over.set()
        self._since_ms = 0

    @property
    def suspects(self) -> list[Store]:
        """The stores that receiving is paused for; none when all is well."""
        return self._breaker.suspects

    @property
    def since_ms(self) -> int:
        """When the present outage began, on the steady clock; means nothing without one."""
        return self._since_ms

    @contextmanager
    def watching(self, store: Store, *, subject: str | None = None) -> Iterator[None]:
        """Note how a call to the store ends; ``subject`` is the request it is made for, if any.

        Anything but ``DependencyError`` is an answer of the caller's own, and says nothing.
        """
        try:
            yield
        except UnknownVersion:
            # The store works; what it holds is for another version of this program.
            self.works(store)
            raise
        except DependencyError as error:
            self._fails(store, subject, error)
            raise
        self.works(store)

    def works(self, store: Store) -> None:
        """The store has answered."""
        self._breaker.works(store)
        if self._breaker.state is State.CLOSED and not self._over.is_set():
            self._over.set()
            paused_ms = self._clock() - self._since_ms
            logger.info("receiving again", extra={"action": "resume", "after_seconds": paused_ms / 1000})
            self._telemetry.resumed(paused_ms)

    def _fails(self, store: Store, subject: str | None, error: DependencyError) -> None:
        if not self._breaker.fails(store, subject=subject):
            return
        self._telemetry.paused(store)
        if self._over.is_set():
            self._over.clear()
            self._since_ms = self._clock()
            context = {"action": "pause", "store": store.value, "error": str(error)}
            logger.warning("receiving paused", extra=context)

    async def pass_by(self, probe: asyncio.Task[None] | None) -> None:
        """Wait until something may be received.

        ``probe`` is the request that was sent into the outage, if one was: no second one follows
        before it has found the store working, or has ended.
        """
        if probe is not None and not self._over.is_set():
            await first_of(_ended(probe), self._over.wait())
        while pause_ms := self._breaker.pause_ms:
            await first_of(self._sleep(pause_ms / 1000), self._over.wait())


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
