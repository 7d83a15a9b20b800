"""Segments of a chunk with their first bytes, read some ahead: small files would wait for S3 one by one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from penstock.batch.reading import first_block

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor, Future

    from penstock.batch.chunks import Segment
    from penstock.batch.ports import Ranges

#: Reads at the same time. The segments of a chunk have 8 MiB together, or are alone; only stored batches
#: may be larger.
_AHEAD = 8


def read_ahead(
    segments: Sequence[Segment], ranges: Ranges, executor: Executor
) -> Iterator[tuple[Segment, bytes]]:
    """Each segment with what ``first_block`` gives or raises, in order."""
    waiting: deque[tuple[Segment, Future[bytes]]] = deque()
    left = iter(segments)
    try:
        while True:
            while len(waiting) < _AHEAD and (segment := next(left, None)) is not None:
                waiting.append((segment, executor.submit(first_block, segment, ranges)))
            if not waiting:
                return
            segment, read = waiting.popleft()
            yield segment, read.result()
    finally:
        for _, read in waiting:
            read.cancel()
