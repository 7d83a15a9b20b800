"""Bodies of batches: read from their message or from the bucket, and stored of those that failed (J7)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import objects
from penstock.ports import ObjectMissing, Stored
from penstock.records import PayloadRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.batch.messages import BatchMessage
    from penstock.ports import Streams

JSON = "application/json"


@asynccontextmanager
async def opened(message: BatchMessage, streams: Streams) -> AsyncIterator[Stored]:
    """The body, as it arrives; ``ObjectMissing`` if it lay in the bucket and is gone."""
    if message.body_key is None:
        yield in_memory((message.body or "").encode())
    else:
        # How large it is stands in the store's answer.
        async with streams.open(PayloadRef(key=message.body_key, size_bytes=0)) as stored:
            yield stored


async def kept(message: BatchMessage, streams: Streams) -> str:
    """Store the body where failed batches are run again from, and give its key."""
    key = keys.job_object(message.job, objects.failed(message.batch))
    try:
        async with opened(message, streams) as body:
            await streams.write(key, body.chunks, content_type=JSON)
    except ObjectMissing:
        # There is nothing to keep, and its key says what is missing.
        return message.body_key or key
    return key


def in_memory(body: bytes) -> Stored:
    """A body that is here already."""
    return Stored(size_bytes=len(body), chunks=_once(body))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
