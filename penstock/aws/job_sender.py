"""The ``JobSender`` port on SQS FIFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.aws.faults import translated

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

    from penstock.batch.messages import JobMessage


class SqsJobSender:
    """Sends to one job's queue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    async def send(self, message: JobMessage) -> None:
        """See ``JobSender.send``."""
        with translated("enqueue in the job's queue"):
            await self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=message.encode(),
                MessageGroupId=message.group,
                MessageDeduplicationId=message.group,
            )
