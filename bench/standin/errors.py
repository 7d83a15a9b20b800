"""Errors as AWS's JSON protocols and S3 tell them."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An error answer: the code decides what the SDK does, further members travel with it."""

    def __init__(self, code: str, message: str = "", *, status: int = 400, **members: Any) -> None:
        super().__init__(message or code)
        self.code = code
        self.status = status
        self.members = members
