"""What the OpenAPI document says about webhooks, as data."""

from __future__ import annotations

from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda.listing import MAX_DAYS, MAX_LOOKED_AT
from gateway_lambda.reference import Answer, Operation
from gateway_lambda.schema_parts import COUNT, MOMENT, TEXT, about, closed, listed, named, page
from gateway_lambda.webhooks import MAX_REPLAYS
from penstock import errors
from penstock.batch.errors import UnknownJob
from penstock.webhooks import errors as hook_errors
from penstock.webhooks.deliveries import State
from penstock.webhooks.urls import MOST_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]

_ID = "^[a-z2-7]{26}-(callback|api)$"

PARAMETERS: Json = {
    "callback": {
        "name": "X-Callback-Url",
        "in": "header",
        "description": (
            "Where the request's end is told, besides the API's own webhook: a public https URL, or "
            "`/async/{api}` for an API in `webhook.chain`."
        ),
        "schema": {"type": "string", "maxLength": MOST_CHARACTERS},
    },
    "depth": {
        "name": "X-Penstock-Depth",
        "in": "header",
        "description": (
            "Set by Penstock where one API calls another: how many calls led here. At most three."
        ),
        "schema": {"type": "integer", "minimum": 0},
    },
    "delivery": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The delivery's id, as the list gives it.",
        "schema": {"$ref": "#/components/schemas/DeliveryId"},
    },
    "state": {
        "name": "state",
        "in": "query",
        "description": "Only deliveries in this state.",
        "schema": {"$ref": "#/components/schemas/DeliveryState"},
    },
    "request": {
        "name": "request",
        "in": "query",
        "description": "Only deliveries of this request; without pages.",
        "schema": {"$ref": "#/components/schemas/RequestId"},
    },
    # The one in a path is called "job" as well.
    "of_job": {
        "name": "job",
        "in": "query",
        "description": "Only deliveries of this job; without pages.",
        "schema": {"$ref": "#/components/schemas/JobId"},
    },
}

_ONE = (errors.UnknownApi, hook_errors.UnknownDelivery, errors.Unavailable)

OPERATIONS = (
    Operation(
        method=HTTPMethod.GET,
        path="/webhooks/{api}",
        summary="List deliveries",
        description=(
            "Newest first, without bodies. For one page, at most "
            f"{MAX_DAYS} days and about {MAX_LOOKED_AT} deliveries are looked at, so a page may be short or "
            "empty. The list goes on as long as there is a `next_cursor`."
        ),
        parameters=("api", "state", "request", "of_job", "limit", "cursor"),
        answers={HTTPStatus.OK: Answer(description="A page of the list.", schema="DeliveryList")},
        errors=(
            errors.InvalidQuery,
            errors.InvalidCursor,
            errors.UnknownApi,
            errors.UnknownRequest,
            UnknownJob,
            errors.Unavailable,
        ),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/webhooks/{api}/{id}",
        summary="Get a delivery",
        description="With its event and its attempts.",
        parameters=("api", "delivery"),
        answers={HTTPStatus.OK: Answer(description="The delivery.", schema="Delivery")},
        errors=_ONE,
    ),
    Operation(
        method=HTTPMethod.POST,
        path="/webhooks/{api}/{id}/replay",
        summary="Send a delivery again",
        description=(
            "The same event with the same id, with all attempts of the schedule. A receiver that was "
            "disabled by 410 is enabled."
        ),
        parameters=("api", "delivery"),
        answers={HTTPStatus.ACCEPTED: Answer(description="It is under way.", schema="Delivery")},
        errors=(*_ONE, hook_errors.DeliveryPending),
    ),
    Operation(
        method=HTTPMethod.POST,
        path="/webhooks/{api}/replay",
        summary="Send several deliveries again",
        description="As for one; each is answered for on its own.",
        parameters=("api",),
        body=f"Up to {MAX_REPLAYS} ids.",
        body_schema="ReplayTerms",
        answers={HTTPStatus.ACCEPTED: Answer(description="What became of each.", schema="Replays")},
        errors=(errors.InvalidBody, errors.UnknownApi),
    ),
    Operation(
        method=HTTPMethod.POST,
        path="/webhooks/{api}/test",
        summary="Test the API's webhook",
        description="Sends an event of type `test.sent` to the `webhook.url` of the API's configuration.",
        parameters=("api",),
        answers={HTTPStatus.ACCEPTED: Answer(description="It is under way.", schema="Delivery")},
        errors=(errors.UnknownApi, hook_errors.NoWebhook, errors.Unavailable),
    ),
)


def webhook_schemas() -> dict[str, Any]:
    """The schemas, by name."""
    return {
        "DeliveryId": {"type": "string", "pattern": _ID},
        "DeliveryState": {"enum": [state.value for state in State]},
        "Attempt": closed(
            {"at": MOMENT, "latency_ms": COUNT, "status_code": COUNT, "error": TEXT},
            required=("at", "latency_ms"),
            description="One call: a status code, or the code of what went wrong.",
        ),
        "FunctionAnswer": closed(
            {
                "headers": {"type": "object", "additionalProperties": TEXT},
                "size_bytes": about(COUNT, "Of the function's body, whether sent or linked."),
            },
            description="Of a callback by OpenFaaS's contract: what is sent in place of the event.",
        ),
        **_deliveries(),
        **_replays(),
    }


def _deliveries() -> dict[str, Any]:
    always: dict[str, Any] = {
        "id": named("DeliveryId"),
        "api": about(TEXT, "The API's name."),
        "event": about(TEXT, "Type of the event, such as `request.completed`."),
        "event_id": about(TEXT, "What receivers get as `webhook-id`."),
        "url": TEXT,
        "state": named("DeliveryState"),
        "attempt": about(COUNT, "Attempts made since it was last sent again."),
        "replays": COUNT,
        "created_at": MOMENT,
        "links": closed({"self": TEXT, "replay": TEXT}, description="Paths below the API's base URL."),
    }
    sometimes = {
        "request_id": named("RequestId"),
        "job_id": named("JobId"),
        "reason": about(TEXT, "Why it ended without another attempt: a code."),
        "next_attempt_at": about(MOMENT, "While it is pending."),
        "last_attempt": named("Attempt"),
    }
    whole = {
        "body": about(TEXT, "The event; it is sent and signed so, unless there is an `answer`."),
        "attempts": listed(named("Attempt")),
    }
    return {
        "DeliverySummary": closed(
            {**always, **sometimes}, required=always, description="A delivery without its event."
        ),
        "Delivery": closed(
            {**always, **sometimes, **whole, "answer": named("FunctionAnswer")},
            required=(*always, *whole),
            description="A delivery.",
        ),
        "DeliveryList": page("deliveries", "DeliverySummary", "A page of deliveries, newest first."),
    }


def _replays() -> dict[str, Any]:
    replayed = closed(
        {"id": named("DeliveryId"), "state": named("DeliveryState"), "error": TEXT},
        required=("id",),
        description="One delivery: its state, or the code of why it was not sent again.",
    )
    return {
        "ReplayTerms": closed(
            {"deliveries": listed(named("DeliveryId"), minItems=1, maxItems=MAX_REPLAYS)},
            description="What to send again.",
        ),
        "Replays": closed({"replays": listed(replayed)}, description="What became of each."),
    }
