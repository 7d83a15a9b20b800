"""Liveness: a container that answers no more gets a new task.

Nobody can end the user's container from here, but the dequeuer is essential to its task: when it leaves,
ECS stops the others. What runs may end first, and what does not is given back, as at any stop (R18).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dequeuer.asking import Asking
    from dequeuer.settings import Probe

logger = logging.getLogger(__name__)


class Liveness:
    """Runs the probes until one of them has failed so often in a row that its container counts as dead."""

    def __init__(self, probes: Sequence[Probe], *, asking: Asking) -> None:
        self._probes = probes
        self._asking = asking
        self._dead = asyncio.Event()

    @property
    def failed(self) -> bool:
        """Whether a container is dead."""
        return self._dead.is_set()

    async def run(self, stop: Callable[[], None]) -> None:
        """Probe until cancelled, or until a container is dead: then tell so, once."""
        if not self._probes:
            return
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(self._watch(probe)) for probe in self._probes]
            await self._dead.wait()
            for task in watching:
                task.cancel()
        stop()

    async def _watch(self, probe: Probe) -> None:
        await asyncio.sleep(probe.initial_delay_seconds)
        failures = 0
        while True:
            failures = 0 if await self._asking.content(probe) else failures + 1
            if failures == probe.failure_threshold:
                break
            await asyncio.sleep(probe.period_seconds)
        context = {"action": "liveness", "kind": probe.kind, "port": probe.port, "failures": failures}
        logger.error("the container is not alive; the task ends", extra=context)
        self._dead.set()
