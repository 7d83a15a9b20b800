"""Keeps the ECS task protected while it is at work (R19)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from dequeuer.ecs_agent import NotProtected
from dequeuer.racing import first_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from dequeuer.ecs_agent import TaskAgent
    from dequeuer.shift import Shift
    from penstock.ports import Clock

logger = logging.getLogger(__name__)

#: Protection ends by itself after this: a dead worker must not hold its task for hours.
EXPIRES_MINUTES = 15
#: Two renewals may fail before that.
RENEW_MS = 5 * 60_000

#: First and longest pause before the agent is asked again after a failure.
MIN_RETRY_MS = 5_000
MAX_RETRY_MS = 60_000

#: A rest that the agent does not grant is given up after this; the next one comes in its turn.
GRANT_SECONDS = 30


class Protection:
    """Tells the agent what the shift wants, beside the work and never in its way.

    Losing protection is survivable: a stopped worker drains and gives back. So failures are
    logged, and tried again. Outside ECS there is no agent, and nothing happens.
    """

    def __init__(
        self,
        agent: TaskAgent | None,
        shift: Shift,
        *,
        clock: Clock,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._agent = agent
        self._shift = shift
        self._clock = clock
        self._sleep = sleep
        self._turned = asyncio.Event()
        self._settled = asyncio.Event()
        #: What the agent has confirmed; None after a call whose effect is unknown.
        self._told: bool | None = False
        self._tell_again_ms = 0
        self._failures = 0

    def holds(self, count: int) -> None:
        """The worker now holds so many requests."""
        if self._shift.holds(count):
            self._turned.set()

    @property
    def rest_due(self) -> bool:
        """Whether the worker should finish what it has and then rest."""
        return self._agent is not None and self._shift.rest_due

    async def rest(self, drained: Coroutine[Any, Any, None]) -> None:
        """Wait until the worker has drained, and leave the task unprotected for a moment.

        A rolling deployment that waits for this task stops it then; a worker that is never idle
        would make it wait for ever.
        """
        started_ms = self._clock()
        await drained
        drained_ms = self._clock() - started_ms
        self._shift.rest(drained_ms=drained_ms)
        self._settled.clear()
        self._turned.set()
        logger.info("resting", extra={"action": "rest", "drained_seconds": drained_ms / 1000})
        await first_of(self._settled.wait(), self._sleep(GRANT_SECONDS))
        if self._settled.is_set():
            await self._sleep(self._shift.rest_ms / 1000)

    async def run(self) -> None:
        """Follow the shift until cancelled."""
        if self._agent is None:
            return
        while True:
            self._turned.clear()
            wanted = self._shift.protected
            if wanted is not self._told or (wanted and self._clock() >= self._tell_again_ms):
                await self._tell(self._agent, wanted=wanted)
            if self._told is self._shift.protected:
                self._settled.set()
            await first_of(self._turned.wait(), self._sleep(self._idle_ms() / 1000))

    async def _tell(self, agent: TaskAgent, *, wanted: bool) -> None:
        if self._told is None and self._clock() < self._tell_again_ms:
            return
        try:
            await (agent.protect(minutes=EXPIRES_MINUTES) if wanted else agent.expose())
        except NotProtected as error:
            if self._failures == 0:
                # Said once: it may go on for hours, as in a deployment that cannot proceed.
                logger.warning("protection not set", extra={"action": "protect", "error": str(error)})
            self._told = None
            pause_ms = min(MIN_RETRY_MS * 2**self._failures, MAX_RETRY_MS)
            self._failures += 1
        else:
            if self._told is not wanted:
                logger.info("protection set", extra={"action": "protect", "protected": wanted})
            self._told, self._failures = wanted, 0
            pause_ms = RENEW_MS
        self._tell_again_ms = self._clock() + pause_ms

    def _idle_ms(self) -> int:
        """How long nothing is to be done unless the worker turns."""
        waits = [max(0, self._tell_again_ms - self._clock())] if self._told is not False else []
        if (undecided_ms := self._shift.undecided_ms) is not None:
            waits.append(undecided_ms)
        return max(1, min(waits, default=RENEW_MS))
