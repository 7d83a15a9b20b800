"""Accepting a request (R2, R3, R4): durable first, then queued, then answered."""

from __future__ import annotations

from concurrent.futures import Executor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock import ids, keys
from penstock.errors import IdempotencyKeyReused, Unavailable
from penstock.limits import NO_LIMITS
from penstock.messages import Message
from penstock.ports import Applied, DependencyError, Refused
from penstock.records import Call, PayloadRef, RequestKey, RequestRecord, Status
from penstock.tracing.ports import OFF, Kind

if TYPE_CHECKING:
    from penstock.limits import Limits
    from penstock.ports import Clock, Objects, Outbox, Records
    from penstock.tracing.ports import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayload:
    """A payload that lay in S3 before it was submitted."""

    ref: PayloadRef
    content_type: str | None
    #: The request's id, if it was settled with the upload: one upload is one request.
    request_id: str | None = None

    @property
    def content(self) -> str:
        """What two submissions must share to be the same request."""
        return f"{self.ref.size_bytes} {self.ref.etag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a caller wants to have run."""

    api: str
    call: Call
    body: bytes
    caller: str
    idempotency_key: str | None
    #: Set if the payload is not the body.
    stored: StoredPayload | None = None
    limits: Limits = NO_LIMITS
    #: Where its end is told, besides the API's own webhook.
    callback: str | None = None
    #: Calls among our own APIs that led here (N7).
    depth: int = 0
    #: Where the call is in its caller's trace, as ``traceparent``.
    trace: str | None = None
    #: The request that is run again.
    retry_of: str | None = None

    @property
    def keyed(self) -> bool:
        """Whether the caller can send it again and be answered for the same request."""
        return self.idempotency_key is not None or (
            self.stored is not None and self.stored.request_id is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The request's record, and whether an earlier submission had made it."""

    record: RequestRecord
    replayed: bool


class Submitter:
    """Stores payload and record in parallel, then sends the message."""

    def __init__(
        self,
        *,
        deployment: str,
        records: Records,
        objects: Objects,
        outbox: Outbox,
        executor: Executor,
        clock: Clock,
        tracer: Tracer = OFF,
    ) -> None:
        self._deployment = deployment
        self._records = records
        self._objects = objects
        self._outbox = outbox
        self._executor = executor
        self._clock = clock
        self._tracer = tracer

    def submit(self, submission: Submission) -> Accepted:
        """Accept the request, or answer for the one that this key stands for already.

        ``Unavailable`` if it could not be stored or queued: then nothing was accepted.
        ``IdempotencyKeyReused`` if the key stands for a different request.
        """
        with self._tracer.span(
            "submit", Kind.SERVER, parent=submission.trace, about={"api": submission.api}
        ) as span:
            record = replace(self._new_record(submission), trace=span.context)
            accepted = self._accept(record, submission)
            span.note(id=accepted.record.id, replayed=int(accepted.replayed))
        return accepted

    def _accept(self, record: RequestRecord, submission: Submission) -> Accepted:
        try:
            answer = self._store(record, submission)
            if isinstance(answer, Applied):
                self._outbox.send(Message(record.key))
                return Accepted(record=record, replayed=False)
            return Accepted(record=self._replay(submission, record, answer.found), replayed=True)
        except DependencyError as error:
            if not submission.keyed:
                self._withdraw(record)
            # A keyed request stays: another replay may have been answered for it by now, and the
            # caller's own retry heals it.
            raise Unavailable(
                "The request could not be stored and queued; nothing was accepted. Send it again."
            ) from error

    def keyed_id(self, *, api: str, caller: str, key: str) -> str:
        """The id of the request that this caller's key stands for on this API (R2)."""
        return ids.keyed_request_id(deployment=self._deployment, api=api, caller=caller, key=key)

    def _new_record(self, submission: Submission) -> RequestRecord:
        call, limits, now_ms = submission.call, submission.limits, self._clock()
        deadline_ms = limits.deadline_ms(now_ms)
        key = RequestKey(api=submission.api, id=self._id(submission))
        return RequestRecord(
            api=key.api,
            id=key.id,
            status=Status.IN_QUEUE,
            call=call,
            payload=_payload(key, submission),
            caller=submission.caller,
            fingerprint=ids.fingerprint(
                body=submission.body,
                content_type=call.content_type,
                method=call.method,
                path=call.path,
                query=call.query,
                stored=submission.stored.content if submission.stored else None,
                timeout_seconds=limits.timeout_seconds,
                deadline_seconds=limits.deadline_seconds,
                callback=submission.callback,
            ),
            created_ms=now_ms,
            deadline_ms=deadline_ms,
            due_ms=deadline_ms,
            timeout_seconds=limits.timeout_seconds,
            callback=submission.callback,
            depth=submission.depth,
            retry_of=submission.retry_of,
        )

    def _id(self, submission: Submission) -> str:
        if submission.stored is not None and submission.stored.request_id is not None:
            return submission.stored.request_id
        # A call id that the caller did not choose gives the id too, or the request could not be found by it.
        key = submission.idempotency_key or submission.call.call_id
        if key is None:
            return ids.new_request_id()
        return self.keyed_id(api=submission.api, caller=submission.caller, key=key)

    def _store(self, record: RequestRecord, submission: Submission) -> Applied | Refused:
        if submission.stored is not None:
            return self._records.create(record)
        upload = self._executor.submit(
            self._objects.put, record.payload.key, submission.body, content_type=submission.call.content_type
        )
        try:
            answer = self._records.create(record)
        finally:
            # Whatever the record's fate, the upload must have ended before anybody judges it.
            wait([upload])
        upload.result()
        return answer

    def _replay(
        self, submission: Submission, mine: RequestRecord, found: RequestRecord | None
    ) -> RequestRecord:
        # An upload that was submitted twice is the found record's own, and still needed unless that
        # is completed. Nobody else can refer to it: its key holds the request's id.
        if found is None or mine.payload.key != found.payload.key or found.spent_payload_key is not None:
            self._discard(mine)
        if found is None:
            raise DependencyError("the record that refused this one has vanished")
        if found.fingerprint != mine.fingerprint:
            raise IdempotencyKeyReused("This key was used before with a different request.")
        if found.status is Status.IN_QUEUE and found.started_ms is None:
            # The first submission may have died before its payload or message was stored (R4).
            if submission.stored is None:
                self._restore(found, submission)
            self._outbox.send(Message(found.key))
        return found

    def _restore(self, record: RequestRecord, submission: Submission) -> None:
        key, content_type = record.payload.key, submission.call.content_type
        if not self._objects.put_if_absent(key, submission.body, content_type=content_type):
            return
        # It is absent also if the request was completed since its record was read: then nobody would
        # ever delete it.
        now = self._records.get(record.key)
        if now is None or now.spent_payload_key is not None:
            self._objects.delete(key)

    def _withdraw(self, record: RequestRecord) -> None:
        """Leave nothing behind of a request that nobody was told of; a worker may have been faster."""
        try:
            if self._records.withdraw(record):
                self._discard(record)
        except DependencyError:
            # The store that failed the submission fails this too: the sweeper and the bucket's
            # lifecycle rule remain.
            return

    def _discard(self, record: RequestRecord) -> None:
        if record.payload.bucket is None:
            self._objects.delete(record.payload.key)


def _payload(key: RequestKey, submission: Submission) -> PayloadRef:
    if submission.stored is not None:
        return submission.stored.ref
    return PayloadRef(key=keys.payload(key, nonce=ids.new_token()), size_bytes=len(submission.body))
