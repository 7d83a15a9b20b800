"""What the OpenAPI document says about retries and dead letters, as data."""

from __future__ import annotations

from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda.recovery import QUIET_SECONDS
from gateway_lambda.reference import Answer, Operation
from gateway_lambda.schema_parts import closed, named, page
from gateway_lambda.selection import MAX_IDS
from penstock import errors, outcomes
from penstock.aws.copies import MAX_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.errors import PenstockError

PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "error": {
        "name": "error",
        "in": "query",
        "description": "Only requests that failed with this code.",
        "schema": {"enum": sorted(outcomes.FAILURE_CODES)},
    },
}

#: What single dead letters may be passed over for, while the others go on.
SINGLE_ERRORS: tuple[type[PenstockError], ...] = (
    errors.UnknownRequest,
    errors.NotDeadLetter,
    errors.EndedTooRecently,
    errors.PayloadGone,
    errors.Unavailable,
)

_SELECTION_ERRORS = (
    errors.InvalidBody,
    errors.InvalidSelection,
    errors.InvalidQuery,
    errors.InvalidCursor,
    errors.UnknownApi,
    errors.Unavailable,
)
_GO_ON = (
    f"One call works on up to {MAX_IDS} and on as many as there is time for; `not_tried` and `next_cursor` "
    "say where to go on."
)

OPERATIONS = (
    Operation(
        method=HTTPMethod.POST,
        path="/async/{api}/{id}/retry",
        summary="Run a request again",
        description=(
            "For a request that failed, expired or was cancelled. It runs again as a new request with the "
            "same call, limits and payload, which is copied; an object of your own is named again. Its id "
            "follows from the old one: retrying a request twice gives one request. To go on, retry the "
            f"retry. A copy that takes longer than {MAX_SECONDS:g} seconds is given up."
        ),
        parameters=("api", "id"),
        answers={
            HTTPStatus.ACCEPTED: Answer(
                description="Accepted, now or by an earlier call.", schema="Accepted", headers=("Location",)
            )
        },
        errors=(
            errors.UnknownApi,
            errors.ApiRemoved,
            errors.UnknownRequest,
            errors.NotRetryable,
            errors.PayloadGone,
            errors.Unavailable,
        ),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/dead-letters/{api}",
        summary="List dead letters",
        description=(
            "Requests that failed, newest first, without their results. Pages are like those of the list "
            "of requests."
        ),
        parameters=("api", "error", "created_after", "created_before", "limit", "cursor"),
        answers={HTTPStatus.OK: Answer(description="A page of the list.", schema="DeadLetterList")},
        errors=(errors.InvalidQuery, errors.InvalidCursor, errors.UnknownApi, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/dead-letters/{api}/{id}",
        summary="Get a dead letter",
        description="The status of a request that failed, and which request runs it again.",
        parameters=("api", "id"),
        answers={HTTPStatus.OK: Answer(description="The dead letter.", schema="DeadLetter")},
        errors=(errors.UnknownApi, errors.UnknownRequest, errors.NotDeadLetter, errors.Unavailable),
    ),
    Operation(
        method=HTTPMethod.POST,
        path="/dead-letters/{api}/redrive",
        summary="Run dead letters again",
        description=f"Retries each of them; redriving twice gives one request each. {_GO_ON}",
        parameters=("api",),
        body="Which dead letters.",
        body_schema="Selection",
        answers={HTTPStatus.OK: Answer(description="What became of them.", schema="Redriven")},
        errors=_SELECTION_ERRORS,
    ),
    Operation(
        method=HTTPMethod.POST,
        path="/dead-letters/{api}/purge",
        summary="Delete dead letters",
        description=(
            "Deletes result, payload and record of each; objects of your own stay. What ended less than "
            f"{QUIET_SECONDS // 60} minutes ago is left. {_GO_ON}"
        ),
        parameters=("api",),
        body="Which dead letters; with `confirm`.",
        body_schema="PurgeSelection",
        answers={HTTPStatus.OK: Answer(description="What became of them.", schema="Purged")},
        errors=(errors.NotConfirmed, *_SELECTION_ERRORS),
    ),
)


_REQUEST_ID = named("RequestId")


def dead_letter_schemas(status: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas, by name; a dead letter is a status document, of that schema, and a member more."""
    retried_as = {**_REQUEST_ID, "description": "The request that runs it again, if there is one."}
    return {
        "DeadLetter": {
            **status,
            "description": "A request that failed.",
            "properties": {**status["properties"], "retried_as": retried_as},
        },
        "DeadLetterList": page("dead_letters", "DeadLetter", "A page of dead letters, newest first."),
        "Selection": _selection({}, required=[]),
        "PurgeSelection": _selection(
            {"confirm": {"type": "string", "description": "The API, as the path names it."}},
            required=["confirm"],
        ),
        **_reports(),
    }


def _reports() -> dict[str, Any]:
    """What redrives and purges answer."""
    count = {"type": "integer", "minimum": 0}
    pair = closed({"id": _REQUEST_ID, "retried_as": _REQUEST_ID}, required=["id", "retried_as"])
    failure = {
        "id": {"type": "string"},
        "code": {"enum": sorted(error.code for error in SINGLE_ERRORS)},
        "detail": {"type": "string"},
    }
    left = {"type": "array", "items": _REQUEST_ID, "description": "Named ids that there was no time for."}
    rest = {
        "failures": {"type": "array", "items": {"$ref": "#/components/schemas/DeadLetterFailure"}},
        "not_tried": left,
        "next_cursor": {"type": "string", "description": "With `filter` and `all`: where to go on."},
    }
    return {
        "DeadLetterFailure": closed(failure, required=list(failure)),
        "Redriven": closed(
            {
                "redriven": {**count, "description": "Requests that this call made."},
                "already_redriven": {**count, "description": "Those that were there already."},
                "retries": {"type": "array", "items": pair},
                **rest,
            },
            required=["redriven", "already_redriven", "retries", "failures"],
        ),
        "Purged": closed({"purged": count, **rest}, required=["purged", "failures"]),
    }


def _selection(further: Mapping[str, Any], *, required: list[str]) -> dict[str, Any]:
    moment = {"type": "string", "format": "date-time"}
    filters = {
        "error": {"enum": sorted(outcomes.FAILURE_CODES)},
        "created_after": moment,
        "created_before": moment,
    }
    ways = {
        "ids": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_IDS},
        "filter": closed(filters, required=[]),
        "all": {"const": True},
    }
    cursor = {"type": "string", "description": "`next_cursor` of the call before, with the same filter."}
    return {
        **closed({**ways, "cursor": cursor, **further}, required=required),
        "description": "One of `ids`, `filter` and `all`.",
        "oneOf": [{"required": [way]} for way in ways],
    }
