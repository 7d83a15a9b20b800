"""Parameters and headers in the OpenAPI document, by the names that operations refer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_lambda.list_query import DEFAULT_LIMIT, MAX_LIMIT
from gateway_lambda.waiting import MAX_WAIT_SECONDS
from penstock import headers
from penstock.limits import QUEUE_DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]

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
