"""The kinds of APIs."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an API does with what is sent to it."""

    #: Answers 202 at once, runs the request later, keeps the result.
    ASYNC = "AsyncAPI"
    #: Splits a job into batches, and runs workers until each batch has ended.
    BATCH = "BatchAPI"
