"""Simulated time: what is to happen, in the order of its moments."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Agenda:
    """Events of the future. Of one moment, the first that was entered comes first."""

    def __init__(self) -> None:
        self.now = 0.0
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = count()

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Have something done then, in seconds since the beginning."""
        heappush(self._entries, (moment, next(self._serial), act))

    def run_until(self, end: float) -> None:
        """Let everything happen up to this moment."""
        while self._entries and self._entries[0][0] <= end:
            self.now, _, act = heappop(self._entries)
            act()
        self.now = max(self.now, end)
