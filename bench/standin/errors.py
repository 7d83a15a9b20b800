"""Errors as AWS's JSON protocols and S3 tell them."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An error answer: the code decides what the SDK does."""

    def __init__(self, code: str, message: str = "", *, status: int = 400, item: Any = None) -> None:
        super().__init__(message or code)
        self.code = code
        self.status = status
        #: The item that a failed condition was judged on, if the caller wants it shown.
        self.item = item
