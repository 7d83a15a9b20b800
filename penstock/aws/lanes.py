"""The ``Lanes`` port on two SQS queues, both standard: order means nothing to deliveries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from penstock.aws.faults import translated
from penstock.aws.queue_urls import QueueUrls
from penstock.webhooks.messages import LONGEST_DELAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient

    from penstock.webhooks.hosts import Lane
    from penstock.webhooks.messages import Due


class SqsLanes:
    """A queue per lane."""

    def __init__(self, client: SQSClient, queue_name: Callable[[str], str]) -> None:
        self._client = client
        self._urls = QueueUrls(client, queue_name)

    def send(self, due: Due, lane: Lane, *, delay_seconds: float = 0) -> None:
        """See ``Lanes.send``."""
        # Up, not down: an attempt that comes too early has to be sent once more.
        delay = min(max(0, math.ceil(delay_seconds)), LONGEST_DELAY_SECONDS)
        with translated("enqueue delivery"):
            self._client.send_message(
                QueueUrl=self._urls.of(lane), MessageBody=due.encode(), DelaySeconds=delay
            )
