"""What the server says about a request. Members that this version does not know are ignored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.client.documents import Document, Malformed
from penstock.records import Failure, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The server's promise that a request will reach a terminal state."""

    api: str
    id: str
    status: Status
    #: What was sent with it; submitting the same under this key again starts nothing new.
    idempotency_key: str
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document, *, api: str, idempotency_key: str) -> Submission:
        """Read the answer to a submission; raises Malformed."""
        return cls(
            api=api,
            id=document.required("id", str),
            status=_status(document),
            idempotency_key=idempotency_key,
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """The request that runs another one again."""

    api: str
    id: str
    status: Status
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document, *, api: str) -> Retried:
        """Read the answer to a retry; raises Malformed."""
        return cls(
            api=api,
            id=document.required("id", str),
            status=_status(document),
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestState:
    """Where a request is in its life, and what came of it."""

    api: str
    id: str
    status: Status
    #: Attempts started so far.
    attempt: int
    created_at: datetime
    #: Start of the latest attempt.
    started_at: datetime | None = None
    finished_at: datetime | None = None
    queued_seconds: float | None = None
    processing_seconds: float | None = None
    #: The value of a JSON result that is small enough to come along; None for all others.
    result: Any = None
    #: A presigned link to the result. Whoever has it can read the result: keep it out of logs.
    result_url: str | None = field(default=None, repr=False)
    result_content_type: str | None = None
    #: Set whenever there is a result, whatever its type; also of some failed requests.
    result_size_bytes: int | None = None
    #: HTTP status with which the container answered.
    status_code: int | None = None
    #: While the request waits for another attempt: none starts earlier.
    next_attempt_at: datetime | None = None
    #: While the request waits: no attempt starts later.
    deadline_at: datetime | None = None
    error: Failure | None = None
    #: Why the latest attempt failed that was tried again.
    last_error: Failure | None = None
    #: The request that this one runs again.
    retry_of: str | None = None
    #: The request that runs this one again, if there is one; only of dead letters.
    retried_as: str | None = None
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @property
    def progress(self) -> object:
        """Differs when there is something to tell to whoever waits."""
        return self.status, self.attempt

    @classmethod
    def of(cls, document: Document) -> RequestState:
        """Read the answer to a status request; raises Malformed."""
        created_at = document.moment("created_at")
        if created_at is None:
            raise Malformed('"created_at" is missing')
        return cls(
            api=document.required("api", str),
            id=document.required("id", str),
            status=_status(document),
            attempt=document.required("attempt", int),
            created_at=created_at,
            started_at=document.moment("started_at"),
            finished_at=document.moment("finished_at"),
            queued_seconds=document.seconds("queued_seconds"),
            processing_seconds=document.seconds("processing_seconds"),
            result=document.members.get("result"),
            result_url=document.optional("result_url", str),
            result_content_type=document.optional("result_content_type", str),
            result_size_bytes=document.optional("result_size_bytes", int),
            status_code=document.optional("status_code", int),
            next_attempt_at=document.moment("next_attempt_at"),
            deadline_at=document.moment("deadline_at"),
            error=failure(document, "error"),
            last_error=failure(document, "last_error"),
            retry_of=document.optional("retry_of", str),
            retried_as=document.optional("retried_as", str),
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How busy an API is. What the server could not find out is None."""

    #: Messages that wait for a worker, as SQS estimates.
    visible: int | None = None
    #: Messages that a worker has, or that must wait.
    in_flight: int | None = None
    #: Age of the oldest request that has not ended; None too if all have.
    oldest_open_seconds: float | None = None
    workers_desired: int | None = None
    workers_running: int | None = None
    #: Sources that failed, and why.
    unavailable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> Figures:
        """Read the figures of a list; raises Malformed."""
        unavailable = document.optional("unavailable", dict) or {}
        return cls(
            visible=document.optional("visible", int),
            in_flight=document.optional("in_flight", int),
            oldest_open_seconds=document.seconds("oldest_open_seconds"),
            workers_desired=document.optional("workers_desired", int),
            workers_running=document.optional("workers_running", int),
            unavailable={name: str(reason) for name, reason in unavailable.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Part of a list of requests. It may be short, or empty, and still not be the last one."""

    requests: Sequence[RequestState]
    #: Where the next page begins; None at the end of the list.
    next_cursor: str | None
    #: On the first page only.
    figures: Figures | None
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> Page:
        """Read a page; raises Malformed."""
        figures = document.optional("queue", dict)
        return cls(
            requests=[RequestState.of(entry) for entry in document.documents("requests")],
            next_cursor=document.optional("next_cursor", str),
            figures=None if figures is None else Figures.of(Document(figures)),
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The container's answer, whole."""

    content: bytes = field(repr=False)
    content_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was written where the caller wanted the result."""

    size_bytes: int
    content_type: str | None


def _status(document: Document) -> Status:
    text = document.required("status", str)
    try:
        return Status(text)
    except ValueError as error:
        raise Malformed(f"the status {text[:40]!r} is unknown") from error


def failure(document: Document, name: str) -> Failure | None:
    """What a member says of something that went wrong; raises Malformed."""
    error = document.optional(name, dict)
    if error is None:
        return None
    code, message = error.get("code"), error.get("message")
    if not isinstance(code, str) or not isinstance(message, str):
        raise Malformed(f'"{name}" has no code or no message')
    return Failure(code=code, message=message)
