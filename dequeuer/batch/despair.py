"""When a worker gives its container up: ECS replaces what is unhealthy in a service, and no task of a job.

The job's lane starts another task in its place, and counts this one's end.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from dequeuer.health import Health

logger = logging.getLogger(__name__)

LOOK_SECONDS = 30


class Despair:
    """Stops the worker when ``/livez`` would have its task replaced; ``came`` tells whether it did."""

    def __init__(
        self,
        health: Health,
        *,
        stop: Callable[[], None],
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._health = health
        self._stop = stop
        self._sleep = sleep
        self.came = False

    async def run(self) -> None:
        """Look until there is cause, or until cancelled."""
        while not (causes := self._health.fatal()):
            await self._sleep(LOOK_SECONDS)
        self.came = True
        for cause in causes:
            logger.error("gives up", extra={"action": "give_up", "code": cause.code, "detail": cause.detail})
        self._stop()
