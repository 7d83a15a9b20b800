"""The ``Outbox`` port on SQS FIFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.aws.faults import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient

    from penstock.messages import Message


class SqsOutbox:
    """Sends to the queue of each message's API.

    Queues are found by name, and their URLs remembered: a URL cannot be built from a name
    without knowing account, region and endpoint.
    """

    def __init__(self, client: SQSClient, queue_name: Callable[[str], str]) -> None:
        self._client = client
        self._queue_name = queue_name
        self._urls: dict[str, str] = {}

    def send(self, message: Message) -> None:
        """See ``Outbox.send``."""
        with translated("enqueue request"):
            self._client.send_message(
                QueueUrl=self._url(message.key.api),
                MessageBody=message.encode(),
                MessageGroupId=message.key.id,
                MessageDeduplicationId=message.key.id,
            )

    def _url(self, api: str) -> str:
        if api not in self._urls:
            self._urls[api] = self._client.get_queue_url(QueueName=self._queue_name(api))["QueueUrl"]
        return self._urls[api]
