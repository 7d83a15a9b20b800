"""API Gateway's proxy event as a plain request."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from gateway_lambda import access
from penstock.errors import (
    InvalidBody,
    InvalidCallId,
    InvalidIdempotencyKey,
    InvalidRequest,
    PayloadTooLarge,
)
from penstock.headers import MAX_VALUE_CHARACTERS, usable
from penstock.openfaas import CALL_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Lambda takes events of 6 MB (6,291,456 bytes); the body is base64 in it, next to headers and context.
MAX_BODY_BYTES = 4_500_000

#: What API Gateway puts in place of bytes that are no UTF-8 when it takes a binary body for text.
_DAMAGED = "\N{REPLACEMENT CHARACTER}"

#: An Idempotency-Key, or a call id.
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One HTTP request. Header names are lower case; the body is as the client sent it."""

    path: Mapping[str, str]
    headers: Mapping[str, str]
    query: str
    body: bytes
    #: Who calls, as API Gateway authenticated them.
    caller: str
    #: The APIs that the caller's key is for; None if the caller was not authenticated by a key.
    key_apis: frozenset[str] | None = None
    #: When API Gateway received it: its patience is counted from there. None if it did not say.
    received_ms: int | None = None
    method: str = "POST"
    #: The path of the URL as API Gateway tells it: with the base path of a custom domain, without the stage.
    url_path: str = "/"

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Incoming:
        """Read a REST proxy event.

        ``InvalidBody`` for base64 that is none, ``PayloadTooLarge`` above ``MAX_BODY_BYTES``.
        """
        identity = event["requestContext"].get("identity") or {}
        authorized = event["requestContext"].get("authorizer") or {}
        return cls(
            path=event.get("pathParameters") or {},
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            query=urlencode(event.get("multiValueQueryStringParameters") or {}, doseq=True),
            body=_body(event.get("body") or "", encoded=bool(event.get("isBase64Encoded"))),
            caller=access.caller_of(authorized) or _caller(identity.get("userArn")),
            key_apis=access.apis_of(authorized),
            received_ms=event["requestContext"].get("requestTimeEpoch"),
            method=event["httpMethod"],
            url_path=event["path"],
        )

    @property
    def content_type(self) -> str | None:
        """The body's type; ``InvalidRequest`` for text that could not be sent on as a header."""
        content_type = self.headers.get("content-type")
        if content_type is not None and not usable({"content-type": content_type}):
            raise InvalidRequest(
                f"Content-Type takes up to {MAX_VALUE_CHARACTERS} printable ASCII characters."
            )
        return content_type

    @property
    def idempotency_key(self) -> str | None:
        """The caller's key; ``InvalidIdempotencyKey`` unless 1 to 255 visible ASCII characters."""
        key = self.headers.get("idempotency-key")
        if key is not None and not _KEY.fullmatch(key):
            raise InvalidIdempotencyKey("Idempotency-Key takes 1 to 255 visible ASCII characters, no spaces.")
        return key

    @property
    def call_id(self) -> str | None:
        """OpenFaaS's name for the key; ``InvalidCallId`` as for the key itself.

        Empty is none, as it is to OpenFaaS. Without it, the key serves as one.
        """
        call_id = self.headers.get(CALL_ID.lower())
        if not call_id:
            return self.idempotency_key
        if not _KEY.fullmatch(call_id):
            raise InvalidCallId(f"{CALL_ID} takes up to 255 visible ASCII characters, no spaces.")
        return call_id


def _caller(arn: str | None) -> str:
    """Who calls: a user, or a role whatever its session is called.

    Session names differ from instance to instance of one service; a retry from another instance
    must still be the same caller's.
    """
    if arn is None:
        return "anonymous"
    return arn.rpartition("/")[0] if ":assumed-role/" in arn else arn


def _body(text: str, *, encoded: bool) -> bytes:
    if not encoded and _DAMAGED in text:
        raise InvalidBody(
            "The body is not text, and came without a Content-Type: API Gateway has damaged it on its way."
            " Send it again with one, for example application/octet-stream."
        )
    try:
        body = base64.b64decode(text, validate=True) if encoded else text.encode()
    except (binascii.Error, ValueError) as error:
        raise InvalidBody("The body is marked as base64 but cannot be decoded.") from error
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"The body has {len(body)} bytes; at most {MAX_BODY_BYTES} fit in one call.")
    return body
