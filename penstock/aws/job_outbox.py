"""The ``JobOutbox`` port on SQS FIFO: ten messages a call, and only those again that were refused."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from penstock.aws.faults import queue_is_gone, translated
from penstock.aws.packing import packed
from penstock.batch.ports import QueueGone
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from penstock.batch.messages import JobMessage

_TRIES = 6
_PAUSE_SECONDS = 0.1


class _Entry(NamedTuple):
    group: str
    body: str


class SqsJobOutbox:
    """Sends to the queue of a job."""

    def __init__(
        self,
        client: SQSClient,
        *,
        executor: Executor | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """With an executor, the calls of one ``send`` are made at the same time."""
        self._client = client
        self._executor = executor
        self._sleep = sleep

    def send(self, queue_url: str, messages: Sequence[JobMessage]) -> None:
        """See ``JobOutbox.send``."""
        entries = (_Entry(message.group, message.encode()) for message in messages)
        calls = packed(entries, _size_bytes)
        send = partial(self._call, queue_url)
        for _ in self._executor.map(send, calls) if self._executor else map(send, calls):
            pass

    def _call(self, queue_url: str, entries: Sequence[_Entry]) -> None:
        left, told = list(entries), ""
        for tries in range(_TRIES):
            if tries:
                self._sleep(_PAUSE_SECONDS * 2**tries)
            left, told = self._try(queue_url, left)
            if not left:
                return
        raise DependencyError(
            f"enqueue batches: {len(left)} of {len(entries)} were refused, the first: {told}"
        )

    def _try(self, queue_url: str, entries: Sequence[_Entry]) -> tuple[list[_Entry], str]:
        """Send; those that were refused, and why the first was."""
        with translated("enqueue batches"):
            try:
                answer = self._client.send_message_batch(
                    QueueUrl=queue_url,
                    Entries=[_rendered(str(at), entry) for at, entry in enumerate(entries)],
                )
            except ClientError as error:
                if queue_is_gone(error):
                    raise QueueGone(queue_url) from error
                raise
        failed = answer.get("Failed", [])
        refused = [entries[int(entry["Id"])] for entry in failed]
        return refused, f"{failed[0]['Code']}: {failed[0].get('Message', '')}" if failed else ""


def _size_bytes(entry: _Entry) -> int:
    return len(entry.body.encode())


def _rendered(name: str, entry: _Entry) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": name,
        "MessageBody": entry.body,
        "MessageGroupId": entry.group,
        "MessageDeduplicationId": entry.group,
    }
