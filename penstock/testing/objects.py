"""S3 in a dictionary."""

from __future__ import annotations

import base64
import hashlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from penstock.ports import ObjectChanged, ObjectInfo, ObjectMissing, Stored, UploadTerms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from penstock.records import PayloadRef

_CHUNK_BYTES = 64 * 1024


class UploadRefused(Exception):
    """What came with an upload's link is not what the link was made for."""


class MemoryObjects:
    """The ``Objects`` port; ``bodies`` is open to tests that look or plant.

    ``foreign`` holds the user's own objects, by bucket and key.
    """

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.foreign: dict[tuple[str, str], bytes] = {}
        self._uploaded: dict[str, UploadTerms] = {}
        self._links: dict[str, tuple[str, UploadTerms]] = {}

    def put(self, key: str, body: bytes, *, content_type: str | None) -> None:  # noqa: ARG002 - the port's signature
        """See ``Objects.put``."""
        self.bodies[key] = body

    def put_if_absent(self, key: str, body: bytes, *, content_type: str | None) -> bool:  # noqa: ARG002 - as above
        """See ``Objects.put_if_absent``."""
        if key in self.bodies:
            return False
        self.bodies[key] = body
        return True

    def read(self, key: str) -> bytes:
        """See ``Objects.read``."""
        if key not in self.bodies:
            raise ObjectMissing(key)
        return self.bodies[key]

    def read_range(self, key: str, *, first: int, last: int) -> bytes:
        """See ``Objects.read_range``."""
        return self.read(key)[first : last + 1]

    def describe(self, key: str, *, bucket: str | None = None) -> ObjectInfo:
        """See ``Objects.describe``."""
        body = self.body(key, bucket=bucket)
        terms = self._uploaded.get(key) if bucket is None else None
        return ObjectInfo(
            size_bytes=len(body),
            etag=etag_of(body),
            content_type=terms.content_type if terms else "application/octet-stream",
            checksum_sha256=terms.checksum_sha256 if terms else None,
        )

    def delete(self, key: str) -> None:
        """See ``Objects.delete``."""
        self.bodies.pop(key, None)

    def presign(self, key: str, *, expires_seconds: int, headers: Mapping[str, str]) -> str:  # noqa: ARG002 - as above
        """See ``Objects.presign``; the URL leads nowhere."""
        return f"https://objects.invalid/{key}?expires={expires_seconds}"

    def presign_upload(self, key: str, terms: UploadTerms, *, expires_seconds: int) -> str:
        """See ``Objects.presign_upload``; the URL works with ``upload``."""
        url = f"https://objects.invalid/{key}?upload={len(self._links)}&expires={expires_seconds}"
        self._links[url] = key, terms
        return url

    def upload(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """What a PUT with an upload's link does; raises UploadRefused."""
        key, terms = self._links[url]
        if dict(headers) != terms.headers or len(body) != terms.size_bytes:
            raise UploadRefused("the headers are not those that were signed")
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if terms.checksum_sha256 not in {None, digest}:
            raise UploadRefused("the checksum is not that of the body")
        if key in self.bodies:
            raise UploadRefused("an object lies there already")
        self.bodies[key], self._uploaded[key] = body, terms

    def body(self, key: str, *, bucket: str | None) -> bytes:
        """An object of any bucket; ``ObjectMissing`` if there is none."""
        if bucket is None:
            return self.read(key)
        if (bucket, key) not in self.foreign:
            raise ObjectMissing(key)
        return self.foreign[bucket, key]


class MemoryCopies:
    """The ``Copies`` port over the same bodies."""

    def __init__(self, objects: MemoryObjects) -> None:
        self._objects = objects

    def copy(self, source: PayloadRef, key: str) -> None:
        """See ``Copies.copy``."""
        body = self._objects.read(source.key)
        if source.etag not in {None, etag_of(body)}:
            raise ObjectChanged(source.key)
        self._objects.bodies[key] = body


class MemoryStreams:
    """The ``Streams`` port over the same bodies."""

    def __init__(self, objects: MemoryObjects) -> None:
        self._objects = objects

    @asynccontextmanager
    async def open(self, payload: PayloadRef) -> AsyncIterator[Stored]:
        """See ``Streams.open``."""
        body = self._objects.body(payload.key, bucket=payload.bucket)
        if payload.etag not in {None, etag_of(body)}:
            raise ObjectChanged(payload.key)
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


def etag_of(body: bytes) -> str:
    """The version of an object with these bytes, as S3 names those that were put whole."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _CHUNK_BYTES):
        yield body[start : start + _CHUNK_BYTES]
