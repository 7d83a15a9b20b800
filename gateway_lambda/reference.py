"""What the OpenAPI document says about the routes, as data.

Limits, names and codes are taken from the modules that apply them, so the text cannot lag behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING

from gateway_lambda.gateway import DOWNLOAD_SECONDS, MAX_RESULT_BYTES
from gateway_lambda.incoming import MAX_BODY_BYTES
from gateway_lambda.listing import MAX_DAYS, MAX_LOOKED_AT
from gateway_lambda.uploads import MAX_UPLOAD_BYTES, UPLOAD_SECONDS
from penstock import errors, headers
from penstock.webhooks import errors as hook_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.errors import PenstockError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that is no problem document."""

    description: str
    #: Name of the JSON document's schema; None if the body is not ours to describe.
    schema: str | None
    headers: tuple[str, ...] = ()
    #: Content type of the same answer for those who ask for it.
    further_type: str | None = None


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


#: All that a submission's callback may be refused with.
CALLBACK_ERRORS = (
    hook_errors.CallbackUrlInvalid,
    hook_errors.CallbackUrlTooLong,
    hook_errors.CallbackSchemeRefused,
    hook_errors.CallbackUserinfoRefused,
    hook_errors.CallbackHostInvalid,
    hook_errors.CallbackHostRefused,
    hook_errors.CallbackPortRefused,
    hook_errors.CallbackUnresolvable,
    hook_errors.CallbackAddressRefused,
    hook_errors.CallbackApiRefused,
    hook_errors.CallbackLoop,
)

_PATH = ("api", "id")
_UNKNOWN = (errors.UnknownApi, errors.UnknownRequest)
LINK_ENDS = f"works for {DOWNLOAD_SECONDS} seconds, or until the credentials that signed it end"

#: Headers that come with a result, next to its Content-Type.
_RESULT_HEADERS = (
    "Accept-Ranges",
    "X-Penstock-Status",
    "X-Penstock-Status-Code",
    "X-Content-Type-Options",
    "Content-Security-Policy",
    *(name.title() for name in sorted(headers.RESPONSE_HEADERS)),
)

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
            errors.ApiRemoved,
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
            f"is a `result_url`, which {LINK_ENDS}."
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
                    f"{LINK_ENDS}. It takes `Range` too."
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
            errors.ApiRemoved,
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
