"""Where changes of the table are kept that cannot be made into events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.aws.faults import translated
from penstock.aws.queue_urls import QueueUrls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_sqs import SQSClient

#: The name that the queue's part has for ``names.webhook_queue``.
PART = "unread"


class SqsUnread:
    """A queue that an alarm watches."""

    def __init__(self, client: SQSClient, queue_name: Callable[[str], str]) -> None:
        self._client = client
        self._urls = QueueUrls(client, queue_name)

    def keep(self, change: Mapping[str, Any]) -> None:
        """Keep the item's key and the change's place in the stream; the item may not fit into a message."""
        told = change["dynamodb"]
        content = {
            "event_id": change.get("eventID"),
            "keys": told.get("Keys"),
            "sequence_number": told.get("SequenceNumber"),
        }
        with translated("keep a change that cannot be read"):
            self._client.send_message(QueueUrl=self._urls.of(PART), MessageBody=json.dumps(content))
