"""Downloads files in parallel: many ranges at a time, each straight to its place on the disk.

Memory is bounded by the number of streams, whatever the sizes: a piece each, besides what the sockets hold.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dequeuer.prefetch.bucket import BrokeOff
from dequeuer.prefetch.faults import Broken
from dequeuer.prefetch.plan import ranges

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from dequeuer.prefetch.disk import Growing, SharedFolder
    from dequeuer.prefetch.plan import File, Range

logger = logging.getLogger(__name__)

#: Ranges on their way at the same time. S3 gives each some 80 MB/s.
STREAMS = 16

#: A range that breaks off goes on from there; after so many times without a single byte it is given up.
_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.5

_PROGRESS_SECONDS = 10


class Source(Protocol):
    """Where ranges come from."""

    def read(self, part: Range, *, skipped: int) -> AsyncIterator[bytes]:
        """See ``Buckets.read``."""
        ...


@dataclass(slots=True)
class _Opened:
    growing: Growing
    ranges_left: int


class Download:
    """One run over all files."""

    def __init__(
        self,
        source: Source,
        folder: SharedFolder,
        *,
        clock: Callable[[], float],
        pause_seconds: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        """The clock is in seconds, and does not go back."""
        self._source = source
        self._folder = folder
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._done_bytes = 0

    async def run(self, files: Sequence[File]) -> None:
        """Have all of them there; ``Fault`` if one cannot be, and then those that are whole stay."""
        began, total = self._clock(), sum(file.size_bytes for file in files)
        with self._folder.staging():
            self._folder.check_room(total)
            await self._download(files, began, total)
        self._tell("prefetched", began, total, files=len(files))

    async def _download(self, files: Sequence[File], began: float, total: int) -> None:
        work = self._work(files)
        try:
            async with asyncio.TaskGroup() as group:
                progress = group.create_task(self._progress(began, total))
                streams = [group.create_task(self._stream(work)) for _ in range(STREAMS)]
                await asyncio.gather(*streams)
                progress.cancel()
        except* Exception as faults:
            # The first of them; those that came of it say nothing new.
            raise faults.exceptions[0] from faults

    def _work(self, files: Sequence[File]) -> Iterator[tuple[_Opened, Range]]:
        """All ranges, file after file: few files are open at a time."""
        for file in files:
            parts = list(ranges(file))
            opened = _Opened(self._folder.begin(file), len(parts))
            if not parts:
                self._folder.finish(opened.growing)
            yield from ((opened, part) for part in parts)

    async def _stream(self, work: Iterator[tuple[_Opened, Range]]) -> None:
        for opened, part in work:
            await self._range(opened.growing, part)
            opened.ranges_left -= 1
            if not opened.ranges_left:
                self._folder.finish(opened.growing)

    async def _range(self, growing: Growing, part: Range) -> None:
        taken, tries = 0, 0
        size = part.last - part.first + 1
        while taken < size:
            before = taken
            try:
                async for piece in self._source.read(part, skipped=taken):
                    await asyncio.to_thread(self._folder.write, growing, piece, part.first + taken)
                    taken += len(piece)
                    self._done_bytes += len(piece)
            except BrokeOff as error:
                tries = 0 if taken > before else tries + 1
                if tries == _TRIES:
                    raise Broken(
                        f"cannot read {part.file}: the connection breaks off again and again"
                    ) from error
                logger.warning(
                    "broke off", extra={"action": "prefetch", "file": str(part.file), "error": str(error)}
                )
                await asyncio.sleep(self._pause_seconds * 2**tries)

    async def _progress(self, began: float, total: int) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            self._tell("prefetching", began, total)

    def _tell(self, message: str, began: float, total: int, **more: int) -> None:
        seconds = max(self._clock() - began, 1e-3)
        context = {
            "action": "prefetch",
            "done_bytes": self._done_bytes,
            "total_bytes": total,
            "seconds": round(seconds, 1),
            "megabytes_per_second": round(self._done_bytes / seconds / 1e6, 1),
            **more,
        }
        logger.info(message, extra=context)
