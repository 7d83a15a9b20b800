"""Running a request again as a new one (R1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_lambda.submit import StoredPayload, Submission
from penstock import ids, keys
from penstock.errors import NotRetryable, PayloadGone, Unavailable
from penstock.limits import Limits
from penstock.ports import DependencyError, ObjectChanged, ObjectMissing
from penstock.records import PayloadRef, RequestKey, RequestRecord

if TYPE_CHECKING:
    from gateway_lambda.submit import Accepted, Submitter
    from penstock.ports import Clock, Copies, Objects, Records


class Retrier:
    """Submits what was submitted before: the same call, limits and payload, under an id of its own.

    The id follows from the old request, so asking twice gives one request. To go on from there,
    the retry is retried.
    """

    def __init__(
        self,
        *,
        deployment: str,
        records: Records,
        objects: Objects,
        copies: Copies,
        submitter: Submitter,
        clock: Clock,
    ) -> None:
        self._deployment = deployment
        self._records = records
        self._objects = objects
        self._copies = copies
        self._submitter = submitter
        self._clock = clock

    def key_of(self, record: RequestRecord) -> RequestKey:
        """The request that runs this one again, or would."""
        retry_id = ids.retry_request_id(
            deployment=self._deployment,
            api=record.api,
            request_id=record.id,
            created_ms=record.created_ms,
        )
        return RequestKey(api=record.api, id=retry_id)

    def retry(self, record: RequestRecord, *, caller: str) -> Accepted:
        """Have it run again, or answer for the request that does so already.

        ``NotRetryable`` unless it failed, expired or was cancelled; ``PayloadGone`` if there is nothing
        left to send; ``Unavailable`` if it could not be copied, stored or queued: asking again is safe.
        """
        if not record.retryable:
            raise NotRetryable(
                f"The request is {record.status}: only one that failed, expired or was cancelled runs again."
            )
        key = self.key_of(record)
        try:
            payload = self._payload(record, key)
        except DependencyError as error:
            raise Unavailable("The payload could not be copied just now. Try again.") from error
        return self._submitter.submit(
            Submission(
                api=record.api,
                call=record.call,
                body=b"",
                caller=caller,
                idempotency_key=None,
                stored=StoredPayload(ref=payload, content_type=record.call.content_type, request_id=key.id),
                limits=Limits(
                    timeout_seconds=record.timeout_seconds,
                    deadline_seconds=(record.deadline_ms - record.created_ms) // 1000,
                ),
                # Whoever asked to be told still wants to be.
                callback=record.callback,
                depth=record.depth,
                retry_of=record.id,
            )
        )

    def _payload(self, record: RequestRecord, key: RequestKey) -> PayloadRef:
        made = self._records.get(key)
        if made is not None and made.retained(self._clock()):
            # Its payload was there before it: a retry asked for twice need not copy twice.
            return made.payload
        try:
            if record.payload.bucket is not None:
                return self._referenced(record.payload)
            return self._copied(record.payload, keys.payload(key, nonce=ids.new_token()))
        except ObjectMissing as error:
            raise PayloadGone("The payload was removed: submit it anew.") from error
        except ObjectChanged as error:
            raise PayloadGone("The payload's object was replaced: submit it anew.") from error

    def _referenced(self, payload: PayloadRef) -> PayloadRef:
        found = self._objects.describe(payload.key, bucket=payload.bucket)
        if payload.etag not in {None, found.etag}:
            raise ObjectChanged(payload.key)
        return payload

    def _copied(self, payload: PayloadRef, key: str) -> PayloadRef:
        self._copies.copy(payload, key)
        return PayloadRef(key=key, size_bytes=payload.size_bytes)
