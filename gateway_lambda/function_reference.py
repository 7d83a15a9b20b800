"""What the OpenAPI document says about OpenFaaS's contract, as data; see ``reference``."""

from __future__ import annotations

from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda.gateway import MAX_RESULT_BYTES
from gateway_lambda.incoming import MAX_BODY_BYTES
from gateway_lambda.reference import CALLBACK_ERRORS, Answer, Operation
from gateway_lambda.waiting import MAX_WAIT_SECONDS
from penstock import errors, headers, openfaas

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}
_NO_KEY = {"type": "string", "pattern": "^[!-~]{0,255}$"}

PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "function_path": {
        "name": "path",
        "in": "path",
        "required": True,
        "description": "The path at the container; it may have slashes, and is passed on as it is.",
        "schema": {"type": "string"},
    },
    "call_id": {
        "name": "api",
        "in": "path",
        "required": True,
        "description": "The `X-Call-Id` that this caller sent or was given; it has no slash here.",
        "schema": _KEY,
    },
    "call_id_of_function": {
        "name": "path",
        "in": "path",
        "required": True,
        "description": "The `X-Call-Id` that this caller sent or was given.",
        "schema": _KEY,
    },
    "chosen_call_id": {
        "name": openfaas.CALL_ID,
        "in": "header",
        "description": (
            "The caller's name for the call, echoed, and its Idempotency-Key: sent again, it stands for the "
            "same request. One is made if there is none."
        ),
        "schema": _NO_KEY,
    },
    "function_wait": {
        "name": "Prefer",
        "in": "header",
        "description": f"RFC 7240. `wait=N` waits up to N seconds instead of {MAX_WAIT_SECONDS}, not longer.",
        "schema": {"type": "string"},
        "example": "wait=5",
    },
}

#: What comes with the function's end, whatever it was.
OUTCOME_HEADERS = (
    openfaas.CALL_ID,
    openfaas.START_TIME,
    "X-Function-Name",
    "X-Function-Status",
    "X-Duration-Seconds",
)

HEADERS: Mapping[str, Mapping[str, Any]] = {
    openfaas.CALL_ID: {
        "description": "The call's id: the caller's, or else a new one.",
        "required": True,
        "schema": _KEY,
    },
    openfaas.START_TIME: {
        "description": "When the call was accepted: nanoseconds since 1970.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Function-Name": {
        "description": "The function, as it was called.",
        "required": True,
        "schema": {"type": "string"},
    },
    "X-Function-Status": {
        "description": f"The HTTP status that the function answered; {openfaas.NO_ANSWER:d} if it did not.",
        "required": True,
        "schema": {"type": "integer", "minimum": 100},
    },
    "X-Duration-Seconds": {
        "description": "How long the last attempt took.",
        "required": True,
        "schema": {"type": "string", "pattern": r"^[0-9]+\.[0-9]{6}$"},
    },
}

_SUBMIT_ERRORS = (
    errors.InvalidCallId,
    errors.InvalidIdempotencyKey,
    errors.InvalidLimit,
    errors.InvalidBody,
    errors.InvalidUpload,
    errors.InvalidPayloadUrl,
    *CALLBACK_ERRORS,
    errors.UnknownApi,
    errors.ApiRemoved,
    errors.PayloadTooLarge,
    errors.IdempotencyKeyReused,
    errors.Unavailable,
)
_CALL_PARAMETERS = ("query", "chosen_call_id", "idempotency_key", "timeout", "deadline", "callback", "depth")
_BODY = f"The payload: any bytes of any content type, or none. At most {MAX_BODY_BYTES} bytes."
_GOES_ON = Answer(
    description="Accepted, now or by an earlier call with the same id. No body.",
    schema=None,
    headers=(openfaas.CALL_ID, openfaas.START_TIME),
)
_ANSWER_HEADERS = (
    *OUTCOME_HEADERS,
    "Preference-Applied",
    "X-Content-Type-Options",
    "Content-Security-Policy",
    *(name.title() for name in sorted(headers.RESPONSE_HEADERS)),
)


def _submit(path: str, *parameters: str) -> Operation:
    return Operation(
        method=HTTPMethod.POST,
        path=path,
        summary="Call a function asynchronously (OpenFaaS)",
        description=(
            "As `POST /async/{api}`, in OpenFaaS's terms: 202 without a body, and an `X-Call-Id` to know the "
            "call by. The container gets path and query, and the id and the start time as headers. "
            "`X-Callback-Url` is told of the end by a POST of the function's own body and headers."
        ),
        parameters=("api", *parameters, *_CALL_PARAMETERS),
        body=_BODY,
        answers={HTTPStatus.ACCEPTED: _GOES_ON},
        errors=_SUBMIT_ERRORS,
    )


def _call(path: str, *parameters: str) -> Operation:
    return Operation(
        method=HTTPMethod.POST,
        path=path,
        summary="Call a function and wait for its answer (OpenFaaS)",
        description=(
            f"Waits up to {MAX_WAIT_SECONDS} seconds. The answer is the function's own: status, body, and "
            "the headers that are kept. `X-Function-Status` is there if, and only if, the request has ended. "
            "`X-Callback-Url` is told of the end as well, also if the wait has seen it. "
            "GET, HEAD, PUT, PATCH, DELETE and OPTIONS are served alike; the container gets the method."
        ),
        parameters=("api", *parameters, *_CALL_PARAMETERS, "function_wait"),
        body=_BODY,
        answers={
            HTTPStatus.OK: Answer(
                description="The function's answer. Any other status of its comes likewise.",
                schema=None,
                headers=_ANSWER_HEADERS,
            ),
            HTTPStatus.ACCEPTED: Answer(
                description="It has not ended in time, or too many others wait. No body.",
                schema=None,
                headers=(*_GOES_ON.headers, "Preference-Applied"),
            ),
            HTTPStatus.SEE_OTHER: Answer(
                description=(
                    f"The function's body has more than {MAX_RESULT_BYTES} bytes, or the call has no "
                    "`Accept` and it is no short text. `Location` is a link to it."
                ),
                schema=None,
                headers=("Location", *_ANSWER_HEADERS),
            ),
        },
        errors=(errors.InvalidPreference, *_SUBMIT_ERRORS, errors.NoResult, errors.FunctionFailed),
    )


def _status(path: str, *parameters: str, error: type[errors.PenstockError]) -> Operation:
    return Operation(
        method=HTTPMethod.GET,
        path=path,
        summary="Get the status of a call (OpenFaaS)",
        description="As `GET /async/{api}/{id}`, by the call id. Its `links` lead to the result.",
        parameters=(*parameters, "prefer"),
        answers={
            HTTPStatus.OK: Answer(
                description="Where the request is.", schema="RequestStatus", headers=("Preference-Applied",)
            )
        },
        errors=(errors.InvalidPreference, errors.UnknownRequest, error, errors.NoResult, errors.Unavailable),
    )


def _cancel(path: str, *parameters: str, error: type[errors.PenstockError]) -> Operation:
    return Operation(
        method=HTTPMethod.DELETE,
        path=path,
        summary="Cancel a call (OpenFaaS)",
        description="As `DELETE /async/{api}/{id}`, by the call id.",
        parameters=parameters,
        answers={HTTPStatus.ACCEPTED: Answer(description="The request is cancelled. No body.", schema=None)},
        errors=(errors.UnknownRequest, error, errors.AlreadyFinished, errors.Unavailable),
    )


OPERATIONS = (
    _submit("/async-function/{api}"),
    _status("/async-function/{api}", "call_id", error=errors.AmbiguousCallId),
    _cancel("/async-function/{api}", "call_id", error=errors.AmbiguousCallId),
    _submit("/async-function/{api}/{proxy+}", "function_path"),
    _status("/async-function/{api}/{proxy+}", "api", "call_id_of_function", error=errors.UnknownApi),
    _cancel("/async-function/{api}/{proxy+}", "api", "call_id_of_function", error=errors.UnknownApi),
    _call("/function/{api}"),
    _call("/function/{api}/{proxy+}", "function_path"),
)
