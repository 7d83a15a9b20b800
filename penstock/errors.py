"""Everything a caller of the HTTP API can be told, as one tree.

Of jobs ``penstock.batch.errors`` has more of it, of webhooks ``penstock.webhooks.errors``.

PenstockError
├── InvalidRequest             400  what was sent cannot be understood
│   ├── InvalidIdempotencyKey
│   ├── InvalidCallId
│   ├── InvalidPreference
│   ├── InvalidQuery
│   ├── InvalidCursor
│   ├── InvalidLimit
│   ├── InvalidBody
│   ├── InvalidSelection
│   ├── NotConfirmed
│   ├── InvalidUpload
│   └── InvalidPayloadUrl
├── AccessDenied               403  the caller's key is not for this API, or there is no such API
├── PayloadUrlNotAllowed       403  the object's bucket is not in the API's input_buckets
├── NotFound                   404
│   ├── UnknownApi
│   ├── UnknownRequest
│   ├── NoResult
│   ├── UploadMissing
│   └── PayloadUrlUnreadable
├── Conflict                   409  the request's state forbids it
│   ├── AlreadyFinished
│   ├── AmbiguousCallId
│   ├── NotFinished
│   ├── NotRetryable
│   ├── NotDeadLetter
│   └── EndedTooRecently
├── ApiRemoved                 410  the API is finishing what it has, and takes nothing new
├── PayloadGone                410  there is nothing left to run again
├── PayloadTooLarge            413
├── RangeNotSatisfiable        416
├── IdempotencyKeyReused       422  same key, other request
├── FunctionFailed             502  the function that was waited for gave no answer
├── UnknownForm                503  what is stored was written by another version of Penstock
└── Unavailable                503  nothing was done; try again

``code`` is part of the HTTP contract: clients branch on it, so it never changes.
"""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class PenstockError(Exception):
    """Base of all errors whose text is meant for the caller."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    title: ClassVar[str] = "Something went wrong on our side"
    retry_after_seconds: ClassVar[int | None] = None
    #: Headers that belong to the answer besides those of every problem.
    headers: Mapping[str, str] = MappingProxyType({})


class InvalidRequest(PenstockError):
    """What was sent cannot be understood; sending it again will not help."""

    code = "invalid_request"
    status = HTTPStatus.BAD_REQUEST
    title = "The request is malformed"


class InvalidIdempotencyKey(InvalidRequest):
    """The Idempotency-Key header is empty, too long or holds characters outside visible ASCII."""

    code = "invalid_idempotency_key"
    title = "The Idempotency-Key header is not usable"


class InvalidCallId(InvalidRequest):
    """The X-Call-Id header is too long or holds characters outside visible ASCII."""

    code = "invalid_call_id"
    title = "The X-Call-Id header is not usable"


class InvalidPreference(InvalidRequest):
    """The Prefer header does not follow RFC 7240, or its wait is not a whole number of seconds."""

    code = "invalid_preference"
    title = "The Prefer header is not usable"


class InvalidQuery(InvalidRequest):
    """A parameter of the URL's query is unknown, given twice, or has a value that cannot be used."""

    code = "invalid_query"
    title = "The query is not usable"


class InvalidCursor(InvalidRequest):
    """The cursor was damaged, or belongs to a list with other parameters; start from the first page."""

    code = "invalid_cursor"
    title = "The cursor is not usable"


class InvalidLimit(InvalidRequest):
    """X-Timeout-Seconds or X-Deadline-Seconds is no number of seconds, or more than may be asked for."""

    code = "invalid_limit"
    title = "The limit is not usable"


class InvalidBody(InvalidRequest):
    """The body could not be decoded on its way through API Gateway."""

    code = "invalid_body"
    title = "The body cannot be decoded"


class InvalidSelection(InvalidRequest):
    """What was said about the dead letters to work on is not one of ``ids``, ``filter`` and ``all``."""

    code = "invalid_selection"
    title = "The selection of dead letters is not usable"


class NotConfirmed(InvalidRequest):
    """A purge must name its API in ``confirm``, as the path does: it cannot be undone."""

    code = "not_confirmed"
    title = "The purge is not confirmed"


class InvalidUpload(InvalidRequest):
    """What was said about an upload cannot be used, or was said together with what excludes it."""

    code = "invalid_upload"
    title = "The upload is not usable"


class InvalidPayloadUrl(InvalidRequest):
    """X-Payload-Url is no ``s3://bucket/key``, or came together with what excludes it."""

    code = "invalid_payload_url"
    title = "The X-Payload-Url header is not usable"


class AccessDenied(PenstockError):
    """The caller's API key is not for this API: use another, or have one made for it.

    Said of APIs that do not exist as well, so that a key does not tell what else is deployed.
    """

    code = "access_denied"
    status = HTTPStatus.FORBIDDEN
    title = "Not allowed"


class PayloadUrlNotAllowed(PenstockError):
    """The bucket is not in the API's ``input_buckets``: list it there and deploy."""

    code = "payload_url_not_allowed"
    status = HTTPStatus.FORBIDDEN
    title = "Payloads may not come from this bucket"


class NotFound(PenstockError):
    """Nothing is known under that name."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND
    title = "Not found"


class UnknownApi(NotFound):
    """No API of that name is deployed."""

    code = "unknown_api"
    title = "No such API"


class UnknownRequest(NotFound):
    """No request with that id exists for this API, or its retention is over."""

    code = "unknown_request"
    title = "No such request"


class NoResult(NotFound):
    """The request ended without any response of the container."""

    code = "no_result"
    title = "The request has no result"


class UploadMissing(NotFound):
    """Nothing was uploaded under that id, by this caller for this API."""

    code = "upload_missing"
    title = "No such upload"


class PayloadUrlUnreadable(NotFound):
    """There is no object at X-Payload-Url, or Penstock may not read it; S3 does not tell which."""

    code = "payload_url_unreadable"
    title = "The payload's object cannot be read"


class Conflict(PenstockError):
    """The request exists, but its state forbids what was asked."""

    code = "conflict"
    status = HTTPStatus.CONFLICT
    title = "Not possible in the request's present state"


class AlreadyFinished(Conflict):
    """The request had ended before it could be cancelled."""

    code = "already_finished"
    title = "The request has already finished"


class AmbiguousCallId(Conflict):
    """The caller used the call id for several functions: name the one that is meant."""

    code = "ambiguous_call_id"
    title = "The call id belongs to several functions"


class NotFinished(Conflict):
    """There is no result yet; ask again later."""

    code = "not_finished"
    title = "The request has not finished"
    retry_after_seconds = 1


class NotRetryable(Conflict):
    """Only a request that failed, expired or was cancelled can run again."""

    code = "not_retryable"
    title = "The request cannot be run again"


class NotDeadLetter(Conflict):
    """Only a request that failed is a dead letter."""

    code = "not_a_dead_letter"
    title = "The request is no dead letter"


class EndedTooRecently(Conflict):
    """The queue remembers the request's id for some minutes, and would swallow it if it came again."""

    code = "ended_too_recently"
    title = "The request ended too recently to be purged"


class ApiRemoved(PenstockError):
    """The API has left the configuration: it finishes what it has, answers for it, and takes nothing new."""

    code = "api_removed"
    status = HTTPStatus.GONE
    title = "The API takes nothing new"


class PayloadGone(PenstockError):
    """The payload was removed, or an object of the user's was replaced: submit it anew."""

    code = "payload_gone"
    status = HTTPStatus.GONE
    title = "The payload is not there any more"


class PayloadTooLarge(PenstockError):
    """The body is larger than what Lambda carries, or an upload larger than what S3 takes at once."""

    code = "payload_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The payload is too large"


class RangeNotSatisfiable(PenstockError):
    """The range asked for lies behind the end of the result."""

    code = "range_not_satisfiable"
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    title = "The result has no such range"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The result has {size_bytes} bytes.")
        self.headers = {"Content-Range": f"bytes */{size_bytes}"}


class IdempotencyKeyReused(PenstockError):
    """The key, or call id, was used before with another method, path, query, body, type or limit."""

    code = "idempotency_key_reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The Idempotency-Key belongs to a different request"


class FunctionFailed(PenstockError):
    """The request ended while its caller waited, and there is no answer of the container to give."""

    code = "function_failed"
    status = HTTPStatus.BAD_GATEWAY
    title = "The function gave no answer"

    def __init__(self, detail: str, *, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(detail)
        self.headers = headers


class Unavailable(PenstockError):
    """A dependency failed: nothing was done, and sending the same again is safe."""

    code = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Not possible just now"
    retry_after_seconds = 1


class UnknownForm(PenstockError):
    """What is stored was written by another version of Penstock; it is as it was."""

    code = "unknown_version"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Stored by another version of Penstock"
    #: An upgrade takes minutes.
    retry_after_seconds = 60
