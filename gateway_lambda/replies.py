"""Answers to HTTP requests, before any router or Lambda shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from penstock.problems import CONTENT_TYPE as PROBLEM_TYPE
from penstock.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.errors import PenstockError


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


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


def problem(error: PenstockError) -> Reply:
    """An error as a problem document, with Retry-After where waiting helps."""
    headers = {"Content-Type": PROBLEM_TYPE}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    content = Problem.of(error).document()
    return Reply(error.status, json.dumps(content).encode(), headers)
