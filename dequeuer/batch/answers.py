"""What is kept of the container's answers (J8): in memory as far as it fits a line, else in an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import ids, keys
from penstock.batch import objects
from penstock.batch.part_lines import MOST_ERROR_BYTES, MOST_RESULT_BYTES, Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dequeuer.container import Response
    from penstock.batch.jobs import JobKey
    from penstock.ports import Streams


async def drained(response: Response) -> Answer:
    """Read an answer to its end that nobody will ask for; hanging up in the middle would be rude."""
    return await _answer(response, most_bytes=0)


async def of_failure(response: Response) -> Answer:
    """As much of it as is kept of a failed batch's."""
    return await _answer(response, most_bytes=MOST_ERROR_BYTES)


async def of_success(response: Response, *, key: JobKey, batch: str, streams: Streams) -> Answer:
    """All of it. ``DependencyError`` if it is large and the bucket does not take it."""
    begun = bytearray()
    async for chunk in response.chunks:
        begun += chunk
        if len(begun) > MOST_RESULT_BYTES:
            name = keys.job_object(key, objects.large(batch, ids.new_token()))
            content_type = response.headers.get("content-type")
            size = await streams.write(name, _joined(bytes(begun), response), content_type=content_type)
            return _kept(response, body=None, key=name, size_bytes=size)
    return _kept(response, body=bytes(begun), size_bytes=len(begun))


async def _joined(begun: bytes, response: Response) -> AsyncIterator[bytes]:
    yield begun
    async for chunk in response.chunks:
        yield chunk


async def _answer(response: Response, *, most_bytes: int) -> Answer:
    begun, size = bytearray(), 0
    async for chunk in response.chunks:
        size += len(chunk)
        begun += chunk[: most_bytes - len(begun)]
    return _kept(response, body=bytes(begun), size_bytes=size)


def _kept(response: Response, *, body: bytes | None, key: str | None = None, size_bytes: int) -> Answer:
    return Answer(
        status_code=response.status_code,
        content_type=response.headers.get("content-type"),
        body=body,
        key=key,
        size_bytes=size_bytes,
    )
