"""Ends of batches on their way into the table, many at a time (J8): parts, then counts, then messages."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dequeuer.batch.parts import listed, put
from dequeuer.cleanup import Leftover
from dequeuer.racing import first_of
from penstock import ids
from penstock.batch.commits import Commit, PartKind, fits
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
    from typing import Any

    from dequeuer.batch.parts import PutPart
    from dequeuer.batch.run import Job, Ports, Run
    from penstock.batch.commits import FinishedBatch

logger = logging.getLogger(__name__)

#: How long an end waits for company. With results each commit costs two more objects, so they wait longer.
LINGER_SECONDS = 0.25
LINGER_WITH_RESULTS_SECONDS = 0.5

#: Lines that are written at once, at most, and at least one.
MOST_BYTES = 8 * 1024 * 1024
#: Ends that wait, and their lines, before nothing further is begun: while a store is down, memory is bounded.
MOST_WAITING = 200
MOST_WAITING_BYTES = 2 * MOST_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A batch's end, and its line if answers are kept."""

    run: Run
    batch: FinishedBatch
    line: bytes | None

    @property
    def size_bytes(self) -> int:
        """What it takes up."""
        return len(self.line or b"")


class Committer:
    """Writes what is there after a short wait, and at once if it is much.

    ``on_commit`` is called after each commit. There is one at a time: the counters are this worker's
    alone (J2).
    """

    def __init__(
        self,
        job: Job,
        ports: Ports,
        *,
        on_commit: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._job = job
        self._ports = ports
        self._on_commit = on_commit
        self._sleep = sleep
        self._linger_seconds = LINGER_WITH_RESULTS_SECONDS if job.results else LINGER_SECONDS
        self._waiting: list[Entry] = []
        self._further_attempts = 0
        self._closing = False
        self._busy = False
        self._some = asyncio.Event()
        self._hurry = asyncio.Event()
        self._written = asyncio.Condition()

    def count_attempt(self) -> None:
        """An attempt has ended without deciding anything; told with the next commit."""
        self._further_attempts += 1

    async def take(self, entry: Entry) -> None:
        """Have it written soon; returns when there is room for more."""
        self._waiting.append(entry)
        self._signal()
        async with self._written:
            await self._written.wait_for(self._has_room)

    async def close(self) -> None:
        """Write what is there without delay, and return when all is done that comes of it."""
        self._closing = True
        self._signal()
        async with self._written:
            await self._written.wait_for(lambda: not self._waiting and not self._busy)

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            await self._some.wait()
            await first_of(self._sleep(self._linger_seconds), self._hurry.wait())
            self._busy = True
            group = self._group()
            await self._write(group)
            await self._make_room(len(group))
            await self._on_commit()
            self._busy = False
            await self._make_room(0)

    async def _make_room(self, count: int) -> None:
        async with self._written:
            # Not before: until they are written they take room, and ``close`` waits for them.
            del self._waiting[:count]
            self._signal()
            self._written.notify_all()

    def _signal(self) -> None:
        _let(self._some, on=bool(self._waiting))
        _let(self._hurry, on=self._closing or self._much())

    def _much(self) -> bool:
        """Whether waiting for more would be in vain."""
        size = sum(entry.size_bytes for entry in self._waiting)
        failed = sum(entry.batch.failure is not None for entry in self._waiting)
        return size >= MOST_BYTES or not fits(len(self._waiting) + 1, failed=failed)

    def _has_room(self) -> bool:
        size = sum(entry.size_bytes for entry in self._waiting)
        return len(self._waiting) < MOST_WAITING and size < MOST_WAITING_BYTES

    def _group(self) -> list[Entry]:
        """The first that go into one commit. Of a batch that is there twice, the second one must wait."""
        group: list[Entry] = []
        batches: set[str] = set()
        failed = size = 0
        for entry in self._waiting:
            failed += entry.batch.failure is not None
            size += entry.size_bytes
            full = size > MOST_BYTES or not fits(len(group) + 1, failed=failed)
            if group and (full or entry.batch.id in batches):
                break
            group.append(entry)
            batches.add(entry.batch.id)
        return group

    async def _write(self, group: Sequence[Entry]) -> None:
        try:
            parts = [await part for part in self._parts(group)]
            await self._commit([entry.batch for entry in group], parts)
        except DependencyError as error:
            # They come back once nobody holds them any more, and are run again.
            context = {
                "action": "commit",
                "job": self._job.key.id,
                "batches": len(group),
                "error": str(error),
            }
            logger.error("ends of batches not written", extra=context)  # noqa: TRY400 - the text says it all
        else:
            for entry in group:
                self._ports.cleaner.add(Leftover(entry.run.delivery))
        finally:
            for entry in group:
                entry.run.hold.end()

    def _parts(self, group: Sequence[Entry]) -> Iterator[Awaitable[PutPart]]:
        for kind in PartKind:
            failed = kind is PartKind.ERRORS
            lines = {
                entry.batch.id: entry.line
                for entry in group
                if entry.line is not None and (entry.batch.failure is not None) is failed
            }
            if lines:
                yield put(kind, lines, job=self._job.key, ports=self._ports)

    async def _commit(self, batches: Sequence[FinishedBatch], parts: Sequence[PutPart]) -> None:
        """Write them, except for those that somebody else has ended before."""
        rejected: frozenset[str] = frozenset()
        while left := tuple(batch for batch in batches if batch.id not in rejected):
            commit = Commit(
                key=self._job.key,
                worker=self._job.worker,
                token=ids.new_token(),
                batches=left,
                parts=listed(parts, rejected),
                further_attempts=self._further_attempts,
                expires_at=self._job.expires_at(self._ports.clock()),
            )
            refused = await self._ports.patience.call(
                partial(self._ports.jobs.commit, commit), action="commit"
            )
            if not refused:
                self._told(commit)
                return
            rejected |= refused

    def _told(self, commit: Commit) -> None:
        self._further_attempts -= commit.further_attempts
        self._ports.telemetry.batches(succeeded=commit.succeeded, failed=commit.failed)
        context = {"action": "commit", "job": commit.key.id, "batches": len(commit.batches)}
        logger.info("ends of batches written", extra={**context, "failed": commit.failed})


def _let(event: asyncio.Event, *, on: bool) -> None:
    if on:
        event.set()
    else:
        event.clear()
