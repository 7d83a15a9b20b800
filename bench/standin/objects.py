"""Object bodies: kept if small, made up or counted and dropped if a bench moves gigabytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aiohttp import StreamReader

#: A key that ends so stands for an object of that many zero bytes that nobody has to store.
_SYNTHETIC = re.compile(r"/synthetic-(\d+)$")

#: And one that ends so for a file of that many bytes, of equal lines that are JSON, or CSV with a header.
_LINES = re.compile(r"/lines-(\d+)\.(jsonl|csv)$")

#: Bytes of such a line.
LINE_BYTES = 200

_OF_LINES = {
    "jsonl": b'{"number":12345678,"text":"%s"}\n' % (b"x" * (LINE_BYTES - 30)),
    "csv": b"12345678,%s\n" % (b"x" * (LINE_BYTES - 10)),
}

_PIECE = bytes(256 * 1024)


@dataclass(slots=True)
class Object:
    """One object. Of a dropped body only the size is left, and it reads as zeros."""

    size_bytes: int
    body: bytes | None
    content_type: str = "application/octet-stream"
    #: Headers that S3 sends back with the object, such as its checksum.
    extra: dict[str, str] = field(default_factory=dict)
    #: What a body that was not kept reads as, over and over.
    pattern: bytes = _PIECE

    def pieces(self, first: int = 0, end: int | None = None) -> Iterator[bytes | memoryview]:
        """The body or a part of it, without ever holding all of one that was not kept."""
        end = self.size_bytes if end is None else end
        if self.body is not None:
            yield self.body[first:end]
            return
        while first < end:
            start = first % len(self.pattern)
            piece = memoryview(self.pattern)[start : start + end - first]
            yield piece
            first += len(piece)


class Bodies:
    """Takes bodies in, and keeps those up to a limit that can be set at run time."""

    def __init__(self, keep_bytes: int) -> None:
        self.keep_bytes = keep_bytes

    async def take(self, stream: StreamReader) -> tuple[int, bytes | None]:
        """Read a body to its end: its size, and its bytes if they are kept."""
        kept: list[bytes] = []
        size = 0
        async for chunk in _chunks(stream):
            size += len(chunk)
            if size <= self.keep_bytes:
                kept.append(chunk)
            else:
                kept.clear()
        return size, b"".join(kept) if size <= self.keep_bytes else None


def synthetic(key: str) -> Object | None:
    """The object that a synthetic key stands for."""
    if found := _SYNTHETIC.search(key):
        return Object(int(found[1]), None)
    if found := _LINES.search(key):
        return Object(int(found[1]), None, pattern=_OF_LINES[found[2]] * (len(_PIECE) // LINE_BYTES))
    return None


def joined(parts: list[tuple[int, bytes | None]]) -> tuple[int, bytes | None]:
    """One body of several parts; with one of them dropped, the whole is."""
    size = sum(length for length, _ in parts)
    bodies = [body for _, body in parts if body is not None]
    return size, b"".join(bodies) if len(bodies) == len(parts) else None


async def _chunks(stream: StreamReader) -> AsyncIterator[bytes]:
    async for chunk in stream.iter_any():
        yield chunk
