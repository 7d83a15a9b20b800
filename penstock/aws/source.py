"""The ``Source`` port on SQS FIFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.aws.faults import translated
from penstock.ports import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_aiobotocore_sqs import SQSClient
    from types_aiobotocore_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, MessageTypeDef


class SqsSource:
    """One queue. The queue's own visibility timeout is how long a fresh receipt stays hidden."""

    def __init__(self, client: SQSClient, queue_url: str, *, dead_letter_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._dead_letter_url = dead_letter_url

    async def receive(self, *, limit: int, wait_seconds: int) -> Sequence[Delivery]:
        """See ``Source.receive``."""
        with translated("receive messages"):
            answer = await self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "MessageGroupId"],
            )
        return [_delivery(message) for message in answer.get("Messages", [])]

    async def extend(self, delivery: Delivery, *, seconds: int) -> None:
        """See ``Source.extend``."""
        await self._set_visibility(delivery, seconds)

    async def release(self, delivery: Delivery, *, delay_seconds: int) -> None:
        """See ``Source.release``."""
        await self._set_visibility(delivery, delay_seconds)

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See ``Source.ack``."""
        entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "ReceiptHandle": delivery.handle} for index, delivery in enumerate(deliveries)
        ]
        with translated("delete messages"):
            await self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)

    async def reject(self, delivery: Delivery) -> None:
        """See ``Source.reject``; sent again within five minutes, it is still one message there."""
        with translated("move message to the dead-letter queue"):
            await self._client.send_message(
                QueueUrl=self._dead_letter_url,
                MessageBody=delivery.body,
                MessageGroupId=delivery.message_id,
                MessageDeduplicationId=delivery.message_id,
            )
        await self.ack([delivery])

    async def _set_visibility(self, delivery: Delivery, seconds: int) -> None:
        with translated("change message visibility"):
            await self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=delivery.handle, VisibilityTimeout=seconds
            )


def _delivery(message: MessageTypeDef) -> Delivery:
    about = message["Attributes"]
    return Delivery(
        body=message["Body"],
        handle=message["ReceiptHandle"],
        message_id=message["MessageId"],
        group=about["MessageGroupId"],
        receive_count=int(about["ApproximateReceiveCount"]),
    )
