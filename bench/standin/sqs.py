"""SQS FIFO queues in high-throughput mode, in memory.

Each message is a group of its own, as Penstock sends them, so the lock on a group never matters
and is left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

from bench.standin.errors import AwsError

Call = dict[str, Any]

#: How long an id is remembered, even after its message is gone.
DEDUPLICATION_SECONDS = 300

#: The messages of a queue whose name begins so are counted and dropped, as there are millions.
SINK = "sink-"


@dataclass(slots=True)
class _Message:
    body: str
    group: str
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received: int = 0
    #: The one handle that counts: that of the latest receipt, while it hides the message.
    handle: str | None = None
    timer: asyncio.TimerHandle | None = None


class Queue:
    """One queue. All of it happens on one event loop."""

    def __init__(self, visibility_seconds: float, *, sink: bool = False) -> None:
        self._visibility_seconds = visibility_seconds
        self._sink = sink
        self._dropped = 0
        self._ready: OrderedDict[str, _Message] = OrderedDict()
        self._hidden: dict[str, _Message] = {}
        self._remembered: dict[str, tuple[float, str]] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def size(self) -> int:
        """Messages in the queue, hidden ones included."""
        return self._dropped + len(self._ready) + len(self._hidden)

    def send(self, call: Call) -> Call:
        """``SendMessage``; wakes one long poll."""
        body, dedup_id = call["MessageBody"], call["MessageDeduplicationId"]
        now = time.monotonic()
        until, message_id = self._remembered.get(dedup_id, (0.0, ""))
        if self._sink:
            self._dropped += 1
        elif until <= now:
            message = _Message(body, call["MessageGroupId"])
            message_id = message.message_id
            self._remembered[dedup_id] = (now + DEDUPLICATION_SECONDS, message_id)
            self._offer(message)
        digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
        return {"MessageId": message_id, "MD5OfMessageBody": digest}

    def send_batch(self, call: Call) -> Call:
        """``SendMessageBatch``."""
        return {"Successful": [{"Id": entry["Id"], **self.send(entry)} for entry in call["Entries"]]}

    async def receive(self, call: Call) -> Call:
        """``ReceiveMessage``; returns as soon as there is something."""
        deadline = time.monotonic() + call.get("WaitTimeSeconds", 0)
        while not self._ready and (left := deadline - time.monotonic()) > 0:
            await self._arrival(left)
        limit = min(call.get("MaxNumberOfMessages", 1), len(self._ready))
        found = [self._hide(self._ready.popitem(last=False)[1]) for _ in range(limit)]
        return {"Messages": [_told(message) for message in found]} if found else {}

    def change_visibility(self, call: Call) -> Call:
        """``ChangeMessageVisibility``."""
        message = self._hidden.get(call["ReceiptHandle"])
        if message is None:
            raise AwsError("ReceiptHandleIsInvalid", "The receipt handle has expired")
        _stop(message)
        if call["VisibilityTimeout"]:
            self._show_after(message, call["VisibilityTimeout"])
        else:
            self._show(message)
        return {}

    def delete(self, call: Call) -> Call:
        """``DeleteMessage``."""
        message = self._hidden.pop(call["ReceiptHandle"], None)
        if message is None:
            raise AwsError("ReceiptHandleIsInvalid", "The receipt handle has expired")
        _stop(message)
        return {}

    def delete_batch(self, call: Call) -> Call:
        """``DeleteMessageBatch``."""
        done, failed = [], []
        for entry in call["Entries"]:
            try:
                self.delete(entry)
                done.append({"Id": entry["Id"]})
            except AwsError as error:
                failed.append({"Id": entry["Id"], "Code": error.code, "SenderFault": True})
        return {"Successful": done, "Failed": failed}

    def _offer(self, message: _Message) -> None:
        self._ready[message.message_id] = message
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _arrival(self, timeout_seconds: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiter
        except TimeoutError:
            return

    def _hide(self, message: _Message) -> _Message:
        message.received += 1
        message.handle = uuid.uuid4().hex
        self._hidden[message.handle] = message
        self._show_after(message, self._visibility_seconds)
        return message

    def _show_after(self, message: _Message, seconds: float) -> None:
        message.timer = asyncio.get_running_loop().call_later(seconds, self._show, message)

    def _show(self, message: _Message) -> None:
        assert message.handle is not None
        del self._hidden[message.handle]
        message.handle = None
        self._offer(message)


class Queues:
    """Queues by name; they come into being when first named."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._queues: dict[str, Queue] = {}

    def url_of(self, call: Call) -> Call:
        """``GetQueueUrl``."""
        return {"QueueUrl": f"{self._url}/000000000000/{call['QueueName']}"}

    def create(self, call: Call) -> Call:
        """``CreateQueue``; only the visibility timeout is a matter of choice."""
        seconds = float(call.get("Attributes", {}).get("VisibilityTimeout", 30))
        self._queues[call["QueueName"]] = Queue(seconds)
        return self.url_of(call)

    def named(self, name: str) -> Queue:
        """The queue of a name."""
        if name not in self._queues:
            self._queues[name] = Queue(visibility_seconds=30, sink=name.startswith(SINK))
        return self._queues[name]

    def of(self, call: Call) -> Queue:
        """The queue that a call is about."""
        return self.named(call["QueueUrl"].rsplit("/", 1)[-1])


def _stop(message: _Message) -> None:
    if message.timer is not None:
        message.timer.cancel()
        message.timer = None


def _told(message: _Message) -> Call:
    return {
        "MessageId": message.message_id,
        "ReceiptHandle": message.handle,
        "Body": message.body,
        "MD5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {"ApproximateReceiveCount": str(message.received), "MessageGroupId": message.group},
    }
