"""The ports as the processes of the world see them: the in-memory stores, over the network."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.ports import Applied, Stored
from penstock.testing import MemoryStreams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from penstock.ports import Delivery, Refused
    from penstock.records import PayloadRef, RequestKey
    from penstock.testing import MemoryObjects, MemoryRecords
    from penstock.transitions import Transition
    from tests.simulation.network import Network
    from tests.simulation.points import Point
    from tests.simulation.queue import UnrulyQueue

T = TypeVar("T")


def id_in(text: str) -> str:
    """The request's id in an object's key or a message's text."""
    return text.split("/")[2] if "/" in text else text.rpartition('"id":"')[2][:26]


class Ledger:
    """The ``Ledger`` port."""

    def __init__(self, network: Network, records: MemoryRecords) -> None:
        self._network = network
        self._records = records

    def apply(self, key: RequestKey, transition: Transition) -> Coroutine[Any, Any, Applied | Refused]:
        """See ``Ledger.apply``."""
        point = self._network.point(f"ledger.apply:{transition.move}")
        return self._network.call(point, "records", key.id, partial(self._records.apply, key, transition))


class Source:
    """The ``Source`` port."""

    def __init__(self, network: Network, queue: UnrulyQueue, *, dead_letters: UnrulyQueue) -> None:
        self._network = network
        self._queue = queue
        self._dead_letters = dead_letters

    def receive(self, *, limit: int, wait_seconds: int) -> Coroutine[Any, Any, Sequence[Delivery]]:
        """See ``Source.receive``."""
        return self._call("receive", "", partial(self._queue.receive, limit, wait_seconds))

    def extend(self, delivery: Delivery, *, seconds: int) -> Coroutine[Any, Any, None]:
        """See ``Source.extend``."""
        return self._hide("extend", delivery, seconds)

    def release(self, delivery: Delivery, *, delay_seconds: int) -> Coroutine[Any, Any, None]:
        """See ``Source.release``."""
        return self._hide("release", delivery, delay_seconds)

    def ack(self, deliveries: Sequence[Delivery]) -> Coroutine[Any, Any, None]:
        """See ``Source.ack``."""

        def delete() -> None:
            for delivery in deliveries:
                self._queue.delete(delivery.handle)

        return self._call("ack", id_in(deliveries[0].body), delete)

    def reject(self, delivery: Delivery) -> Coroutine[Any, Any, None]:
        """See ``Source.reject``."""
        return self._rejected(delivery, self._network.point("source.reject"))

    async def _rejected(self, delivery: Delivery, point: Point) -> None:
        group, subject = delivery.message_id, id_in(delivery.body)
        send = partial(self._dead_letters.put, delivery.body, group=group, deduplication_id=group)
        await self._network.call(point, "queue", subject, send)
        await self._network.call(point, "queue", subject, partial(self._queue.delete, delivery.handle))

    def _hide(self, name: str, delivery: Delivery, seconds: int) -> Coroutine[Any, Any, None]:
        hide = partial(self._queue.hide, delivery.handle, seconds=seconds)
        return self._call(name, id_in(delivery.body), hide)

    def _call(self, name: str, subject: str, perform: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        return self._network.call(self._network.point(f"source.{name}"), "queue", subject, perform)


class Streams:
    """The ``Streams`` port."""

    def __init__(self, network: Network, objects: MemoryObjects) -> None:
        self._network = network
        self._objects = objects
        self._whole = MemoryStreams(objects)

    def open(self, payload: PayloadRef) -> Any:
        """See ``Streams.open``."""
        return self._opened(payload, self._network.point("streams.open"))

    @asynccontextmanager
    async def _opened(self, payload: PayloadRef, point: Any) -> AsyncIterator[Stored]:
        subject = id_in(payload.key)
        look = partial(self._objects.body, payload.key, bucket=payload.bucket)
        body = await self._network.call(point, "objects", subject, look)
        reading = self._network.point("streams.open:read")
        yield Stored(size_bytes=len(body), chunks=self._chunks(reading, subject, body))

    async def _chunks(self, reading: Any, subject: str, body: bytes) -> AsyncIterator[bytes]:
        half = len(body) // 2
        for part in (body[:half], body[half:]):
            # S3 gives the bytes of the object it has opened, also when it has been deleted since.
            yield await self._network.call(reading, "objects", subject, partial(bytes, part))

    def write(
        self, key: str, chunks: AsyncIterator[bytes], *, content_type: str | None
    ) -> Coroutine[Any, Any, int]:
        """See ``Streams.write``."""
        return self._written(self._network.point("streams.write"), key, chunks, content_type)

    async def _written(self, point: Any, key: str, chunks: AsyncIterator[bytes], content_type: Any) -> int:
        body = b"".join([chunk async for chunk in chunks])
        put = partial(self._objects.put, key, body, content_type=content_type)
        await self._network.call(point, "objects", id_in(key), put)
        return len(body)

    def delete(self, keys: Sequence[str]) -> Coroutine[Any, Any, None]:
        """See ``Streams.delete``."""

        def delete() -> None:
            for key in keys:
                self._objects.delete(key)

        return self._network.call(self._network.point("streams.delete"), "objects", id_in(keys[0]), delete)
