"""The OpenAPI document of the HTTP API, made from the routes that are served.

``python -m gateway_lambda.openapi --write`` renews the committed file, ``--check`` fails when it
differs from the code. The function itself never imports this.
"""

from __future__ import annotations

import inspect
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import penstock
from gateway_lambda import (
    batch_reference,
    dead_letter_reference,
    function_reference,
    reference,
    reference_parts,
    status_reference,
    webhook_reference,
)
from gateway_lambda.batch_schemas import job_schemas
from gateway_lambda.dead_letter_reference import dead_letter_schemas
from gateway_lambda.request_schemas import request_schemas, request_status
from gateway_lambda.routes import ROUTES
from gateway_lambda.schema_parts import TEXT, closed
from gateway_lambda.status_reference import status_schemas
from gateway_lambda.webhook_reference import webhook_schemas
from penstock import errors, generated
from penstock.batch import errors as job_errors
from penstock.errors import AccessDenied, FunctionFailed, PenstockError, RangeNotSatisfiable, UnknownForm
from penstock.problems import CONTENT_TYPE as PROBLEM_TYPE
from penstock.webhooks import errors as hook_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http import HTTPStatus

    from gateway_lambda.reference import Answer, Operation
    from gateway_lambda.routes import Route

OPENAPI_FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"

#: A deployment takes either signatures or API keys, by `auth.mode` of its configuration; a key in
#: either of two headers.
_SECURITY_SCHEMES: dict[str, Any] = {
    "sigv4": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": (
            "With `auth.mode: iam`: AWS Signature Version 4, service `execute-api`. The cloud stage asks for "
            "it on every call but `GET /healthz`; the local stage takes calls without it."
        ),
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "With `auth.mode: api_key`: a key that `penstock keys create` made.",
    },
    "api_key": {
        "type": "apiKey",
        "name": "X-Api-Key",
        "in": "header",
        "description": "The same key in a header of its own. Not read if there is a bearer token.",
    },
}

_EDGE_ANSWER = (
    "API Gateway's own refusal, in the cloud: the function was not asked, or did not answer in time."
)


#: All operations that are described.
OPERATIONS = (
    *reference.OPERATIONS,
    *batch_reference.OPERATIONS,
    *dead_letter_reference.OPERATIONS,
    *function_reference.OPERATIONS,
    *webhook_reference.OPERATIONS,
    *status_reference.OPERATIONS,
)


class RoutesDiffer(Exception):
    """A route has no description, or a description no route; the text names them and the remedy."""


def document(routes: Sequence[Route] = ROUTES) -> dict[str, Any]:
    """The OpenAPI 3.1 document; ``RoutesDiffer`` unless exactly these routes are described."""
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route, operation in _described(routes):
        paths[template(route.path)][route.method.value.lower()] = {
            "operationId": route.name,
            **_operation(operation),
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": penstock.__version__,
            "description": penstock.__doc__,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "{base}",
                "variables": {
                    "base": {
                        "default": "https://example.execute-api.eu-central-1.amazonaws.com/live",
                        "description": "The gateway stack's output `Url`, or what `make local` prints.",
                    }
                },
            }
        ],
        "security": [{name: []} for name in _SECURITY_SCHEMES],
        "paths": paths,
        "components": _components(),
    }


def template(path: str) -> str:
    """A route's path as OpenAPI and people write it: they know no sign for a variable with slashes."""
    return path.replace("{proxy+}", "{path}")


def error_codes() -> frozenset[str]:
    """The codes of the error tree."""
    modules = (errors, job_errors, hook_errors)
    classes = (error for module in modules for _, error in inspect.getmembers(module, inspect.isclass))
    return frozenset(error.code for error in classes if issubclass(error, PenstockError))


def _described(routes: Sequence[Route]) -> list[tuple[Route, Operation]]:
    operations = {(operation.method, operation.path): operation for operation in OPERATIONS}
    described = [route for route in routes if route.described]
    served = {(route.method, route.path) for route in described}
    faults = [
        *(f"{' '.join(route)} is served but not described" for route in sorted(served - set(operations))),
        *(f"{' '.join(route)} is described but not served" for route in sorted(set(operations) - served)),
    ]
    if faults:
        raise RoutesDiffer(
            f"{'; '.join(faults)}. OPERATIONS in gateway_lambda/*reference.py must match ROUTES in "
            "gateway_lambda/routes.py."
        )
    return [(route, operations[route.method, route.path]) for route in described]


def _operation(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"summary": operation.summary, "description": operation.description}
    if operation.public:
        content["security"] = []
    if operation.parameters:
        content["parameters"] = [_reference("parameters", name) for name in operation.parameters]
    if operation.body is not None:
        media_types: dict[str, Any] = {"*/*": {}}
        if operation.body_schema is not None:
            media_types = {"application/json": {"schema": _reference("schemas", operation.body_schema)}}
        content["requestBody"] = {"description": operation.body, "content": media_types}
    content["responses"] = {
        **{str(status.value): _answer(answer) for status, answer in operation.answers.items()},
        **_problems(operation),
        "default": _problem(_EDGE_ANSWER),
    }
    return content


def _answer(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        content["headers"] = {name: _reference("headers", name) for name in answer.headers}
    content["content"] = (
        {"application/json": {"schema": _reference("schemas", answer.schema)}}
        if answer.schema
        else {"*/*": {}}
    )
    if answer.further_type is not None:
        content["content"][answer.further_type] = {"schema": {"type": "string"}}
    return content


def _problems(operation: Operation) -> dict[str, Any]:
    by_status: dict[HTTPStatus, list[type[PenstockError]]] = defaultdict(list)
    always = (PenstockError,) if operation.public else (AccessDenied, UnknownForm, PenstockError)
    for error in operation.errors + always:
        by_status[error.status].append(error)
    return {str(status.value): _refusal(by_status[status]) for status in sorted(by_status)}


def _refusal(refusals: Sequence[type[PenstockError]]) -> dict[str, Any]:
    content = _problem(" ".join(f"`{error.code}`: {error.title}." for error in refusals))
    if all(error.retry_after_seconds is not None for error in refusals):
        content["headers"] = {"Retry-After": _reference("headers", "Retry-After")}
    if FunctionFailed in refusals:
        names = function_reference.OUTCOME_HEADERS
        content["headers"] = {name: _reference("headers", name) for name in names}
    if RangeNotSatisfiable in refusals:
        content["headers"] = {"Content-Range": _reference("headers", "Content-Range")}
    return content


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {PROBLEM_TYPE: {"schema": _reference("schemas", "Problem")}},
    }


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _components() -> dict[str, Any]:
    return {
        "parameters": {
            **reference_parts.PARAMETERS,
            **batch_reference.PARAMETERS,
            **dead_letter_reference.PARAMETERS,
            **function_reference.PARAMETERS,
            **webhook_reference.PARAMETERS,
        },
        "headers": dict(sorted({**reference_parts.HEADERS, **function_reference.HEADERS}.items())),
        "schemas": _schemas(),
        "securitySchemes": _SECURITY_SCHEMES,
    }


def _schemas() -> dict[str, Any]:
    return {
        **request_schemas(),
        **job_schemas(),
        **webhook_schemas(),
        **status_schemas(),
        **dead_letter_schemas(request_status()),
        "Problem": closed(
            {
                "type": {"type": "string", "pattern": "^urn:penstock:problem:[a-z_]+$"},
                "title": TEXT,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": TEXT,
                "code": {"enum": sorted(error_codes() | reference.EDGE_CODES)},
            },
            description="A refusal (RFC 9457). Branch on `code`: it never changes. `title` and `detail` may.",
        ),
        "Health": closed({"status": {"const": "ok"}}, description="The gateway's function runs."),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the committed document; return the exit status."""
    return generated.main("gateway_lambda.openapi", document, OPENAPI_FILE, arguments)


if __name__ == "__main__":
    sys.exit(main())
