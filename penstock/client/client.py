"""The client library: submit, look, wait, fetch, cancel."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar

import httpx

from penstock import __version__
from penstock.client.addresses import base_url, below, shown, web_address
from penstock.client.api_key import ApiKeyAuth
from penstock.client.api_states import ApiStatus, read_list
from penstock.client.batch import Batch
from penstock.client.calls import Calls, sendable
from penstock.client.dead_letters import DeadLetters
from penstock.client.destination import replaced
from penstock.client.errors import InvalidInput, UnexpectedAnswer
from penstock.client.exchange import Exchange, refusal
from penstock.client.lists import Filters, over_pages
from penstock.client.polling import Poll, until_ended
from penstock.client.retry import MAX_RETRIES, Timing
from penstock.client.states import Delivery, Page, RequestState, Result, Retried, Submission
from penstock.client.upload import INLINE_BYTES, Invitation, LocalFile, invitation_request, send
from penstock.client.webhooks import Webhooks
from penstock.ids import new_token
from penstock.limits import NO_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.client.documents import Document
    from penstock.limits import Limits
    from penstock.records import Status

#: API Gateway ends a call after 29 s, so nothing comes later than this.
DEFAULT_TIMEOUT_SECONDS = 30.0

T = TypeVar("T")

_REAL = Timing()
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")
_ANY_TYPE = {"accept": "*/*"}


class Client:
    """Talks to one Penstock deployment. Use it as a context manager, or call ``close``.

    Every method may raise ``ClientError``. Requests carry ``api_key`` if there is one. Without it, and
    without ``auth``, requests to hosts of AWS are signed with the credentials that boto3 would use; pass
    ``httpx.Auth()`` to send none.

    Example::

        with Client("http://127.0.0.1:4566/live") as client:
            submission = client.submit("word-count", b'{"text": "a b"}', content_type="application/json")
            state = client.wait("word-count", submission.id, timeout_seconds=60)
            print(state.result)
    """

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        auth: httpx.Auth | None = None,
        api_key: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        timing: Timing = _REAL,
    ) -> None:
        self._base = base_url(url)
        self._auth = auth or (_signature_for(self._base) if api_key is None else ApiKeyAuth(api_key))
        self._timing = timing
        self._timeout_seconds = timeout_seconds
        self._http = _http_client(transport, timeout_seconds=timeout_seconds)
        self._exchange = Exchange(self._http, timing=timing)
        self._calls = Calls(self._http, self._exchange, self._base, self._auth)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(
        self,
        api: str,
        body: bytes,
        *,
        content_type: str | None = None,
        idempotency_key: str | None = None,
        query: Sequence[tuple[str, str]] = (),
        limits: Limits = NO_LIMITS,
        callback_url: str | None = None,
    ) -> Submission:
        """Hand in a request; once this returns, it will reach a terminal state.

        There is always a key, fresh unless given, so sending again after a lost answer cannot
        start the work twice. ``limits`` end the request earlier than the API's own would.
        ``callback_url`` is told of its end.
        """
        # Never without a type: API Gateway may take an untyped body for text, and damage it.
        headers = {"content-type": _content_type(content_type), **_terms(limits, callback_url)}
        return self._hand_in(api, body, headers=headers, key=idempotency_key, query=query)

    def submit_file(
        self,
        api: str,
        path: Path,
        *,
        content_type: str | None = None,
        idempotency_key: str | None = None,
        query: Sequence[tuple[str, str]] = (),
        limits: Limits = NO_LIMITS,
        callback_url: str | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Submission:
        """Hand in a file of up to 5 GB; what does not fit into a call is uploaded to the storage first.

        The file is read in pieces, once for its checksum and once to be sent; ``on_progress`` gets
        the bytes sent so far and the whole size. Raises OSError, besides the errors of ``submit``, if
        the file cannot be read.
        """
        size_bytes = path.stat().st_size
        if size_bytes <= INLINE_BYTES:
            return self.submit(
                api,
                path.read_bytes(),
                content_type=content_type,
                idempotency_key=idempotency_key,
                query=query,
                limits=limits,
                callback_url=callback_url,
            )
        key = new_token() if idempotency_key is None else idempotency_key
        file = LocalFile.of(path, content_type=_content_type(content_type))
        request = invitation_request(
            self._http, below(self._base, "uploads", api), file, key=sendable(key, name="idempotency key")
        )
        invitation = self._exchange.ask(request, Invitation.of, auth=self._auth, retries=MAX_RETRIES)
        send(self._http, invitation, file, timing=self._timing, on_progress=on_progress)
        headers = {"x-upload-id": invitation.upload_id, **_terms(limits, callback_url)}
        return self._hand_in(api, b"", headers=headers, key=key, query=query)

    def submit_url(
        self,
        api: str,
        payload_url: str,
        *,
        content_type: str | None = None,
        idempotency_key: str | None = None,
        query: Sequence[tuple[str, str]] = (),
        limits: Limits = NO_LIMITS,
        callback_url: str | None = None,
    ) -> Submission:
        """Hand in an object, ``s3://bucket/key``, of a bucket among the API's ``input_buckets``.

        Without ``content_type`` the container is told the object's own.
        """
        headers = {"x-payload-url": sendable(payload_url, name="payload URL"), **_terms(limits, callback_url)}
        if content_type is not None:
            headers["content-type"] = sendable(content_type, name="content type")
        return self._hand_in(api, b"", headers=headers, key=idempotency_key, query=query)

    def _hand_in(
        self,
        api: str,
        body: bytes,
        *,
        headers: dict[str, str],
        key: str | None,
        query: Sequence[tuple[str, str]],
    ) -> Submission:
        known_key = new_token() if key is None else key
        headers["idempotency-key"] = sendable(known_key, name="idempotency key")
        request = self._http.build_request(
            "POST", below(self._base, "async", api, query=query), content=body, headers=headers
        )

        def decode(document: Document) -> Submission:
            return Submission.of(document, api=api, idempotency_key=known_key)

        return self._exchange.ask(request, decode, auth=self._auth, retries=MAX_RETRIES)

    @property
    def webhooks(self) -> Webhooks:
        """Deliveries of webhooks: look at them, send them again, test a receiver."""
        return Webhooks(self._calls)

    @property
    def batch(self) -> Batch:
        """Jobs of batch APIs: submit, look, wait, stop, run failed batches again."""
        return Batch(self._calls, timing=self._timing)

    def get(self, api: str, request_id: str) -> RequestState:
        """Where the request is now."""
        return self._calls.ask("GET", "async", api, request_id, decode=RequestState.of)

    def cancel(self, api: str, request_id: str) -> RequestState:
        """End the request; ApiProblem ``already_finished`` if it had ended in another way before.

        Cancelling twice is one cancel, so a lost answer is asked for again.
        """
        return self._calls.ask("DELETE", "async", api, request_id, decode=RequestState.of)

    def retry(self, api: str, request_id: str) -> Retried:
        """Run a request again, as a new one, that failed, expired or was cancelled.

        Asking twice gives one request; to go on from there, retry that one. ApiProblem
        ``not_retryable`` for any other request, ``payload_gone`` if there is nothing left to send.
        """

        def decode(document: Document) -> Retried:
            return Retried.of(document, api=api)

        return self._calls.ask("POST", "async", api, request_id, "retry", decode=decode)

    @property
    def dead_letters(self) -> DeadLetters:
        """The API's failed requests: list, redrive, purge."""
        return DeadLetters(self._calls)

    def apis(self) -> Sequence[ApiStatus]:
        """All APIs, by what their services say. Not with an API key: a key is for single APIs."""
        return self._calls.ask("GET", "apis", decode=read_list)

    def api(self, api: str) -> ApiStatus:
        """One API with its workers: those that run, and those that stopped within about an hour."""
        return self._calls.ask("GET", "apis", api, decode=ApiStatus.of)

    def wait(
        self,
        api: str,
        request_id: str,
        *,
        timeout_seconds: float,
        on_change: Callable[[RequestState], None] | None = None,
    ) -> RequestState:
        """Look until the request has ended, and return its terminal state.

        The server is asked to answer only when that is so, and is asked again and again if it
        has no room for callers who wait. ``on_change`` gets the first state and each that is seen
        with another status or attempt. Raises WaitTimeout; the request goes on then, as it does if
        the caller is interrupted.
        """

        def look(wait_seconds: int) -> Poll[RequestState]:
            return self._look(api, request_id, wait_seconds)

        return until_ended(
            look, "Request", timeout_seconds=timeout_seconds, timing=self._timing, on_change=on_change
        )

    def page(
        self,
        api: str,
        *,
        status: Status | str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """One page of the API's requests, newest first; the first one says how busy the API is.

        Go on with ``next_cursor`` and the same filters. The server decides on the page's size
        unless there is a ``limit``, of at most 100.
        """
        filters = Filters(status=status, created_after=created_after, created_before=created_before)
        return self._calls.ask(
            "GET", "async", api, decode=Page.of, query=filters.query(limit=limit, cursor=cursor)
        )

    def list(
        self,
        api: str,
        *,
        status: Status | str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Iterator[RequestState]:
        """The API's requests, newest first and without results; pages are fetched on the way."""

        def fetch(cursor: str | None) -> tuple[Sequence[RequestState], str | None]:
            page = self.page(
                api,
                status=status,
                created_after=created_after,
                created_before=created_before,
                cursor=cursor,
            )
            return page.requests, page.next_cursor

        return over_pages(fetch)

    def result(self, api: str, request_id: str) -> Result:
        """The result in memory; ApiProblem ``not_finished`` or ``no_result`` if there is none."""
        content = BytesIO()
        delivery = self.copy_result(api, request_id, content)
        return Result(content=content.getvalue(), content_type=delivery.content_type)

    def download(self, api: str, request_id: str, path: Path) -> Delivery:
        """Save the result; the file appears, or is replaced, only once it is complete.

        Raises OSError, besides the errors of ``result``, if the file cannot be written.
        """
        with replaced(path) as file:
            return self.copy_result(api, request_id, file)

    def copy_result(self, api: str, request_id: str, sink: BinaryIO) -> Delivery:
        """Write the result as it arrives, in pieces; what the sink raises passes through."""
        size_bytes = 0
        with self._result(api, request_id) as response:
            for chunk in response.iter_bytes():
                sink.write(chunk)
                size_bytes += len(chunk)
            return Delivery(size_bytes=size_bytes, content_type=response.headers.get("content-type"))

    def _look(self, api: str, request_id: str, wait_seconds: int) -> Poll[RequestState]:
        request = self._http.build_request(
            "GET",
            below(self._base, "async", api, request_id),
            headers={"prefer": f"wait={wait_seconds}"} if wait_seconds else {},
            # On top of what an answer may take anyway.
            timeout=self._timeout_seconds + wait_seconds,
        )
        state, headers = self._exchange.ask_with_headers(
            request, RequestState.of, auth=self._auth, retries=MAX_RETRIES
        )
        return Poll(state, waited="preference-applied" in headers)

    @contextmanager
    def _result(self, api: str, request_id: str) -> Iterator[httpx.Response]:
        request = self._http.build_request(
            "GET", below(self._base, "async", api, request_id, "result"), headers=_ANY_TYPE
        )
        with self._exchange.stream(request, auth=self._auth, retries=MAX_RETRIES) as response:
            if response.is_success:
                yield response
                return
            if response.status_code != httpx.codes.SEE_OTHER:
                raise refusal(response)
            location = _location(response)
        # The link is its own permission: with our credentials, S3 refuses it and its host learns them.
        request = self._http.build_request("GET", location, headers=_ANY_TYPE)
        with self._exchange.stream(request, auth=None, retries=MAX_RETRIES) as response:
            if not response.is_success:
                reason = f"the link to the result was answered with status {response.status_code}"
                raise UnexpectedAnswer(shown(response.url), reason=reason)
            yield response


def _signature_for(base: httpx.URL) -> httpx.Auth | None:
    if not base.host.endswith(_AWS_DOMAINS):
        return None
    from penstock.client.signing import SigV4  # noqa: PLC0415 - botocore takes 0.3 s, in vain for other hosts

    return SigV4.for_host(base.host)


def _http_client(transport: httpx.BaseTransport | None, *, timeout_seconds: float) -> httpx.Client:
    headers = {"accept": "application/json", "user-agent": f"penstock/{__version__}"}
    try:
        return httpx.Client(transport=transport, timeout=timeout_seconds, headers=headers)
    except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
        raise InvalidInput(
            f"The HTTP settings of the environment cannot be used: {error}. "
            "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE."
        ) from error


def _terms(limits: Limits, callback_url: str | None) -> dict[str, str]:
    if callback_url is None:
        return limits.headers
    return {**limits.headers, "x-callback-url": sendable(callback_url, name="callback URL")}


def _content_type(value: str | None) -> str:
    return sendable("application/octet-stream" if value is None else value, name="content type")


def _location(response: httpx.Response) -> httpx.URL:
    try:
        return web_address(response.headers.get("location", ""))
    except ValueError as error:
        reason = f"its link to the result is unusable: {error}"
        raise UnexpectedAnswer(shown(response.url), reason=reason) from error
