"""What must hold between the stores: nothing that is needed is deleted, nothing needless is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock import ids, keys
from penstock.limits import QUEUE_DEADLINE_SECONDS
from penstock.messages import Message
from penstock.records import RequestKey, Status
from tests.simulation.ports import id_in
from tests.simulation.rules import Broken, RecordRules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.records import RequestRecord
    from tests.simulation.queue import UnrulyQueue

#: SQS forgets a deduplication id after five minutes; then a message may come in a second time.
_DEDUPLICATION_MS = 5 * 60 * 1000
#: The sweeper comes every minute; one that fails leaves the work to the next.
_SWEPT_WITHIN_MS = 3 * 60 * 1000


@dataclass
class KeepingRules:
    """Checks objects, messages and calls of the container against the records."""

    clock: Callable[[], int]
    rows: Mapping[RequestKey, RequestRecord]
    bodies: Mapping[str, bytes]
    #: That of requests, and that of dead letters.
    queues: tuple[UnrulyQueue, ...]
    records: RecordRules
    #: Texts that somebody put into the queue, and that are no messages of ours.
    garbage: set[str] = field(default_factory=set)
    #: Requests that ended before their payload was stored.
    hollow: set[RequestKey] = field(default_factory=set)
    _sent_ms: dict[str, int] = field(default_factory=dict)

    def object_changed(self, name: str, old: bytes | None, new: bytes | None) -> None:
        """A live payload stays until its request is completed, a result as long as it is referred to."""
        if old is None or new == old:
            return
        record = self._record_of(name)
        if record is None:
            return
        if name == record.payload.key and record.status is not Status.COMPLETED:
            raise Broken(f"the payload of a request that is {record.status} was taken away: {name}")
        if record.result is not None and name == record.result.key:
            raise Broken(f"a result that a record refers to was taken away: {name}")

    def message_sent(self, body: str) -> None:
        """R1: within five minutes, a message is in the queue once, however often it is sent."""
        now_ms = self.clock()
        if now_ms - self._sent_ms.get(body, -_DEDUPLICATION_MS) < _DEDUPLICATION_MS:
            raise Broken(f"a message came in twice: {body}")
        self._sent_ms[body] = now_ms

    def message_deleted(self, body: str) -> None:
        """Invariant 1: the message goes after the request has ended, not before."""
        if body in self.garbage:
            if body.encode() not in self.bodies.values() and not self._queued(body):
                raise Broken(f"a malformed message has vanished: {body}")
            return
        record = self.rows.get(Message.decode(body).key)
        if record is not None and not record.status.terminal and not self._queued(body):
            raise Broken(f"the message of a request that is {record.status} was deleted: {record}")

    def accepted(self, key: RequestKey) -> None:
        """Invariant 3: what is answered with 202 is stored and queued."""
        record = self.rows.get(key)
        if record is None:
            raise Broken(f"accepted without a record: {key}")
        if record.status is not Status.COMPLETED and record.payload.key not in self.bodies:
            if not record.status.terminal or record.started_ms is not None:
                raise Broken(f"accepted without a payload: {record}")
            # Its submission died half-way, and it was over before it was sent again: that is what the
            # caller is told, and a retry says that there is nothing left to run.
            self.hollow.add(key)
        if not record.status.terminal and not self._queued(Message(key).encode()):
            raise Broken(f"accepted without a message: {record}")
        self.records.promised.add(key)

    def container_called(self, record: RequestRecord, body: bytes) -> None:
        """R1, R3: it sees what was submitted, in a retry as well."""
        while record.retry_of is not None:
            record = self.rows[RequestKey(api=record.api, id=record.retry_of)]
        call, deadline_seconds = record.call, (record.deadline_ms - record.created_ms) // 1000
        seen = ids.fingerprint(
            body=body,
            content_type=call.content_type,
            method=call.method,
            path=call.path,
            query=call.query,
            timeout_seconds=record.timeout_seconds,
            deadline_seconds=deadline_seconds if deadline_seconds < QUEUE_DEADLINE_SECONDS else None,
        )
        if seen != record.fingerprint:
            raise Broken(f"the container got another body than was submitted: {body!r} for {record}")

    def open(self) -> list[str]:
        """What is left to be done: requests that have not ended, and messages."""
        overdue_ms = self.clock() - _SWEPT_WITHIN_MS
        waiting = [
            repr(record)
            for key, record in self.rows.items()
            if not record.status.terminal
            and (key in self.records.promised or (record.due_ms or 0) < overdue_ms)
        ]
        return waiting + [body for queue in self.queues for body in queue.bodies()]

    def at_rest(self, touched: set[str]) -> None:
        """Invariants 1 and 2 over the whole run, and what may be left in the bucket.

        What a fault cut off may have left an object; the bucket's life cycle takes those away.
        """
        for key in self.records.promised:
            if self.records.tallies[key].ends != 1:
                raise Broken(f"{key} ended {self.records.tallies[key].ends} times")
        for name in self.bodies:
            if name.startswith(keys.MALFORMED):
                continue
            record = self._record_of(name)
            if id_in(name) not in touched and not (record and _needed(record, name)):
                raise Broken(f"nobody needs {name}, which no fault explains: {record}")

    def _queued(self, body: str) -> bool:
        return any(body in queue for queue in self.queues)

    def _record_of(self, name: str) -> RequestRecord | None:
        _, api, request_id, *_ = name.split("/")
        return self.rows.get(RequestKey(api=api, id=request_id))


def _needed(record: RequestRecord, name: str) -> bool:
    if name.startswith(keys.RESULTS):
        return record.result is not None and record.result.key == name
    return record.payload.key == name and record.status is not Status.COMPLETED
