"""The URLs of the APIs' queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient


class QueueUrls:
    """Finds queues by name, and remembers their URLs.

    A URL cannot be built from a name without knowing account, region and endpoint.
    """

    def __init__(self, client: SQSClient, queue_name: Callable[[str], str]) -> None:
        self._client = client
        self._queue_name = queue_name
        self._urls: dict[str, str] = {}

    def of(self, api: str) -> str:
        """The URL of one API's queue."""
        if api not in self._urls:
            self._urls[api] = self._client.get_queue_url(QueueName=self._queue_name(api))["QueueUrl"]
        return self._urls[api]
