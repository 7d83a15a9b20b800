"""The ``DeadLetterQueues`` port on SQS FIFO."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock.aws.faults import code_of, queue_is_gone, translated
from penstock.aws.packing import packed
from penstock.batch.belongings import DeadLettersRefused
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from penstock.batch.dead_letters import DeadLetter

#: Attributes and their names count as well.
_ATTRIBUTE_BYTES = 2048

#: What a queue of the caller's may answer now and for ever.
_REFUSALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "KMS.AccessDeniedException",
        "KmsAccessDenied",
        "KMS.DisabledException",
        "KmsDisabled",
        "KMS.NotFoundException",
        "KmsNotFound",
    }
)


class SqsDeadLetterQueues:
    """Queues of any account and region that lets us send."""

    def __init__(self, client: Callable[[str], SQSClient]) -> None:
        """``client`` makes a client for a region."""
        self._client = cache(client)
        self._urls: dict[str, str] = {}

    def send(self, arn: str, letters: Sequence[DeadLetter]) -> None:
        """See ``DeadLetterQueues.send``."""
        client = self._client(arn.split(":")[3])
        with translated("report failed batches"):
            try:
                url = self._url(client, arn)
                for group in packed(letters, _size_bytes):
                    _send(client, url, group)
            except ClientError as error:
                if queue_is_gone(error) or code_of(error) in _REFUSALS:
                    raise DeadLettersRefused(f"{arn}: {error}") from error
                raise

    def _url(self, client: SQSClient, arn: str) -> str:
        if arn not in self._urls:
            *_, account, name = arn.split(":")
            answer = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
            self._urls[arn] = answer["QueueUrl"]
        return self._urls[arn]


def _send(client: SQSClient, url: str, letters: Sequence[DeadLetter]) -> None:
    entries: list[SendMessageBatchRequestEntryTypeDef] = [
        {
            "Id": str(index),
            "MessageBody": letter.body,
            "MessageGroupId": letter.id,
            "MessageDeduplicationId": letter.id,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in letter.attributes.items()
            },
        }
        for index, letter in enumerate(letters)
    ]
    refused = client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
    if refused:
        # The whole page is sent again; what arrived is recognised by its id.
        raise DependencyError(f"report failed batches: {refused[0]}")


def _size_bytes(letter: DeadLetter) -> int:
    return len(letter.body.encode()) + _ATTRIBUTE_BYTES
