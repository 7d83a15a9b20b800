"""What the OpenAPI document says about the routes, as data.

Limits, names and codes are taken from the modules that apply them, so the text cannot lag behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda.gateway import DOWNLOAD_SECONDS, MAX_RESULT_BYTES
from gateway_lambda.incoming import MAX_BODY_BYTES
from gateway_lambda.list_query import DEFAULT_LIMIT, MAX_LIMIT
from gateway_lambda.listing import MAX_DAYS, MAX_LOOKED_AT
from gateway_lambda.uploads import MAX_UPLOAD_BYTES, UPLOAD_SECONDS
from gateway_lambda.waiting import MAX_WAIT_SECONDS
from penstock import errors, headers
from penstock.limits import QUEUE_DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.errors import PenstockError

    Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that is no problem document."""

    description: str
    #: Name of the JSON document's schema; None if the body is not ours to describe.
    schema: str | None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path, as callers need to know it."""

    method: HTTPMethod
    path: str
    summary: str
    description: str
    answers: Mapping[HTTPStatus, Answer]
    #: What it may be refused with, besides ``PenstockError`` itself.
    errors: tuple[type[PenstockError], ...] = ()
    #: Keys of ``PARAMETERS``; those of the path first.
    parameters: tuple[str, ...] = ()
    #: What the request body is, for those operations that have one.
    body: str | None = None
    #: Name of the body's JSON schema; None if any bytes are taken.
    body_schema: str | None = None
    public: bool = False


PARAMETERS: Mapping[str, Json] = {
    "api": {
        "name": "api",
        "in": "path",
        "required": True,
        "description": "The API's `networking.endpoint`, or its name if it has none.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._~-]+$"},
    },
    "id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The request's id, as the 202 gave it.",
        "schema": {"$ref": "#/components/schemas/RequestId"},
    },
    "query": {
        "name": "query",
        "in": "query",
        "style": "form",
        "explode": True,
        "description": "Any parameters; the container gets them.",
        "schema": {"type": "object", "additionalProperties": {"type": ["string", "array"]}},
    },
    "idempotency_key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes sending again safe: one caller's key on one API stands for one request.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "timeout": {
        "name": "X-Timeout-Seconds",
        "in": "header",
        "description": "Longest run of one attempt, in whole seconds; at most the API's `timeout`.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "deadline": {
        "name": "X-Deadline-Seconds",
        "in": "header",
        "description": (
            "Seconds from now after which no attempt is started any more; the request then ends as "
            f"`expired`. At most {QUEUE_DEADLINE_SECONDS}, which is also the default."
        ),
        "schema": {"type": "integer", "minimum": 1, "maximum": QUEUE_DEADLINE_SECONDS},
    },
    "upload_id": {
        "name": "X-Upload-Id",
        "in": "header",
        "description": "The payload is this upload, and the body is empty. Its type is the upload's.",
        "schema": {"$ref": "#/components/schemas/UploadId"},
    },
    "payload_url": {
        "name": "X-Payload-Url",
        "in": "header",
        "description": (
            "The payload is this object of one of the API's `input_buckets`, and the body is empty. Its type "
            "is the `Content-Type` of the call, or else the object's."
        ),
        "schema": {"type": "string", "pattern": "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[ -~]{1,1024}$"},
    },
    "range": {
        "name": "Range",
        "in": "header",
        "description": "One range of bytes (RFC 9110). Anything else means the whole.",
        "schema": {"type": "string"},
        "example": "bytes=0-1023",
    },
    "upload_key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The key of the request that the upload is for; it gives the upload its id.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "prefer": {
        "name": "Prefer",
        "in": "header",
        "description": (
            f"RFC 7240. `wait=N` waits up to N seconds, at most {MAX_WAIT_SECONDS}, for the request's end. "
            "The answer is immediate, and has no `Preference-Applied`, while too many others wait."
        ),
        "schema": {"type": "string"},
        "example": "wait=10",
    },
    "status": {
        "name": "status",
        "in": "query",
        "description": "Only requests of this status.",
        "schema": {"$ref": "#/components/schemas/Status"},
    },
    "created_after": {
        "name": "created_after",
        "in": "query",
        "description": "Only requests made at this moment or later (RFC 3339).",
        "schema": {"type": "string", "format": "date-time"},
    },
    "created_before": {
        "name": "created_before",
        "in": "query",
        "description": "Only requests made before this moment (RFC 3339).",
        "schema": {"type": "string", "format": "date-time"},
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "The most requests on a page.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "`next_cursor` of the page before, with the same filters.",
        "schema": {"type": "string"},
    },
}

#: All that a submission's callback may be refused with.
CALLBACK_ERRORS = (
    errors.CallbackUrlInvalid,
    errors.CallbackUrlTooLong,
    errors.CallbackSchemeRefused,
    errors.CallbackUserinfoRefused,
    errors.CallbackHostInvalid,
    errors.CallbackHostRefused,
    errors.CallbackPortRefused,
    errors.CallbackUnresolvable,
    errors.CallbackAddressRefused,
    errors.CallbackApiRefused,
    errors.CallbackLoop,
)

_PATH = ("api", "id")
_UNKNOWN = (errors.UnknownApi, errors.UnknownRequest)
_LINK_ENDS = f"works for {DOWNLOAD_SECONDS} seconds, or until the credentials that signed it end"

#: Headers that come with a result, next to its Content-Type.
_RESULT_HEADERS = (
    "Accept-Ranges",
    "X-Penstock-Status",
    "X-Penstock-Status-Code",
    "X-Content-Type-Options",
    "Content-Security-Policy",
    *(name.title() for name in sorted(headers.RESPONSE_HEADERS)),
)

HEADERS: Mapping[str, Json] = {
    "Accept-Ranges": {
        "description": "The result can be had in parts.",
        "required": True,
        "schema": {"const": "bytes"},
    },
    "Content-Range": {
        "description": "Which part of the result this is, or how large the result is.",
        "required": True,
        "schema": {"type": "string", "pattern": r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$"},
    },
    "Location": {
        "description": "Where to go on; may be relative to the URL of the call.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Preference-Applied": {
        "description": (
            "RFC 7240: the wait that was honoured, if the call asked for one. Absent if it was not."
        ),
        "schema": {"type": "string", "pattern": f"^wait=([0-9]|1[0-9]|2[0-{MAX_WAIT_SECONDS - 20}])$"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next call.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Penstock-Status": {
        "description": "How the request ended.",
        "required": True,
        "schema": {"enum": ["completed", "failed"]},
    },
    "X-Penstock-Status-Code": {
        "description": "The HTTP status that the container answered.",
        "required": True,
        "schema": {"type": "integer", "minimum": 100},
    },
    "X-Content-Type-Options": {
        "description": "Keeps browsers from guessing at the content.",
        "required": True,
        "schema": {"const": "nosniff"},
    },
    "Content-Security-Policy": {
        "description": "Keeps browsers from running the content.",
        "required": True,
        "schema": {"type": "string"},
    },
    **{
        name.title(): {"description": "The container's, if it sent one.", "schema": {"type": "string"}}
        for name in headers.RESPONSE_HEADERS
    },
}

#: Codes of API Gateway's own answers, in the cloud, that no error of the tree has.
EDGE_CODES = frozenset(
    {
        "bad_gateway",
        "expired_token",
        "filtered",
        "gateway_timeout",
        "invalid_signature",
        "throttled",
        "unauthorized",
        "unknown_route",
        "unsupported_media_type",
    }
)

_STORED_HEADERS = ", ".join(f"`{name}`" for name in sorted(headers.REQUEST_HEADERS))

OPERATIONS = (
    Operation(
        method=HTTPMethod.POST,
        path="/async/{api}",
        summary="Submit a request",
        description=(
            "Stores the request, queues it, and answers before it runs, unless `Prefer: wait=N` asks for "
            "its end. `Content-Type`, the query, "
            f"{_STORED_HEADERS} and the API's `forward_headers` are stored and passed on to the container; "
            f"values over {headers.MAX_VALUE_CHARACTERS} characters are dropped. No other header is stored."
        ),
        parameters=(
            "api",
            "query",
            "idempotency_key",
            "prefer",
            "timeout",
            "deadline",
            "callback",
            "depth",
            "upload_id",
            "payload_url",
        ),
        body=(
            f"The payload: any bytes of any content type, or none. At most {MAX_BODY_BYTES} bytes. Bytes "
            "that are no UTF-8 text need a `Content-Type`. None with `X-Upload-Id` or `X-Payload-Url`."
        ),
        answers={
            HTTPStatus.OK: Answer(
                description="Accepted, and ended within the wait that `Prefer` asked for.",
                schema="RequestStatus",
                headers=("Location", "Preference-Applied"),
            ),
            HTTPStatus.ACCEPTED: Answer(
                description="Accepted, now or by an earlier call with the same Idempotency-Key.",
                schema="Accepted",
                headers=("Location", "Preference-Applied"),
            ),
        },
        errors=(
            errors.InvalidIdempotencyKey,
            errors.InvalidPreference,
            errors.InvalidLimit,
            errors.InvalidBody,
            errors.InvalidUpload,
            errors.InvalidPayloadUrl,
            *CALLBACK_ERRORS,
            errors.PayloadUrlNotAllowed,
            errors.UnknownApi,
            errors.UploadMissing,
            errors.PayloadUrlUnreadable,
            errors.PayloadTooLarge,
            errors.IdempotencyKeyReused,
            errors.Unavailable,
        ),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/async/{api}",
        summary="List requests",
        description=(
            "Newest first, without their results; the first page also says how busy the API is. For one "
            f"page, at most {MAX_DAYS} days and about {MAX_LOOKED_AT} requests are looked at, so a page may "
            "be short or empty. The list goes on as long as there is a `next_cursor`."
        ),
        parameters=("api", "status", "created_after", "created_before", "limit", "cursor"),
        answers={HTTPStatus.OK: Answer(description="A page of the list.", schema="RequestList")},
        errors=(errors.InvalidQuery, errors.InvalidCursor, errors.UnknownApi, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/async/{api}/{id}",
        summary="Get the status of a request",
        description=(
            "A JSON result up to the API's `inline_result_bytes` is part of the answer. For any other there "
            f"is a `result_url`, which {_LINK_ENDS}."
        ),
        parameters=(*_PATH, "prefer"),
        answers={
            HTTPStatus.OK: Answer(
                description="Where the request is.", schema="RequestStatus", headers=("Preference-Applied",)
            )
        },
        errors=(errors.InvalidPreference, *_UNKNOWN, errors.NoResult, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.DELETE,
        path="/async/{api}/{id}",
        summary="Cancel a request",
        description=(
            "Ends a request that has not finished. Cancelling a cancelled request changes nothing and is "
            "answered alike."
        ),
        parameters=_PATH,
        answers={HTTPStatus.OK: Answer(description="The request is cancelled.", schema="RequestStatus")},
        errors=(*_UNKNOWN, errors.AlreadyFinished, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/async/{api}/{id}/result",
        summary="Get the result of a request",
        description=(
            "The container's answer, byte for byte, also if the request failed with one. The status is 200 "
            "whatever the container's was, or 206 for a part."
        ),
        parameters=(*_PATH, "range"),
        answers={
            HTTPStatus.OK: Answer(
                description="The container's body with its content type.",
                schema=None,
                headers=_RESULT_HEADERS,
            ),
            HTTPStatus.PARTIAL_CONTENT: Answer(
                description="The part that `Range` asks for.",
                schema=None,
                headers=("Content-Range", *_RESULT_HEADERS),
            ),
            HTTPStatus.SEE_OTHER: Answer(
                description=(
                    f"The result, or its part, has more than {MAX_RESULT_BYTES} bytes, or the call has no "
                    "`Accept` and it is no short text. `Location` is a link to the whole, which "
                    f"{_LINK_ENDS}. It takes `Range` too."
                ),
                schema=None,
                headers=("Location", *_RESULT_HEADERS),
            ),
        },
        errors=(
            *_UNKNOWN,
            errors.NoResult,
            errors.NotFinished,
            errors.RangeNotSatisfiable,
            errors.Unavailable,
        ),
    ),
    Operation(
        method=HTTPMethod.POST,
        path="/uploads/{api}",
        summary="Get a link to upload a payload",
        description=(
            f"For payloads of up to {MAX_UPLOAD_BYTES} bytes. Send one PUT with the payload and exactly the "
            "given headers to the link; S3 refuses any other size, type or checksum, and a second PUT. Then "
            f"submit with `X-Upload-Id`. The link works for {UPLOAD_SECONDS} seconds, or until the "
            "credentials that signed it end."
        ),
        parameters=("api", "upload_key"),
        body="What will be uploaded.",
        body_schema="UploadTerms",
        answers={HTTPStatus.CREATED: Answer(description="Where to upload it.", schema="Upload")},
        errors=(
            errors.InvalidIdempotencyKey,
            errors.InvalidBody,
            errors.InvalidUpload,
            errors.UnknownApi,
            errors.PayloadTooLarge,
        ),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/healthz",
        summary="Check that the gateway runs",
        description="Needs no signature and no key. Says nothing about queues and workers.",
        answers={HTTPStatus.OK: Answer(description="The gateway's function runs.", schema="Health")},
        public=True,
    ),
)
