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

_PIECE = bytes(256 * 1024)


@dataclass(slots=True)
class Object:
    """One object. Of a dropped body only the size is left, and it reads as zeros."""

    size_bytes: int
    body: bytes | None
    content_type: str = "application/octet-stream"
    #: Headers that S3 sends back with the object, such as its checksum.
    extra: dict[str, str] = field(default_factory=dict)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The body, without ever holding all of one that was not kept."""
        if self.body is not None:
            yield self.body
            return
        left = self.size_bytes
        while left > 0:
            yield _PIECE if left >= len(_PIECE) else memoryview(_PIECE)[:left]
            left -= len(_PIECE)


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
    found = _SYNTHETIC.search(key)
    return Object(int(found[1]), None) if found else None


def joined(parts: list[tuple[int, bytes | None]]) -> tuple[int, bytes | None]:
    """One body of several parts; with one of them dropped, the whole is."""
    size = sum(length for length, _ in parts)
    bodies = [body for _, body in parts if body is not None]
    return size, b"".join(bodies) if len(bodies) == len(parts) else None


async def _chunks(stream: StreamReader) -> AsyncIterator[bytes]:
    async for chunk in stream.iter_any():
        yield chunk
