"""S3 in a dictionary."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from penstock.ports import ObjectMissing, Stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

_CHUNK_BYTES = 64 * 1024


class MemoryObjects:
    """The ``Objects`` port; ``bodies`` is open to tests that look or plant."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put(self, key: str, body: bytes, *, content_type: str | None) -> None:  # noqa: ARG002 - the port's signature
        """See ``Objects.put``."""
        self.bodies[key] = body

    def put_if_absent(self, key: str, body: bytes, *, content_type: str | None) -> None:  # noqa: ARG002 - as above
        """See ``Objects.put_if_absent``."""
        self.bodies.setdefault(key, body)

    def read(self, key: str) -> bytes:
        """See ``Objects.read``."""
        if key not in self.bodies:
            raise ObjectMissing(key)
        return self.bodies[key]

    def delete(self, key: str) -> None:
        """See ``Objects.delete``."""
        self.bodies.pop(key, None)

    def presign(self, key: str, *, expires_seconds: int, headers: Mapping[str, str]) -> str:  # noqa: ARG002 - as above
        """See ``Objects.presign``; the URL leads nowhere."""
        return f"https://objects.invalid/{key}?expires={expires_seconds}"


class MemoryStreams:
    """The ``Streams`` port over the same bodies."""

    def __init__(self, objects: MemoryObjects) -> None:
        self._objects = objects

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[Stored]:
        """See ``Streams.open``."""
        body = self._objects.read(key)
        yield Stored(size_bytes=len(body), chunks=_chunks(body))

    async def write(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str | None) -> int:
        """See ``Streams.write``."""
        body = b"".join([chunk async for chunk in chunks])
        self._objects.put(key, body, content_type=content_type)
        return len(body)

    async def delete(self, keys: Sequence[str]) -> None:
        """See ``Streams.delete``."""
        for key in keys:
            self._objects.delete(key)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _CHUNK_BYTES):
        yield body[start : start + _CHUNK_BYTES]
