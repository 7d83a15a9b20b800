"""The ``JobQueues`` port on SQS FIFO."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock import queues
from penstock.aws.faults import queue_is_gone, translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from penstock.batch.jobs import JobKey

#: As CDK writes it for the queues that are deployed.
_TLS_ONLY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sqs:*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
)


class SqsJobQueues:
    """Queues like those of the APIs, made when a job begins."""

    def __init__(
        self,
        client: SQSClient,
        *,
        name: Callable[[JobKey], str],
        dead_letter_arn: Callable[[str], str],
        key_arn: str | None = None,
    ) -> None:
        """``name`` is the name of a job's queue, ``dead_letter_arn`` is by API.

        ``key_arn`` is the KMS key to encrypt with, None for SQS's own.
        """
        self._client = client
        self._encryption: dict[QueueAttributeNameType, str] = (
            {"KmsMasterKeyId": key_arn} if key_arn else {"SqsManagedSseEnabled": "true"}
        )
        self._name = name
        self._dead_letter_arn = dead_letter_arn

    def create(self, key: JobKey) -> str:
        """See ``JobQueues.create``; SQS takes a second call with the same attributes for the same queue."""
        redrive = {
            "deadLetterTargetArn": self._dead_letter_arn(key.api),
            "maxReceiveCount": str(queues.MOST_RECEIVES),
        }
        with translated("create the job's queue"):
            answer = self._client.create_queue(
                QueueName=self._name(key),
                Attributes={
                    "FifoQueue": "true",
                    "ContentBasedDeduplication": "false",
                    # Both, else the whole queue is limited to 300 calls a second.
                    "DeduplicationScope": "messageGroup",
                    "FifoThroughputLimit": "perMessageGroupId",
                    "VisibilityTimeout": str(queues.VISIBILITY_SECONDS),
                    "ReceiveMessageWaitTimeSeconds": str(queues.POLL_SECONDS),
                    "MessageRetentionPeriod": str(queues.RETENTION_SECONDS),
                    **self._encryption,
                    "RedrivePolicy": json.dumps(redrive),
                    "Policy": _TLS_ONLY,
                },
            )
        return answer["QueueUrl"]

    def delete(self, key: JobKey) -> None:
        """See ``JobQueues.delete``."""
        with translated("delete the job's queue"):
            try:
                url = self._client.get_queue_url(QueueName=self._name(key))["QueueUrl"]
                self._client.delete_queue(QueueUrl=url)
            except ClientError as error:
                if not queue_is_gone(error):
                    raise
