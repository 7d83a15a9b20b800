"""The schemas of requests, uploads and problems in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from gateway_lambda.schema_parts import COUNT, LINK, MOMENT, SECONDS, TEXT, about, closed, named, page
from gateway_lambda.uploads import MAX_UPLOAD_BYTES
from penstock import outcomes
from penstock.records import Status


def request_schemas() -> dict[str, Any]:
    """The schemas, by name."""
    return {
        "RequestId": {"type": "string", "pattern": "^[a-z2-7]{26}$"},
        "Status": {"enum": [status.value for status in Status]},
        "Links": _links(),
        "Accepted": closed(
            {"id": named("RequestId"), "status": named("Status"), "links": named("Links")},
            description="A submission that was accepted.",
        ),
        "RequestStatus": request_status(),
        "RequestList": page(
            "requests",
            "RequestStatus",
            "A page of requests, newest first.",
            further={"queue": named("Figures")},
        ),
        "Figures": _figures(),
        "Failure": closed(
            {"code": {"enum": sorted(outcomes.FAILURE_CODES)}, "message": TEXT},
            description="Why a request failed: a stable code, and a sentence for people.",
        ),
        **_upload_schemas(),
    }


def request_status() -> dict[str, Any]:
    """A request as it stands."""
    always = {
        "id": named("RequestId"),
        "api": about(TEXT, "The API's name."),
        "status": named("Status"),
        "attempt": about(COUNT, "Attempts started, less those that a worker gave back."),
        "created_at": MOMENT,
        "links": named("Links"),
    }
    sometimes = {
        "retry_of": named("RequestId"),
        "started_at": about(MOMENT, "Start of the latest attempt."),
        "finished_at": MOMENT,
        "timestamp": about(MOMENT, "`finished_at`, under the name that Cortex gave it."),
        "queued_seconds": about(SECONDS, "From `created_at` to `started_at`."),
        "processing_seconds": about(SECONDS, "From `started_at` to `finished_at`."),
        "next_attempt_at": about(MOMENT, "No attempt starts earlier; while one waits."),
        "deadline_at": about(MOMENT, "No attempt starts later; while one waits."),
        "error": named("Failure"),
        "last_error": about(named("Failure"), "Why the last attempt that was tried again had failed."),
        "status_code": about(COUNT, "The HTTP status that the container answered."),
        "result": {"description": "The result itself: JSON as the container wrote it."},
        "result_url": about(LINK, "A link to the result."),
        "result_content_type": about(TEXT, "The result's content type, as the container gave it."),
        "result_size_bytes": about(COUNT, "The result's size."),
    }
    return closed(
        {**always, **sometimes},
        required=always,
        description="A request as it stands. Members that are not known yet are left out.",
    )


def _links() -> dict[str, Any]:
    path = {"type": "string", "pattern": "^/async/[^/]+/[a-z2-7]{26}(/result|/retry)?$"}
    deliveries = {"type": "string", "pattern": r"^/webhooks/[^/]+\?request=[a-z2-7]{26}$"}
    links = {"status": path, "result": path, "cancel": path, "deliveries": deliveries}
    return closed(
        {**links, "retry": path},
        required=links,
        description="Where to go on: paths below the API's base URL.",
    )


def _figures() -> dict[str, Any]:
    return closed(
        {
            "visible": about(COUNT, "Messages that wait for a worker, as SQS estimates."),
            "in_flight": about(COUNT, "Messages that a worker has, or that must wait, too."),
            "oldest_open_seconds": about(
                SECONDS, "Age of the oldest request that has not ended. Absent if all have."
            ),
            "workers_desired": about(COUNT, "Workers that there should be."),
            "workers_running": about(COUNT, "Workers that run."),
            "unavailable": closed(
                dict.fromkeys(("messages", "oldest_open", "workers"), TEXT),
                required=(),
                description="Sources that failed, and why.",
            ),
        },
        required=(),
        description=(
            "How busy the API is; on the first page. Figures that could not be had are left out, "
            "and `unavailable` says why."
        ),
    )


def _upload_schemas() -> dict[str, Any]:
    size = {"type": "integer", "minimum": 1, "maximum": MAX_UPLOAD_BYTES, "description": "The exact size."}
    return {
        "UploadId": {"type": "string", "pattern": "^[a-z2-7]{26}-[a-z2-7]{26}$"},
        "UploadTerms": closed(
            {
                "size_bytes": size,
                "content_type": about(TEXT, "The container gets it. `application/octet-stream` if left out."),
                "checksum_sha256": {
                    "type": ["string", "null"],
                    "pattern": "^[A-Za-z0-9+/]{43}=$",
                    "description": "SHA-256 in base64. S3 then takes these bytes only.",
                },
            },
            required=("size_bytes",),
            description="What will be uploaded.",
        ),
        "Upload": closed(
            {
                "upload_id": named("UploadId"),
                "url": about(LINK, "The link, signed."),
                "method": {"const": "PUT"},
                "headers": {
                    "type": "object",
                    "description": "Headers that the PUT must have, as they are here.",
                    "additionalProperties": TEXT,
                },
                "expires_at": MOMENT,
            },
            description="Where and how to upload a payload.",
        ),
    }
