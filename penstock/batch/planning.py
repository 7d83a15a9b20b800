"""From listed objects to chunks (J3, J4)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.batch.chunks import Chunk, Form, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Input for one call of the enqueuing function.
CHUNK_BYTES = 8 << 20
#: A file of more than 78 GiB is cut into larger ones, so that no plan is without end.
_MOST_PIECES = 10_000
# A piece of a file is at least so large a share of a chunk, unless the file ends.
_LEAST_SHARE = 8
#: Each segment is a call of S3's.
MOST_SEGMENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """An object with items."""

    bucket: str
    key: str
    etag: str
    size_bytes: int


def form_of(key: str) -> Form:
    """How an object is read, by the end of its name; what is not known has a line for each item."""
    name, zipped = key.lower(), False
    if name.endswith(".gz"):
        name, zipped = name.removesuffix(".gz"), True
    if name.endswith(".csv"):
        return Form.CSV_GZIP if zipped else Form.CSV
    return Form.LINES_GZIP if zipped else Form.LINES


class Packer:
    """Packs segments into chunks, in order; ``index`` is the number of the chunk at hand."""

    def __init__(
        self, *, index: int = 0, segments: Sequence[Segment] = (), chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self.index = index
        self._chunk_bytes = chunk_bytes
        self.segments = list(segments)
        self._bytes = sum(segment.end - segment.first for segment in segments)

    def add(self, file: InputFile) -> Iterator[Chunk]:
        """Take a file in; the chunks that are full then. What does not fill one waits for the next file."""
        form, first = form_of(file.key), 0
        while first < file.size_bytes:
            room = max(self._chunk_bytes - self._bytes, file.size_bytes // _MOST_PIECES)
            left = file.size_bytes - first
            if form is not Form.LINES and left > room and self.segments:
                # A whole file begins a chunk of its own rather than make this one much too large.
                yield self._close()
                continue
            size = min(left, room) if form is Form.LINES else left
            segment = Segment(
                bucket=file.bucket, key=file.key, etag=file.etag, form=form, first=first, end=first + size
            )
            self.segments.append(segment)
            self._bytes += size
            first = segment.end
            room = self._chunk_bytes - self._bytes
            if room < self._chunk_bytes / _LEAST_SHARE or len(self.segments) == MOST_SEGMENTS:
                yield self._close()

    def put(self, segment: Segment) -> Iterator[Chunk]:
        """Take a segment in as it is, such as a stored batch."""
        self.segments.append(segment)
        if len(self.segments) == MOST_SEGMENTS:
            yield self._close()

    def rest(self) -> Iterator[Chunk]:
        """The last chunk, if anything is in it."""
        if self.segments:
            yield self._close()

    def _close(self) -> Chunk:
        chunk = Chunk(index=self.index, segments=tuple(self.segments))
        self.index += 1
        self.segments, self._bytes = [], 0
        return chunk


def cuts(lengths: Sequence[int], *, batch_size: int) -> Iterator[tuple[int, int]]:
    """Where lines of these lengths are cut into chunks: from which byte to which, at full batches.

    So the batches of a list are as many as its length says.
    """
    first = at = 0
    for number, length in enumerate(lengths, start=1):
        at += length
        if number % batch_size == 0 and at - first >= CHUNK_BYTES:
            yield first, at
            first = at
    if at > first:
        yield first, at


class PathPacker:
    """Packs the names of objects into lists, a line of JSON each, cut at full batches.

    ``index`` is the number of the list at hand, ``lines`` what is in it.
    """

    def __init__(
        self, *, batch_size: int, index: int = 0, lines: Sequence[str] = (), chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self.index = index
        self.lines = list(lines)
        self._batch_size = batch_size
        self._chunk_bytes = chunk_bytes
        self._bytes = sum(len(line) for line in lines)

    def add(self, name: str) -> Iterator[tuple[int, str]]:
        """Take a name in; number and text of the list that is full then, if one is."""
        line = f"{json.dumps(name)}\n"
        self.lines.append(line)
        self._bytes += len(line)
        if len(self.lines) % self._batch_size == 0 and self._bytes >= self._chunk_bytes:
            yield self._close()

    def rest(self) -> Iterator[tuple[int, str]]:
        """The last list, if anything is in it."""
        if self.lines:
            yield self._close()

    def _close(self) -> tuple[int, str]:
        full = self.index, "".join(self.lines)
        self.index += 1
        self.lines, self._bytes = [], 0
        return full
