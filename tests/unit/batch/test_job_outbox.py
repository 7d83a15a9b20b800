"""Messages that SQS refuses one by one are sent again, alone, and a lost one is never passed over."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from penstock.aws.job_outbox import SqsJobOutbox
from penstock.batch.jobs import JobKey
from penstock.batch.messages import BatchMessage
from penstock.batch.ports import QueueGone
from penstock.ports import DependencyError

KEY = JobKey(api="sum", id="7fff000000000000")


class Sqs:
    """SQS that refuses each message so many times."""

    def __init__(self, *, refusals: int = 0) -> None:
        self.refusals = refusals
        self.calls: list[list[str]] = []
        self.sizes: list[int] = []
        self.sent: list[str] = []
        self._tries: Counter[str] = Counter()

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "url"
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        assert all(entry["MessageGroupId"] == entry["MessageDeduplicationId"] for entry in Entries)
        groups = [entry["MessageGroupId"] for entry in Entries]
        self.calls.append(groups)
        self.sizes.append(sum(len(entry["MessageBody"].encode()) for entry in Entries))
        failed = []
        for entry in Entries:
            group = entry["MessageGroupId"]
            # Every other one is refused.
            if int(group.rpartition("-")[2]) % 2 and self._tries[group] < self.refusals:
                self._tries[group] += 1
                failed.append({"Id": entry["Id"], "Code": "ThrottlingException", "SenderFault": False})
            else:
                self.sent.append(group)
        return {"Successful": [], "Failed": failed} if failed else {"Successful": []}


def messages(count: int, *, length: int = 1) -> list[BatchMessage]:
    return [BatchMessage(job=KEY, batch=f"0-{number}", items=1, body="x" * length) for number in range(count)]


def outbox(client: Any, **more: Any) -> tuple[SqsJobOutbox, list[float]]:
    pauses: list[float] = []
    return SqsJobOutbox(client, sleep=pauses.append, **more), pauses


def test_refused_messages_are_sent_again_alone_after_growing_waits():
    sqs = Sqs(refusals=3)
    sender, pauses = outbox(sqs)
    sender.send("url", messages(10))
    odd = [f"0-{number}" for number in range(1, 10, 2)]
    assert sqs.calls == [[f"0-{number}" for number in range(10)], odd, odd, odd]
    assert sorted(sqs.sent) == sorted(f"0-{number}" for number in range(10))
    assert pauses == sorted(pauses)
    assert len(set(pauses)) == 3


def test_messages_that_are_refused_for_good_are_told():
    sender, _ = outbox(Sqs(refusals=99))
    with pytest.raises(DependencyError, match="5 of 10 were refused, the first: ThrottlingException"):
        sender.send("url", messages(10))


def test_calls_are_as_full_as_sqs_takes_them():
    sqs = Sqs()
    outbox(sqs)[0].send("url", messages(1000))
    assert len(sqs.calls) == 100


def test_no_call_is_larger_than_sqs_takes():
    sqs = Sqs()
    outbox(sqs)[0].send("url", messages(30, length=250_000))
    assert max(sqs.sizes) <= 1 << 20
    assert len(sqs.calls) == 8


def test_what_one_of_many_calls_at_once_raises_is_told():
    with ThreadPoolExecutor(4) as executor:
        sender, _ = outbox(Sqs(refusals=99), executor=executor)
        with pytest.raises(DependencyError):
            sender.send("url", messages(100))


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"])
def test_a_queue_that_is_gone_is_told_under_either_of_its_names(code):
    class Gone:
        def send_message_batch(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "no such queue"}}, "SendMessageBatch")

    with pytest.raises(QueueGone):
        outbox(Gone())[0].send("url", messages(1))
