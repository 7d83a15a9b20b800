"""The stores of an attempt, with an eye on how their calls end."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from dequeuer.breaker import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from dequeuer.outages import Outages
    from penstock.ports import Applied, Ledger, Refused, Stored, Streams
    from penstock.records import PayloadRef, RequestKey
    from penstock.transitions import Transition


class WatchedLedger:
    """A ``Ledger`` whose faults are noted."""

    def __init__(self, ledger: Ledger, outages: Outages) -> None:
        self._ledger = ledger
        self._outages = outages

    async def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """See ``Ledger.apply``."""
        with self._outages.watching(Store.TABLE, subject=key.id):
            return await self._ledger.apply(key, transition)


def request_of(key: str) -> str:
    """All but the last part, which differs from one attempt of a request to the next."""
    return key.rpartition("/")[0]


class WatchedStreams:
    """``Streams`` whose faults are noted, except where they concern one request only.

    ``subject_of`` gives what an object's key stands for.
    """

    def __init__(
        self,
        streams: Streams,
        outages: Outages,
        *,
        subject_of: Callable[[str], str | None] = request_of,
    ) -> None:
        self._streams = streams
        self._outages = outages
        self._subject_of = subject_of

    @asynccontextmanager
    async def open(self, payload: PayloadRef) -> AsyncIterator[Stored]:
        """See ``Streams.open``.

        A bucket of the user's may fail all who name it, and is no reason to keep the others waiting.
        """
        async with AsyncExitStack() as stack:
            opening = stack.enter_async_context(self._streams.open(payload))
            if payload.bucket is None:
                with self._outages.watching(Store.PAYLOADS, subject=self._subject_of(payload.key)):
                    stored = await opening
            else:
                stored = await opening
                self._outages.works(Store.PAYLOADS)
            yield stored

    async def write(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str | None) -> int:
        """See ``Streams.write``."""
        with self._outages.watching(Store.RESULTS, subject=self._subject_of(key)):
            return await self._streams.write(key, chunks, content_type=content_type)

    async def delete(self, keys: Sequence[str]) -> None:
        """See ``Streams.delete``; what stays behind costs room and stops nobody."""
        await self._streams.delete(keys)
