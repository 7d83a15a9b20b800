"""The ``Outbox`` port on SQS FIFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.aws.faults import translated
from penstock.aws.queue_urls import QueueUrls

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient

    from penstock.messages import Message


class SqsOutbox:
    """Sends to the queue of each message's API."""

    def __init__(self, client: SQSClient, queue_name: Callable[[str], str]) -> None:
        self._client = client
        self._urls = QueueUrls(client, queue_name)

    def send(self, message: Message) -> None:
        """See ``Outbox.send``."""
        with translated("enqueue request"):
            self._client.send_message(
                QueueUrl=self._urls.of(message.key.api),
                MessageBody=message.encode(),
                MessageGroupId=message.key.id,
                MessageDeduplicationId=message.key.id,
            )
