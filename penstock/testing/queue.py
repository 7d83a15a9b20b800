"""SQS FIFO in memory: deduplication within a group, group order, visibility, receive counts.

It keeps the two properties our rules lean on: a deduplication id is remembered for five minutes
even after its message is deleted, and a handle is worth nothing once the message was received
again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from penstock.overview import Depth
from penstock.ports import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.batch.messages import JobMessage
    from penstock.messages import Message
    from penstock.ports import Clock

DEDUPLICATION_MS = 5 * 60 * 1000
VISIBILITY_MS = 30 * 1000


@dataclass(slots=True)
class _Entry:
    body: str
    group: str
    message_id: str
    visible_ms: int
    handle: str | None = None
    receive_count: int = 0


class MemoryQueue:
    """The state that ``MemoryOutbox`` and ``MemorySource`` share."""

    def __init__(self, clock: Clock, *, visibility_ms: int = VISIBILITY_MS) -> None:
        self.clock = clock
        self._visibility_ms = visibility_ms
        self._entries: list[_Entry] = []
        self._sent: dict[tuple[str, str], int] = {}
        self._serial = count(1)
        self.arrived = asyncio.Event()

    def __len__(self) -> int:
        """Messages not yet deleted."""
        return len(self._entries)

    def put(self, body: str, *, group: str, deduplication_id: str) -> None:
        """Send, unless the same id was sent to the same group less than five minutes ago."""
        now_ms = self.clock()
        last_ms = self._sent.get((group, deduplication_id))
        if last_ms is not None and now_ms - last_ms < DEDUPLICATION_MS:
            return
        self._sent[group, deduplication_id] = now_ms
        self._entries.append(_Entry(body, group, f"m-{next(self._serial)}", now_ms))
        self.arrived.set()

    def take(self, limit: int) -> list[Delivery]:
        """Receive what is visible, in order, never past a hidden message of the same group."""
        now_ms = self.clock()
        locked = {entry.group for entry in self._entries if entry.visible_ms > now_ms}
        free = [entry for entry in self._entries if entry.group not in locked][:limit]
        return [self._deliver(entry, now_ms) for entry in free]

    def depth(self) -> Depth:
        """Messages that can be received now, and those that cannot."""
        now_ms = self.clock()
        hidden = sum(entry.visible_ms > now_ms for entry in self._entries)
        return Depth(visible=len(self._entries) - hidden, in_flight=hidden)

    def hide(self, handle: str, *, seconds: int) -> None:
        """Set the message's visibility; nothing happens for a lapsed handle."""
        for entry in self._held(handle):
            entry.visible_ms = self.clock() + seconds * 1000
            self.arrived.set()

    def delete(self, handle: str) -> None:
        """Delete the message; nothing happens for a lapsed handle."""
        for entry in self._held(handle):
            self._entries.remove(entry)

    def _deliver(self, entry: _Entry, now_ms: int) -> Delivery:
        entry.handle = f"h-{next(self._serial)}"
        entry.visible_ms = now_ms + self._visibility_ms
        entry.receive_count += 1
        return Delivery(
            body=entry.body,
            handle=entry.handle,
            message_id=entry.message_id,
            group=entry.group,
            receive_count=entry.receive_count,
        )

    def _held(self, handle: str) -> list[_Entry]:
        now_ms = self.clock()
        return [entry for entry in self._entries if entry.handle == handle and entry.visible_ms > now_ms]


class MemoryOutbox:
    """The ``Outbox`` port."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue

    def send(self, message: Message) -> None:
        """See ``Outbox.send``."""
        self._queue.put(message.encode(), group=message.key.id, deduplication_id=message.key.id)


class MemoryJobSender:
    """The ``JobSender`` port."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue

    async def send(self, message: JobMessage) -> None:
        """See ``JobSender.send``."""
        self._queue.put(message.encode(), group=message.group, deduplication_id=message.group)


class MemorySource:
    """The ``Source`` port; ``dead_letters`` is open to tests that look."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self.dead_letters = MemoryQueue(queue.clock)

    async def receive(self, *, limit: int, wait_seconds: int) -> Sequence[Delivery]:
        """See ``Source.receive``."""
        deliveries = self._queue.take(limit)
        if not deliveries and wait_seconds:
            self._queue.arrived.clear()
            try:
                await asyncio.wait_for(self._queue.arrived.wait(), wait_seconds)
            except TimeoutError:
                return []
            deliveries = self._queue.take(limit)
        return deliveries

    async def extend(self, delivery: Delivery, *, seconds: int) -> None:
        """See ``Source.extend``."""
        self._queue.hide(delivery.handle, seconds=seconds)

    async def release(self, delivery: Delivery, *, delay_seconds: int) -> None:
        """See ``Source.release``."""
        self._queue.hide(delivery.handle, seconds=delay_seconds)

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See ``Source.ack``."""
        for delivery in deliveries:
            self._queue.delete(delivery.handle)

    async def reject(self, delivery: Delivery) -> None:
        """See ``Source.reject``."""
        message_id = delivery.message_id
        self.dead_letters.put(delivery.body, group=message_id, deduplication_id=message_id)
        self._queue.delete(delivery.handle)
