"""SQS as it may behave: late, twice, in any order, and early with a message that is being worked on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.testing import MemoryQueue
from penstock.testing.queue import VISIBILITY_MS
from tests.simulation.trip import Unsettled

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from penstock.ports import Clock, Delivery
    from tests.simulation.faults import FaultPlan
    from tests.simulation.network import Network
    from tests.simulation.trace import Trace

_LATE_RATE = 0.1
_LATEST_MS = 20_000
_REORDER_RATE = 0.3
#: A receive that brings a message whose visibility timeout is not over, and a deletion that is undone.
_AGAIN_RATE = 0.02


@dataclass(slots=True, eq=False)
class _Poll:
    limit: int
    receipt: Unsettled


class UnrulyQueue(MemoryQueue):
    """The queue of one API; what it may do wrong ends with the plan's faults."""

    def __init__(
        self,
        clock: Clock,
        *,
        network: Network,
        faults: FaultPlan,
        rng: Random,
        trace: Trace,
        visibility_ms: int = VISIBILITY_MS,
    ) -> None:
        super().__init__(clock, visibility_ms=visibility_ms)
        self._network = network
        self._faults = faults
        self._rng = rng
        self._trace = trace
        self._polls: dict[_Poll, None] = {}
        #: Where messages go that were received so often; None keeps them.
        self.dead_letters: UnrulyQueue | None = None
        self.most_receives = 0
        #: Told of each message that comes in, and of each that is deleted.
        self.on_sent: Callable[[str], None] = lambda _body: None
        self.on_deleted: Callable[[str], None] = lambda _body: None

    def __contains__(self, body: str) -> bool:
        """Whether a message with this text is there, visible or not."""
        return any(entry.body == body for entry in self._entries)

    def bodies(self) -> list[str]:
        """The texts of all messages."""
        return [entry.body for entry in self._entries]

    def group_of(self, handle: str) -> str:
        """The group of a message that was received."""
        (entry,) = self._held(handle)
        return entry.group

    def put(self, body: str, *, group: str, deduplication_id: str) -> None:
        """See ``MemoryQueue.put``; it may take a while until the message can be received."""
        before = len(self)
        super().put(body, group=group, deduplication_id=deduplication_id)
        if len(self) > before:
            if self._faults.chance(_LATE_RATE):
                self._entries[-1].visible_ms += self._rng.randrange(_LATEST_MS)
            self.on_sent(body)
            self._serve_soon()

    def take(self, limit: int) -> list[Delivery]:
        """See ``MemoryQueue.take``; at times a message that was handed out already, or out of order."""
        if self._entries and self._faults.chance(_AGAIN_RATE):
            entry = self._rng.choice(self._entries)
            entry.visible_ms = min(entry.visible_ms, self.clock())
            self._trace.note("queue", f"hands {entry.message_id} out once more")
        if self._faults.chance(_REORDER_RATE):
            self._rng.shuffle(self._entries)
        if self.dead_letters is not None:
            self._redrive(self.dead_letters)
        return super().take(limit)

    def hide(self, handle: str, *, seconds: int) -> None:
        """See ``MemoryQueue.hide``."""
        super().hide(handle, seconds=seconds)
        self._serve_soon()

    def delete(self, handle: str) -> None:
        """See ``MemoryQueue.delete``; at times the message comes back."""
        for entry in self._held(handle):
            super().delete(handle)
            if self._faults.chance(_AGAIN_RATE):
                self._entries.append(replace(entry, visible_ms=self.clock(), handle=None))
                self._trace.note("queue", f"forgets that {entry.message_id} was deleted")
            self.on_deleted(entry.body)
        self._serve_soon()

    def receive(self, limit: int, wait_seconds: int) -> list[Delivery] | Unsettled:
        """What a long poll brings, when it brings it."""
        found = self.take(limit)
        if found or not wait_seconds:
            return found
        poll = _Poll(limit, Unsettled())
        self._polls[poll] = None
        self._network.later(wait_seconds, self._end, poll)
        self._serve_when_due()
        return poll.receipt

    def _redrive(self, dead_letters: UnrulyQueue) -> None:
        now_ms = self.clock()
        for entry in list(self._entries):
            if entry.receive_count >= self.most_receives and entry.visible_ms <= now_ms:
                self._entries.remove(entry)
                dead_letters._entries.append(replace(entry, handle=None))
                self._trace.note("queue", f"gives {entry.message_id} up as a dead letter")

    def _end(self, poll: _Poll) -> None:
        if poll in self._polls:
            del self._polls[poll]
            poll.receipt.answer([])

    def _serve_soon(self) -> None:
        if self._polls:
            self._network.later(0, self._serve)

    def _serve(self) -> None:
        for poll in list(self._polls):
            if found := self.take(poll.limit):
                del self._polls[poll]
                poll.receipt.answer(found)
        if self._polls:
            self._serve_when_due()

    def _serve_when_due(self) -> None:
        now_ms = self.clock()
        due_ms = min((entry.visible_ms for entry in self._entries if entry.visible_ms > now_ms), default=None)
        if due_ms is not None:
            self._network.later((due_ms - now_ms) / 1000, self._serve)
