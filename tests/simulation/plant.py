"""Where a fault can be planted: the parts of a world that may be replaced."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from dequeuer.attempt import Attempts
from penstock.testing import MemoryOutbox, MemoryRecords

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.simulation.mint import Mint
    from tests.simulation.queue import UnrulyQueue


class Sound:
    """Nothing is planted: the product as it is."""

    #: The class that handles deliveries.
    attempts: type[Attempts] = Attempts

    def records(self) -> MemoryRecords:
        """The table."""
        return MemoryRecords()

    def outbox(self, queue: UnrulyQueue, records: MemoryRecords) -> MemoryOutbox:
        """The way into the queue."""
        return MemoryOutbox(queue)

    def in_place(self, mint: Mint) -> AbstractContextManager[None]:
        """Whatever must be replaced while the world runs."""
        return nullcontext()
