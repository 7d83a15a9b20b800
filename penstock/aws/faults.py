"""AWS errors as the ports' ``DependencyError``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Raise ``DependencyError`` for whatever AWS or the way to it reports.

    Access denied counts too: to the request it makes no difference why a store refuses, and
    the original error stays attached for the log.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise DependencyError(f"{operation}: {error}") from error


def code_of(error: ClientError) -> str:
    """AWS's error code, such as ``ConditionalCheckFailedException``."""
    return error.response["Error"]["Code"]
