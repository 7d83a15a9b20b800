"""What the OpenAPI document says about the state of APIs and workers, as data."""

from __future__ import annotations

from http import HTTPMethod, HTTPStatus
from typing import Any

from gateway_lambda.reference import Answer, Operation
from gateway_lambda.schema_parts import COUNT, MOMENT, TEXT, about, closed, listed, named
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
    always = {
        "api": about(TEXT, "The API's name."),
        "kind": {"enum": [kind.value for kind in Kind]},
        "endpoint": about(TEXT, "The segment of its paths."),
        "state": {"enum": [state.value for state in ApiState]},
    }
    members = {
        **always,
        "problem": about(TEXT, "What went wrong last, in ECS's words, if anything is wrong."),
        "workers_desired": about(COUNT, "Workers that there should be. Not of a BatchAPI."),
        "workers_running": COUNT,
        "workers_pending": COUNT,
        "updating": {"type": "boolean", "description": "Whether a deployment is on its way."},
    }
    return {
        "ApiList": closed({"apis": listed(named("ApiOutline"))}, description="All APIs of the deployment."),
        "ApiOutline": closed(members, required=always, description="An API as its service says it is."),
        "ApiStatus": closed(
            {**members, "workers": listed(named("WorkerStatus"))},
            required=(*always, "workers"),
            description="An API as its service and its workers say it is.",
        ),
        "WorkerStatus": closed(
            {
                "id": about(TEXT, "The task's id."),
                "state": {"enum": [state.value for state in WorkerState]},
                "since": MOMENT,
                "reason": about(TEXT, "Why it stopped, in ECS's words."),
            },
            required=("id", "state"),
            description="One worker: an ECS task.",
        ),
    }
