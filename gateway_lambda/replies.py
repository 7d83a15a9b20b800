"""Answers to HTTP requests, before any router or Lambda shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from penstock.problems import CONTENT_TYPE as PROBLEM_TYPE
from penstock.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.errors import PenstockError


#: Text grows up to sixfold when Lambda escapes it, base64 by a third: beyond this only base64 is
#: sure to stay below Lambda's 6 MB.
MAX_TEXT_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str | None:
        """The body as text, if it can travel so; otherwise it goes as base64.

        API Gateway decodes base64 only for clients that send Accept. Text reaches all of them.
        """
        try:
            return self.body.decode() if len(self.body) <= MAX_TEXT_BYTES else None
        except UnicodeDecodeError:
            return None


def document(
    content: Mapping[str, Any],
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A JSON document."""
    return Reply(
        status, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})}
    )


def with_headers(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """The reply with these headers besides its own."""
    return replace(reply, headers={**reply.headers, **headers})


def problem(error: PenstockError) -> Reply:
    """An error as a problem document, with Retry-After where waiting helps."""
    headers = {"Content-Type": PROBLEM_TYPE, **error.headers}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    content = Problem.of(error).document()
    return Reply(error.status, json.dumps(content).encode(), headers)
