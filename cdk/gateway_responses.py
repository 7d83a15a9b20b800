"""What API Gateway itself answers, without asking the function, as problem documents.

The members are those of ``penstock.problems``, so a client reads one shape whoever refused it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk.aws_apigateway import ResponseType

from penstock import errors
from penstock.problems import CONTENT_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

#: API Gateway takes the template of this type whatever the client accepts; the header replaces it.
_TEMPLATE_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """One of API Gateway's own answers."""

    type: ResponseType
    problem: Problem
    #: Headers besides the content type.
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def templates(self) -> dict[str, str]:
        """Body by content type; no variable in it, so nothing can break its syntax."""
        return {_TEMPLATE_TYPE: json.dumps(self.problem.document())}

    @property
    def headers(self) -> dict[str, str]:
        """Header values; quotes mark them as literal."""
        return {name: f"'{value}'" for name, value in {"Content-Type": CONTENT_TYPE, **self.more}.items()}


# API Gateway says MISSING_AUTHENTICATION_TOKEN both for a path or method it does not know and for
# an unsigned call of one it does; nothing tells them apart. 403 would claim that the route exists.
# 404 is true of both: RFC 9110 has it also for what the server will not disclose.
_UNKNOWN_ROUTE = Problem(
    code="unknown_route",
    status=404,
    title="No such route",
    detail=(
        "No route has this path and method, or the deployment takes signed calls only (AWS Signature Version "
        "4) and this one is not."
    ),
)
_THROTTLED = Problem(
    code="throttled",
    status=429,
    title="Too many requests",
    detail="More requests arrive than this deployment takes, or than your API key may make. Nothing was "
    "accepted; try again later.",
)
_TOO_LARGE = Problem(
    code=errors.PayloadTooLarge.code,
    status=errors.PayloadTooLarge.status,
    title=errors.PayloadTooLarge.title,
    detail="API Gateway takes bodies of up to 10 MB. Nothing was accepted.",
)
_UNSUPPORTED_TYPE = Problem(
    code="unsupported_media_type",
    status=415,
    title="The content type is not supported",
    detail="API Gateway cannot pass on a body of this content type.",
)
_UNAUTHORIZED = Problem(
    code="unauthorized",
    status=401,
    title="The caller is not known",
    detail=(
        "The request carries no API key, or one that is not known here or was revoked. Send a key as "
        "'Authorization: Bearer <key>' or 'X-Api-Key: <key>'."
    ),
)
_UNCHECKED = Problem(
    code=errors.Unavailable.code,
    status=errors.Unavailable.status,
    title=errors.Unavailable.title,
    detail="The API key could not be checked just now. Nothing was accepted; try again.",
)
_OUTCOME_UNKNOWN = (
    "The request may or may not have been accepted. Send it again with the same Idempotency-Key."
)
_TIMEOUT = Problem(
    code="gateway_timeout",
    status=504,
    title="The answer took too long",
    detail=_OUTCOME_UNKNOWN,
)
_BAD_GATEWAY = Problem(
    code="bad_gateway",
    status=502,
    title="The gateway could not be reached",
    detail=_OUTCOME_UNKNOWN,
)
_INTERNAL = Problem(
    code=errors.PenstockError.code,
    status=errors.PenstockError.status,
    title=errors.PenstockError.title,
    detail=_OUTCOME_UNKNOWN,
)
_INVALID = Problem(
    code=errors.InvalidRequest.code,
    status=errors.InvalidRequest.status,
    title=errors.InvalidRequest.title,
    detail="API Gateway could not make sense of the request. Nothing was accepted.",
)


def _forbidden(code: str, title: str, detail: str) -> Problem:
    return Problem(code=code, status=403, title=title, detail=detail)


_ACCESS_DENIED = _forbidden(
    errors.AccessDenied.code,
    errors.AccessDenied.title,
    "The caller may not use this route: the API key is not for this API, or there is none of this name; or "
    "the AWS credentials lack execute-api:Invoke.",
)
_KEY_NOT_COUNTED = _forbidden(
    errors.AccessDenied.code,
    errors.AccessDenied.title,
    "The API key is not part of the deployment's usage plan. A new key works after a minute; if this one is "
    "older, have another made.",
)
_EXPIRED_TOKEN = _forbidden("expired_token", "The credentials have expired", "Sign with fresh credentials.")
_INVALID_SIGNATURE = _forbidden(
    "invalid_signature", "The signature does not match", "Check the secret key, the region and the clock."
)
_FILTERED = _forbidden("filtered", "Refused by a firewall rule", "AWS WAF refused the request.")

_SOON = {"Retry-After": "1"}

#: Each kind of answer by name, because the two defaults lend their status to whatever is not named.
ALL = (
    GatewayResponse(ResponseType.MISSING_AUTHENTICATION_TOKEN, _UNKNOWN_ROUTE),
    GatewayResponse(ResponseType.RESOURCE_NOT_FOUND, _UNKNOWN_ROUTE),
    GatewayResponse(ResponseType.REQUEST_TOO_LARGE, _TOO_LARGE),
    GatewayResponse(ResponseType.UNSUPPORTED_MEDIA_TYPE, _UNSUPPORTED_TYPE),
    GatewayResponse(ResponseType.THROTTLED, _THROTTLED, _SOON),
    GatewayResponse(ResponseType.QUOTA_EXCEEDED, _THROTTLED),
    GatewayResponse(ResponseType.UNAUTHORIZED, _UNAUTHORIZED, {"WWW-Authenticate": "Bearer"}),
    GatewayResponse(ResponseType.INVALID_API_KEY, _KEY_NOT_COUNTED),
    # The authorizer failed, or was not to be had: nobody knows whether the key is good.
    GatewayResponse(ResponseType.AUTHORIZER_FAILURE, _UNCHECKED, _SOON),
    GatewayResponse(ResponseType.AUTHORIZER_CONFIGURATION_ERROR, _UNCHECKED, _SOON),
    GatewayResponse(ResponseType.ACCESS_DENIED, _ACCESS_DENIED),
    GatewayResponse(ResponseType.EXPIRED_TOKEN, _EXPIRED_TOKEN),
    GatewayResponse(ResponseType.INVALID_SIGNATURE, _INVALID_SIGNATURE),
    GatewayResponse(ResponseType.WAF_FILTERED, _FILTERED),
    GatewayResponse(ResponseType.INTEGRATION_TIMEOUT, _TIMEOUT),
    GatewayResponse(ResponseType.INTEGRATION_FAILURE, _BAD_GATEWAY),
    GatewayResponse(ResponseType.DEFAULT_4_XX, _INVALID),
    GatewayResponse(ResponseType.DEFAULT_5_XX, _INTERNAL),
)
