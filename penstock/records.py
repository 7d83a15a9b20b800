"""The record of one request: what DynamoDB holds and every part agrees on.

Times are whole milliseconds since the epoch (``…_ms``), except ``expires_at``, which
DynamoDB's time to live wants in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(StrEnum):
    """Where a request is in its life."""

    #: Accepted and durably stored; no attempt is running.
    IN_QUEUE = "in_queue"
    #: A worker holds the lease.
    IN_PROGRESS = "in_progress"
    #: The container answered 2xx and the result is stored.
    COMPLETED = "completed"
    #: Ended without success; ``failure`` says why.
    FAILED = "failed"
    #: Ended by the caller.
    CANCELLED = "cancelled"
    #: Its queue deadline passed before an attempt could start.
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """A terminal record is never written again."""
        return self in TERMINAL


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """Identifies a request; an id means nothing without its API."""

    api: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The HTTP request that the container will see, without its body."""

    method: str = "POST"
    path: str = "/"
    query: str = ""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    #: Set if it came by OpenFaaS's contract: the name that its caller knows it by.
    call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadRef:
    """Where the payload lies in S3; the record's reference decides which object is the live one."""

    key: str
    size_bytes: int
    #: Set if the object existed before the request: the worker then takes no other version of it.
    etag: str | None = None
    #: Of an upload that was asked for with one; in base64.
    checksum_sha256: str | None = None
    #: Set if the object lies in a bucket of the user's; Penstock never deletes it there.
    bucket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRef:
    """The container's complete response: body in S3, the rest here. Kept for failures too (R17)."""

    key: str
    size_bytes: int
    status_code: int
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a request failed: a stable code and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request. Written by ``create`` once, then only through ``penstock.transitions``."""

    api: str
    id: str
    status: Status
    call: Call
    payload: PayloadRef
    caller: str
    fingerprint: str
    created_ms: int
    #: A request that still waits in the queue at this moment is not started any more (R13).
    deadline_ms: int
    #: When somebody must look at the request if nothing happens before: the deadline while it waits,
    #: the lease's end while it runs. None once it has ended, which takes it off the list of open ones.
    due_ms: int | None = None
    #: The caller's own run limit, at most the API's; None leaves it to that.
    timeout_seconds: int | None = None
    #: Attempts started, less those given back by a voluntary release.
    attempt: int = 0
    #: Voluntary releases so far (R7).
    releases: int = 0
    #: No attempt starts before this moment.
    not_before_ms: int = 0
    #: Token of the attempt that holds, or last held, the request.
    lease: str | None = None
    lease_until_ms: int | None = None
    #: Start of the latest attempt.
    started_ms: int | None = None
    finished_ms: int | None = None
    result: ResultRef | None = None
    failure: Failure | None = None
    #: Why the attempt before failed, while the request waits for the next one or runs it.
    last_failure: Failure | None = None
    #: Where its caller wants to be told of its end, besides the API's own webhook.
    callback: str | None = None
    #: Calls among our own APIs that led here; 0 if it came from outside (N7).
    depth: int = 0
    #: Where its submission is in a trace, as ``traceparent``, if it is traced.
    trace: str | None = None
    #: The request that this one runs again (R1).
    retry_of: str | None = None
    #: Set by the terminal write only (R15): a live record must not vanish under its message.
    expires_at: int | None = None

    @property
    def key(self) -> RequestKey:
        """What identifies this record."""
        return RequestKey(api=self.api, id=self.id)

    @property
    def retryable(self) -> bool:
        """Whether it has ended so that it may run again (R1)."""
        return self.status.terminal and self.status is not Status.COMPLETED

    @property
    def spent_payload_key(self) -> str | None:
        """The payload's key if nobody needs the payload any more; other ends may be retried from it."""
        ours = self.payload.bucket is None
        return self.payload.key if ours and self.status is Status.COMPLETED else None

    def retained(self, now_ms: int) -> bool:
        """Whether readers may still see it: time to live deletes late, up to days."""
        return self.expires_at is None or now_ms < self.expires_at * 1000
