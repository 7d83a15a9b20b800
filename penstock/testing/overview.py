"""Lists, slots and figures in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import keys
from penstock.overview import Crew, Depth, DuePlace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.records import RequestKey, RequestRecord
    from penstock.testing.queue import MemoryQueue
    from penstock.testing.records import MemoryRecords


class MemoryDirectory:
    """The ``Directory`` port over the rows of ``MemoryRecords``; ``unreadable`` says which cannot be read."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records
        self.unreadable: dict[RequestKey, Exception] = {}

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """See ``Directory.newest``."""
        positions = (
            keys.position(row.created_ms, row.id)
            for row in self._rows(api)
            if keys.day_of(row.created_ms) == day
        )
        return sorted((found for found in positions if found < below), reverse=True)[:limit]

    def read(
        self,
        keys: Sequence[RequestKey],
        *,
        on_unreadable: Callable[[RequestKey, Exception], None] | None = None,
    ) -> Mapping[RequestKey, RequestRecord]:
        """See ``Directory.read``."""
        found = [key for key in keys if key in self._records.rows]
        for key in found:
            if key not in self.unreadable:
                continue
            if on_unreadable is None:
                raise self.unreadable[key]
            on_unreadable(key, self.unreadable[key])
        return {key: self._records.rows[key] for key in found if key not in self.unreadable}

    def oldest_open_ms(self, api: str) -> int | None:
        """See ``Directory.oldest_open_ms``."""
        return min((row.created_ms for row in self._rows(api) if row.due_ms is not None), default=None)

    def due(
        self, api: str, shard: int, *, before_ms: int, after: DuePlace | None, limit: int
    ) -> Sequence[DuePlace]:
        """See ``Directory.due``."""
        places = sorted(
            DuePlace(row.due_ms, row.id)
            for row in self._rows(api)
            if row.due_ms is not None and row.due_ms < before_ms and keys.shard_of(row.id) == shard
        )
        return [place for place in places if after is None or place > after][:limit]

    def _rows(self, api: str) -> Sequence[RequestRecord]:
        return [row for row in self._records.rows.values() if row.api == api]


class MemorySlots:
    """The ``Slots`` port; ``held`` is open to tests that look or plant."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[str, int]] = {}

    def take(self, slot: int, *, token: str, now_ms: int, until_ms: int) -> bool:
        """See ``Slots.take``."""
        holder, end_ms = self.held.get(slot, (token, now_ms))
        if holder != token and end_ms >= now_ms:
            return False
        self.held[slot] = (token, until_ms)
        return True

    def free(self, slot: int, *, token: str) -> None:
        """See ``Slots.free``."""
        if slot in self.held and self.held[slot][0] == token:
            del self.held[slot]


class MemoryQueues:
    """The ``Queues`` port over one queue."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue

    def depth(self, api: str) -> Depth:  # noqa: ARG002 - the port's signature
        """See ``Queues.depth``."""
        return self._queue.depth()


class MemoryWorkers:
    """The ``Workers`` port with a constant answer."""

    def __init__(self, crew: Crew | None = None) -> None:
        self.crew = crew or Crew(desired=1, running=1)

    def count(self, api: str) -> Crew:  # noqa: ARG002 - the port's signature
        """See ``Workers.count``."""
        return self.crew
