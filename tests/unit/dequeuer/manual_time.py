"""Time that passes when a test says so."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count

from penstock.testing import ManualClock
from tests.examples import NOW_MS


async def settle() -> None:
    """Let every task go on until it waits for something."""
    for _ in range(300):
        await asyncio.sleep(0)


class ManualTime(ManualClock):
    """A clock in milliseconds, and a sleep on it."""

    def __init__(self) -> None:
        super().__init__(NOW_MS)
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._serial = count()

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self.now_ms + round(seconds * 1000), next(self._serial), future))
        await future

    async def goes_on(self, seconds: float) -> None:
        """Wake the sleepers one after the other, each at its moment."""
        end_ms = self.now_ms + round(seconds * 1000)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end_ms:
            self.now_ms, _, future = heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
                await settle()
        self.now_ms = end_ms
        await settle()
