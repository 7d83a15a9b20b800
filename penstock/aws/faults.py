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


def queue_is_gone(error: ClientError) -> bool:
    """Whether the error says that there is no such queue; SQS has two codes for that."""
    return code_of(error) in {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


def absent(error: ClientError, *, foreign: bool) -> bool:
    """Whether the error says that there is no such object.

    A HEAD has no body, so its code is the bare status. In a bucket of the user's we may not list, so
    a missing object looks forbidden; and S3 answers 400 where an object needs a key that we do not have.
    """
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if foreign:
        return status in {400, 403, 404}
    return code_of(error) in {"NoSuchKey", "404"}
