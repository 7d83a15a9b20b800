"""What the OpenAPI document says about the state of APIs and workers, as data."""

from __future__ import annotations

from http import HTTPMethod, HTTPStatus
from typing import Any

from gateway_lambda.reference import Answer, Operation
from penstock import errors
from penstock.api_state import ApiState
from penstock.kinds import Kind
from penstock.workers import WorkerState

OPERATIONS = (
    Operation(
        method=HTTPMethod.GET,
        path="/apis",
        summary="List the APIs and their states",
        description=(
            "Each with what its service says. An API key may not call this, as a key is for single APIs."
        ),
        answers={HTTPStatus.OK: Answer(description="All APIs.", schema="ApiList")},
        errors=(errors.Unavailable,),
    ),
    Operation(
        method=HTTPMethod.GET,
        path="/apis/{api}",
        summary="Get the state of an API and of its workers",
        description=(
            "The workers that run, and those that stopped within about an hour, with the reason; at most a "
            "hundred of each, newest first. Of either kind of API."
        ),
        parameters=("api",),
        answers={HTTPStatus.OK: Answer(description="The API and its workers.", schema="ApiStatus")},
        errors=(errors.UnknownApi, errors.Unavailable),
    ),
)


def status_schemas() -> dict[str, Any]:
    """The schemas, by name."""
    count = {"type": "integer", "minimum": 0}
    words = {"type": "string"}
    members = {
        "api": words | {"description": "The API's name."},
        "kind": {"enum": [kind.value for kind in Kind]},
        "endpoint": words | {"description": "The segment of its paths."},
        "state": {"enum": [state.value for state in ApiState]},
        "problem": words | {"description": "What went wrong last, in ECS's words, if anything is wrong."},
        "workers_desired": count | {"description": "Workers that there should be. Not of a BatchAPI."},
        "workers_running": count,
        "workers_pending": count,
        "updating": {"type": "boolean", "description": "Whether a deployment is on its way."},
    }
    needed = ["api", "kind", "endpoint", "state"]
    return {
        "ApiList": {
            "type": "object",
            "description": "All APIs of the deployment.",
            "properties": {"apis": {"type": "array", "items": {"$ref": "#/components/schemas/ApiOutline"}}},
            "required": ["apis"],
            "additionalProperties": False,
        },
        "ApiOutline": {
            "type": "object",
            "description": "An API as its service says it is.",
            "properties": members,
            "required": needed,
            "additionalProperties": False,
        },
        "ApiStatus": {
            "type": "object",
            "description": "An API as its service and its workers say it is.",
            "properties": {
                **members,
                "workers": {"type": "array", "items": {"$ref": "#/components/schemas/WorkerStatus"}},
            },
            "required": [*needed, "workers"],
            "additionalProperties": False,
        },
        "WorkerStatus": {
            "type": "object",
            "description": "One worker: an ECS task.",
            "properties": {
                "id": words | {"description": "The task's id."},
                "state": {"enum": [state.value for state in WorkerState]},
                "since": {"type": "string", "format": "date-time"},
                "reason": words | {"description": "Why it stopped, in ECS's words."},
            },
            "required": ["id", "state"],
            "additionalProperties": False,
        },
    }
