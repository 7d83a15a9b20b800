"""What Penstock needs of the outside, as small protocols.

Two sides use them: the gateway (a Lambda that serves one call at a time, so plain functions) and
the dequeuer (one event loop for up to a hundred requests, so coroutines). AWS adapters stand in
``penstock.aws``, in-memory ones in ``penstock.testing``; both pass one contract test suite.
Every method may raise ``DependencyError``: the outcome of the call is then unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from penstock.messages import Message
    from penstock.records import PayloadRef, RequestKey, RequestRecord
    from penstock.transitions import Transition

    #: Milliseconds since the epoch.
    Clock = Callable[[], int]


class DependencyError(Exception):
    """A store or the queue did not answer as it should; the call may or may not have taken effect."""


class ObjectMissing(Exception):
    """No object lies under that key."""


class ObjectChanged(Exception):
    """Another object lies under the key than the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The conditional write took effect, now or in an earlier try; the record as it stands."""

    record: RequestRecord


@dataclass(frozen=True, slots=True)
class Refused:
    """The condition did not hold; the record that was found, or None if there is none."""

    found: RequestRecord | None


class Records(Protocol):
    """Request records, as the gateway sees them."""

    def create(self, record: RequestRecord) -> Applied | Refused:
        """Write a new record.

        Refused if one with its key exists, unless it is this very one or its retention is over.
        """

    def get(self, key: RequestKey) -> RequestRecord | None:
        """Read a record, strongly consistent (R16)."""

    def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """Carry out one conditional write."""

    def withdraw(self, record: RequestRecord) -> bool:
        """Remove a record that nobody was told of; False if a worker has taken it up meanwhile."""

    def purge(self, record: RequestRecord) -> bool:
        """Remove a record that has ended; False if another one is in its place. Fine if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store says about an object without giving its bytes."""

    size_bytes: int
    etag: str
    content_type: str | None = None
    #: In base64; only of objects that were stored with it.
    checksum_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTerms:
    """What may be uploaded with a link; the store refuses anything else."""

    size_bytes: int
    content_type: str
    #: In base64; None leaves the content open.
    checksum_sha256: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the link asks for: without one of them, or with others, it does not work."""
        headers = {
            "Content-Length": str(self.size_bytes),
            "Content-Type": self.content_type,
            # A link may be used once only: what was submitted must not change.
            "If-None-Match": "*",
        }
        if self.checksum_sha256 is not None:
            headers["x-amz-checksum-sha256"] = self.checksum_sha256
        return headers


class Objects(Protocol):
    """Payloads and results, as the gateway sees them: small enough to hold in memory."""

    def put(self, key: str, body: bytes, *, content_type: str | None) -> None:
        """Store an object."""

    def put_if_absent(self, key: str, body: bytes, *, content_type: str | None) -> bool:
        """Store an object unless one lies there already; whether it was stored."""

    def read(self, key: str) -> bytes:
        """The whole object; ``ObjectMissing`` if there is none."""

    def read_range(self, key: str, *, first: int, last: int) -> bytes:
        """The bytes from first to last, both included; ``ObjectMissing`` if there is no object."""

    def describe(self, key: str, *, bucket: str | None = None) -> ObjectInfo:
        """Size and version of an object; ``ObjectMissing`` if there is none.

        Of a bucket of the user's, also if it may not be read: S3 does not tell the two apart there.
        """

    def delete(self, key: str) -> None:
        """Remove an object; fine if there is none."""

    def presign(self, key: str, *, expires_seconds: int, headers: Mapping[str, str]) -> str:
        """A URL that lets its holder download the object for that long, with these headers.

        Names are lower case; only those that describe the body are given.
        """

    def presign_upload(self, key: str, terms: UploadTerms, *, expires_seconds: int) -> str:
        """A URL that lets its holder put one object there, for that long, on these terms."""


class Copies(Protocol):
    """Copies of payloads, made by the store itself: up to the 5 GB that a payload may have."""

    def copy(self, source: PayloadRef, key: str) -> None:
        """Copy an object of our own to a new key.

        ``ObjectMissing`` if there is none, ``ObjectChanged`` if it was replaced. ``DependencyError`` also
        if it takes too long.
        """


class Outbox(Protocol):
    """Where the gateway enqueues."""

    def send(self, message: Message) -> None:
        """Enqueue; group id and deduplication id are the request's id (R1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One receipt of a message: the text, and the handle that this receipt is known by."""

    body: str
    handle: str
    message_id: str
    #: Its group: the id of the request or batch that it is about, also where the text cannot be read.
    group: str
    receive_count: int


class Source(Protocol):
    """A queue as the dequeuer knows it: the port other queues will be adapted to."""

    async def receive(self, *, limit: int, wait_seconds: int) -> Sequence[Delivery]:
        """Take up to ``limit`` (1 to 10) messages, waiting for the first one."""

    async def extend(self, delivery: Delivery, *, seconds: int) -> None:
        """Keep the message hidden for so long from now."""

    async def release(self, delivery: Delivery, *, delay_seconds: int) -> None:
        """Let the message be received again after the delay."""

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Delete up to 10 messages; one whose handle has lapsed stays, and will be received again."""

    async def reject(self, delivery: Delivery) -> None:
        """Move a message that is none of ours to the dead-letter queue, where it blocks nobody.

        It is sent there first: a crash in between makes a second dead letter, and loses none.
        """


class Ledger(Protocol):
    """Request records, as a worker sees them: it only ever moves them along."""

    async def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """Carry out one conditional write."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object being read: its exact size, and its bytes as they arrive."""

    size_bytes: int
    chunks: AsyncIterator[bytes]


class Streams(Protocol):
    """Payloads and results of any size, as a worker sees them."""

    def open(self, payload: PayloadRef) -> AbstractAsyncContextManager[Stored]:
        """Read a payload; ``ObjectMissing`` if there is none, ``ObjectChanged`` if it was replaced.

        In a bucket of the user's, what may not be read counts as missing: S3 does not tell.
        """

    async def write(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str | None) -> int:
        """Store all chunks and return their size; nothing is stored if the iterator raises (R17)."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove up to 1000 objects; fine if there are none."""
