"""The HTTP API: one method per route, from a plain request to a plain reply."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from gateway_lambda import access, ranges, replies, views
from gateway_lambda.limits import read_limits
from gateway_lambda.payloads import stored_payload
from gateway_lambda.submit import Submission
from gateway_lambda.waiting import MAX_WAIT_SECONDS
from penstock import headers, prefer
from penstock.errors import (
    NoResult,
    NotFinished,
    PenstockError,
    Unavailable,
)
from penstock.inlining import may_inline
from penstock.kinds import Kind
from penstock.ports import DependencyError, ObjectMissing
from penstock.records import Call, RequestRecord, ResultRef
from penstock.tracing.ports import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway_lambda.batch import Batch
    from gateway_lambda.functions import FunctionCall, Functions
    from gateway_lambda.incoming import Incoming
    from gateway_lambda.overview import Overview
    from gateway_lambda.ranges import Span
    from gateway_lambda.recovery import Recovery
    from gateway_lambda.replies import Reply
    from gateway_lambda.requests import Requests
    from gateway_lambda.statuses import Statuses
    from gateway_lambda.submit import Submitter
    from gateway_lambda.uploads import Uploads
    from gateway_lambda.waiting import Waited, Waiter
    from gateway_lambda.webhooks import Webhooks
    from penstock.catalogue import ApiEntry, Catalogue
    from penstock.ports import Objects

#: How long a download link works. AWS ends it earlier if the function's own credentials end earlier.
DOWNLOAD_SECONDS = 3600

#: A Lambda may answer with 6 MB, and the body is base64 in it.
MAX_RESULT_BYTES = 4_500_000

_FIRST_UNKNOWN_STATUS = 600
_ANY_TYPE = "application/octet-stream"

#: Results are other people's bytes on our host name: a browser must neither guess nor run them.
_DEFUSED = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}


class Gateway:
    """What the routes do. Errors of the ``PenstockError`` tree become problem documents."""

    def __init__(  # noqa: PLR0913 - one collaborator for each group of routes
        self,
        *,
        catalogue: Catalogue,
        submitter: Submitter,
        uploads: Uploads,
        requests: Requests,
        objects: Objects,
        waiter: Waiter,
        overview: Overview,
        recovery: Recovery,
        functions: Functions,
        webhooks: Webhooks,
        batch: Batch,
        statuses: Statuses,
        on_accepted: Callable[[ApiEntry, bool], None],
    ) -> None:
        self._catalogue = catalogue
        self._submitter = submitter
        self._uploads = uploads
        self._requests = requests
        self._objects = objects
        self._waiter = waiter
        self._overview = overview
        self._recovery = recovery
        self._functions = functions
        self._webhooks = webhooks
        self._batch = batch
        self._statuses = statuses
        self._on_accepted = on_accepted

    def admit(self, incoming: Incoming) -> None:
        """Before any route: ``AccessDenied`` if the caller has an API key that is not for this API.

        A key is good for what names its API in the path, so a route that names none is closed to it.
        """
        access.check(incoming.key_apis, incoming.path.get("api"), self._catalogue)

    def submit(self, incoming: Incoming) -> Reply:
        """``POST /async/{api}``; the end instead of the beginning for those who wait and see it.

        Callbacks of one API to another come by a route of their own and are served alike (N7).
        """
        api = self._catalogue.accepting(incoming.path["api"])
        wait_seconds = _wait_seconds(incoming)
        limits = read_limits(incoming.headers, api)
        callback = self._webhooks.callback(api, incoming.headers)
        stored = stored_payload(api, incoming, uploads=self._uploads, objects=self._objects)
        accepted = self._submitter.submit(
            Submission(
                api=api.name,
                call=Call(
                    query=incoming.query,
                    content_type=stored.content_type if stored else incoming.content_type,
                    headers=headers.allowed(
                        incoming.headers, headers.REQUEST_HEADERS.union(api.forward_headers)
                    ),
                ),
                body=incoming.body,
                stored=stored,
                limits=limits,
                callback=callback.url,
                depth=callback.depth,
                trace=incoming.headers.get(TRACEPARENT),
                caller=incoming.caller,
                idempotency_key=incoming.idempotency_key,
            )
        )
        self._on_accepted(api, accepted.replayed)
        waited = self._waiter.until_ended(
            accepted.record, wait_seconds=wait_seconds, received_ms=incoming.received_ms
        )
        if waited.record.status.terminal and waited.applied_seconds is not None:
            reply = self._status_reply(waited.record, api, incoming)
        else:
            reply = replies.document(views.accepted(waited.record, api.endpoint), status=HTTPStatus.ACCEPTED)
        # Relative to the request's own URL, whatever stage or domain stands before it.
        location = {"Location": f"{api.endpoint}/{accepted.record.id}"}
        return replies.with_headers(reply, location | _applied(waited))

    def list_requests(self, incoming: Incoming) -> Reply:
        """``GET /async/{api}``."""
        return self._overview.reply(self._catalogue.find(incoming.path["api"]), incoming.query)

    def upload(self, incoming: Incoming) -> Reply:
        """``POST /uploads/{api}``."""
        api = self._catalogue.accepting(incoming.path["api"])
        return replies.document(self._uploads.invite(api, incoming), status=HTTPStatus.CREATED)

    def status(self, incoming: Incoming) -> Reply:
        """``GET /async/{api}/{id}``."""
        api = self._catalogue.find(incoming.path["api"])
        wait_seconds = _wait_seconds(incoming)
        record = self._requests.find(api, incoming.path["id"])
        waited = self._waiter.until_ended(record, wait_seconds=wait_seconds, received_ms=incoming.received_ms)
        return replies.with_headers(self._status_reply(waited.record, api, incoming), _applied(waited))

    def result(self, incoming: Incoming) -> Reply:
        """``GET /async/{api}/{id}/result``."""
        api = self._catalogue.find(incoming.path["api"])
        record = self._requests.find(api, incoming.path["id"])
        if not record.status.terminal:
            raise NotFinished(f"The request is {record.status}; its result is not there yet.")
        if record.result is None:
            raise NoResult(f"The request ended as {record.status} without a response of the container.")
        told = _response_headers(record, record.result)
        part = ranges.wanted(incoming.headers, size_bytes=record.result.size_bytes)
        return self._result_reply(record, record.result, told, incoming=incoming, part=part)

    def cancel(self, incoming: Incoming) -> Reply:
        """``DELETE /async/{api}/{id}``."""
        api = self._catalogue.find(incoming.path["api"])
        return self._status_document(self._requests.cancel(api, incoming.path["id"]), api)

    def retry(self, incoming: Incoming) -> Reply:
        """``POST /async/{api}/{id}/retry``."""
        return self._recovery.retry(self._catalogue.accepting(incoming.path["api"]), incoming)

    def list_dead_letters(self, incoming: Incoming) -> Reply:
        """``GET /dead-letters/{api}``."""
        return self._recovery.page(self._catalogue.find(incoming.path["api"]), incoming)

    def dead_letter(self, incoming: Incoming) -> Reply:
        """``GET /dead-letters/{api}/{id}``."""
        return self._recovery.show(self._catalogue.find(incoming.path["api"]), incoming)

    def redrive(self, incoming: Incoming) -> Reply:
        """``POST /dead-letters/{api}/redrive``."""
        return self._recovery.redrive(self._catalogue.accepting(incoming.path["api"]), incoming)

    def purge(self, incoming: Incoming) -> Reply:
        """``POST /dead-letters/{api}/purge``."""
        return self._recovery.purge(self._catalogue.find(incoming.path["api"]), incoming)

    def submit_function(self, incoming: Incoming) -> Reply:
        """``POST /async-function/{api}``, with or without a path behind it."""
        call = self._functions.submit(incoming)
        self._on_accepted(call.api, call.accepted.replayed)
        return call.reply()

    def call_function(self, incoming: Incoming) -> Reply:
        """Any method on ``/function/{api}``: the function's own answer, if it comes while there is time."""
        preferred_seconds = _wait_seconds(incoming)
        call = self._functions.submit(incoming)
        self._on_accepted(call.api, call.accepted.replayed)
        waited = self._waiter.until_ended(
            call.accepted.record,
            wait_seconds=MAX_WAIT_SECONDS if preferred_seconds is None else preferred_seconds,
            received_ms=incoming.received_ms,
        )
        record = waited.record
        reply = self._answer_of(call, record, incoming) if record.status.terminal else call.reply()
        return reply if preferred_seconds is None else replies.with_headers(reply, _applied(waited))

    def call_status(self, incoming: Incoming) -> Reply:
        """``GET /async-function/{call id}``, with or without the function's name before it."""
        return self.status(self._functions.as_request(incoming))

    def cancel_call(self, incoming: Incoming) -> Reply:
        """``DELETE /async-function/{call id}``, with or without the function's name before it."""
        self.cancel(self._functions.as_request(incoming))
        return replies.Reply(HTTPStatus.ACCEPTED, b"")

    def list_deliveries(self, incoming: Incoming) -> Reply:
        """``GET /webhooks/{api}``."""
        return self._webhooks.page(self._catalogue.of_any_kind(incoming.path["api"]), incoming.query)

    def delivery(self, incoming: Incoming) -> Reply:
        """``GET /webhooks/{api}/{delivery}``."""
        return self._webhooks.show(self._catalogue.of_any_kind(incoming.path["api"]), incoming.path["id"])

    def replay(self, incoming: Incoming) -> Reply:
        """``POST /webhooks/{api}/{delivery}/replay``."""
        return self._webhooks.replay(self._catalogue.of_any_kind(incoming.path["api"]), incoming.path["id"])

    def replay_many(self, incoming: Incoming) -> Reply:
        """``POST /webhooks/{api}/replay``."""
        return self._webhooks.replay_many(self._catalogue.of_any_kind(incoming.path["api"]), incoming.body)

    def test_webhook(self, incoming: Incoming) -> Reply:
        """``POST /webhooks/{api}/test``."""
        return self._webhooks.test(self._catalogue.of_any_kind(incoming.path["api"]))

    def submit_job(self, incoming: Incoming) -> Reply:
        """``POST /batch/{api}``."""
        api = self._catalogue.accepting(incoming.path["api"], Kind.BATCH)
        return self._batch.submit(api, incoming)

    def list_jobs(self, incoming: Incoming) -> Reply:
        """``GET /batch/{api}``."""
        return self._batch.list_or_show(self._batch_api(incoming), incoming)

    def stop_named_job(self, incoming: Incoming) -> Reply:
        """``DELETE /batch/{api}?jobID=``."""
        return self._batch.stop_named(self._batch_api(incoming), incoming)

    def job(self, incoming: Incoming) -> Reply:
        """``GET /batch/{api}/{id}``."""
        return self._batch.show(self._batch_api(incoming), incoming.path["id"])

    def stop_job(self, incoming: Incoming) -> Reply:
        """``DELETE /batch/{api}/{id}``."""
        return self._batch.stop(self._batch_api(incoming), incoming.path["id"])

    def retry_job(self, incoming: Incoming) -> Reply:
        """``POST /batch/{api}/{id}/retry``."""
        api = self._catalogue.accepting(incoming.path["api"], Kind.BATCH)
        return self._batch.retry(api, incoming.path["id"], caller=incoming.caller)

    def list_failed_batches(self, incoming: Incoming) -> Reply:
        """``GET /batch/{api}/{id}/failed``."""
        return self._batch.failed(self._batch_api(incoming), incoming.path["id"], incoming.query)

    def failed_batch(self, incoming: Incoming) -> Reply:
        """``GET /batch/{api}/{id}/failed/{batch}``."""
        return self._batch.failed_batch(
            self._batch_api(incoming), incoming.path["id"], incoming.path["batch"]
        )

    def list_apis(self, _incoming: Incoming) -> Reply:
        """``GET /apis``."""
        return self._statuses.all(self._catalogue.apis)

    def api_status(self, incoming: Incoming) -> Reply:
        """``GET /apis/{api}``, of either kind."""
        return self._statuses.one(self._catalogue.of_any_kind(incoming.path["api"]))

    def health(self, _incoming: Incoming) -> Reply:
        """``GET /healthz``: the function runs."""
        return replies.document({"status": "ok"})

    def _batch_api(self, incoming: Incoming) -> ApiEntry:
        return self._catalogue.find(incoming.path["api"], Kind.BATCH)

    def _answer_of(self, call: FunctionCall, record: RequestRecord, incoming: Incoming) -> Reply:
        told = call.outcome(record)
        assert record.result is not None
        # API Gateway would say application/json of an answer without a type.
        told = {"Content-Type": _ANY_TYPE, **told, **_DEFUSED}
        reply = self._result_reply(record, record.result, told, incoming=incoming)
        if reply.status != HTTPStatus.OK:
            return reply
        code = record.result.status_code
        # API Gateway would make an error of its own of a status that HTTP does not have.
        return replace(reply, status=code if code < _FIRST_UNKNOWN_STATUS else HTTPStatus.BAD_GATEWAY)

    def _result_reply(
        self,
        record: RequestRecord,
        result: ResultRef,
        told: Mapping[str, str],
        *,
        incoming: Incoming,
        part: Span | None = None,
    ) -> Reply:
        size_bytes = part.length_bytes if part else result.size_bytes
        if size_bytes <= MAX_RESULT_BYTES:
            body = self._read_result(record, part)
            reply = (
                replies.Reply(HTTPStatus.PARTIAL_CONTENT, body, {**told, "Content-Range": part.content_range})
                if part
                else replies.Reply(HTTPStatus.OK, body, told)
            )
            if _arrives(reply, incoming):
                return reply
        # Too large for Lambda, or for this client only by another way.
        return replies.Reply(HTTPStatus.SEE_OTHER, b"", {**told, "Location": self._download(result)})

    def _read_result(self, record: RequestRecord, part: Span | None = None) -> bytes:
        if record.result is None:
            raise PenstockError("The request has no result to read.")
        try:
            if part is not None:
                return self._objects.read_range(record.result.key, first=part.first, last=part.last)
            return self._objects.read(record.result.key)
        except ObjectMissing as error:
            raise NoResult("The stored result has been removed from the bucket.") from error
        except DependencyError as error:
            raise Unavailable("The result could not be read just now. Try again.") from error

    def _inlined(self, record: RequestRecord, api: ApiEntry) -> Reply | None:
        """The status with the result in it; None if that cannot be read now, or is no JSON after all."""
        try:
            result = self._read_result(record)
        except (NoResult, Unavailable):
            return None
        body = views.with_result(views.status(record, api.endpoint, result_url=None), result)
        if body is None:
            return None
        return replies.Reply(HTTPStatus.OK, body, {"Content-Type": "application/json"})

    def _status_reply(self, record: RequestRecord, api: ApiEntry, incoming: Incoming) -> Reply:
        if may_inline(record, limit_bytes=api.inline_result_bytes):
            reply = self._inlined(record, api)
            if reply is not None and _arrives(reply, incoming):
                return reply
        return self._status_document(record, api)

    def _status_document(self, record: RequestRecord, api: ApiEntry) -> Reply:
        url = self._download(record.result) if record.result else None
        return replies.document(views.status(record, api.endpoint, result_url=url))

    def _download(self, result: ResultRef) -> str:
        return self._objects.presign(result.key, expires_seconds=DOWNLOAD_SECONDS, headers=result.headers)


def _arrives(reply: Reply, incoming: Incoming) -> bool:
    """Whether the client gets these bytes: API Gateway decodes base64 only for those that send Accept."""
    return reply.text is not None or "accept" in incoming.headers


def _wait_seconds(incoming: Incoming) -> int | None:
    return prefer.wait_seconds(incoming.headers.get("prefer", ""))


def _applied(waited: Waited) -> dict[str, str]:
    seconds = waited.applied_seconds
    return {} if seconds is None else {"Preference-Applied": f"wait={seconds}"}


def _response_headers(record: RequestRecord, result: ResultRef) -> dict[str, str]:
    return {
        **result.headers,
        "Content-Type": result.content_type or _ANY_TYPE,
        "Accept-Ranges": "bytes",
        "X-Penstock-Status": record.status.value,
        "X-Penstock-Status-Code": str(result.status_code),
        **_DEFUSED,
    }
