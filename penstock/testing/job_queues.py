"""The jobs' queues in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.batch.ports import QueueGone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.batch.messages import JobMessage
    from penstock.testing.queue import MemoryQueue


class MemoryJobOutbox:
    """The ``JobOutbox`` port over queues by URL; one that is not among them has been deleted."""

    def __init__(self, queues: dict[str, MemoryQueue]) -> None:
        self.queues = queues

    def send(self, queue_url: str, messages: Sequence[JobMessage]) -> None:
        """See ``JobOutbox.send``."""
        if queue_url not in self.queues:
            raise QueueGone(queue_url)
        for message in messages:
            self.queues[queue_url].put(message.encode(), group=message.group, deduplication_id=message.group)
