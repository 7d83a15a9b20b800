"""Sends requests and turns everything that is no usable answer into a ``ClientError``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import httpx

from penstock.client.addresses import shown
from penstock.client.documents import Document, Malformed
from penstock.client.errors import ApiProblem, ServerUnreachable, UnexpectedAnswer
from penstock.client.retry import (
    MAX_RETRY_AFTER_SECONDS,
    RETRIED,
    Timing,
    backoff_seconds,
    retry_after_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Value = TypeVar("_Value")

_EXCERPT_CHARACTERS = 200


class Exchange:
    """One HTTP client whose requests may be sent again. The caller says how often that is safe."""

    def __init__(self, http: httpx.Client, *, timing: Timing) -> None:
        self._http = http
        self._timing = timing

    def ask(
        self,
        request: httpx.Request,
        decode: Callable[[Document], _Value],
        *,
        auth: httpx.Auth | None,
        retries: int,
    ) -> _Value:
        """What the JSON answer says.

        Raises ApiProblem, ServerUnreachable, UnexpectedAnswer, or whatever ``auth`` raises.
        """
        return self.ask_with_headers(request, decode, auth=auth, retries=retries)[0]

    def ask_with_headers(
        self,
        request: httpx.Request,
        decode: Callable[[Document], _Value],
        *,
        auth: httpx.Auth | None,
        retries: int,
    ) -> tuple[_Value, httpx.Headers]:
        """The same, with the headers that the answer came with."""
        response = self._send(request, auth=auth, retries=retries, stream=False)
        return _understood(response, decode), response.headers

    @contextmanager
    def stream(
        self, request: httpx.Request, *, auth: httpx.Auth | None, retries: int
    ) -> Iterator[httpx.Response]:
        """An answer of any status, its body not read yet; errors while it is read are translated too.

        Raises ServerUnreachable, UnexpectedAnswer, or whatever ``auth`` raises.
        """
        response = self._send(request, auth=auth, retries=retries, stream=True)
        try:
            with translated(request.url):
                yield response
        finally:
            response.close()

    def _send(
        self, request: httpx.Request, *, auth: httpx.Auth | None, retries: int, stream: bool
    ) -> httpx.Response:
        for retry in range(retries):
            pause = backoff_seconds(retry, chance=self._timing.random())
            try:
                response = self._send_once(request, auth=auth, stream=stream)
            except ServerUnreachable:
                self._timing.sleep(pause)
                continue
            asked = retry_after_seconds(response.headers) or 0
            if response.status_code not in RETRIED or asked > MAX_RETRY_AFTER_SECONDS:
                return response
            response.close()
            self._timing.sleep(max(pause, asked))
        return self._send_once(request, auth=auth, stream=stream)

    def _send_once(self, request: httpx.Request, *, auth: httpx.Auth | None, stream: bool) -> httpx.Response:
        with translated(request.url):
            return self._http.send(request, auth=auth, stream=stream)


def _understood(response: httpx.Response, decode: Callable[[Document], _Value]) -> _Value:
    if not response.is_success:
        raise refusal(response)
    try:
        return decode(Document.parse(response.content))
    except Malformed as error:
        raise UnexpectedAnswer(shown(response.url), reason=str(error)) from error


def refusal(response: httpx.Response) -> ApiProblem | UnexpectedAnswer:
    """The error that an answer without success stands for."""
    content = response.read()
    status = response.status_code
    if not response.is_error:
        return UnexpectedAnswer(shown(response.url), reason=f"it answered with status {status}")
    try:
        document = Document.parse(content)
    except Malformed:
        document = Document({})
    # API Gateway's own errors have one member, "message".
    detail = _text(document, "detail") or _text(document, "message")
    if not document.members:
        detail = _excerpt(content)
    return ApiProblem(
        code=_text(document, "code") or f"http_{status}",
        status=status,
        title=_text(document, "title") or response.reason_phrase or "The server reported an error",
        detail=detail,
    )


def _text(document: Document, name: str) -> str:
    value = document.members.get(name)
    return value if isinstance(value, str) else ""


def _excerpt(content: bytes) -> str:
    words = content[: 4 * _EXCERPT_CHARACTERS].decode(errors="replace").split()
    text = " ".join(words)
    return text if len(text) <= _EXCERPT_CHARACTERS else f"{text[:_EXCERPT_CHARACTERS]}…"


@contextmanager
def translated(url: httpx.URL) -> Iterator[None]:
    """Raise ServerUnreachable and UnexpectedAnswer for what httpx reports of this address."""
    try:
        yield
    except httpx.TransportError as error:
        raise ServerUnreachable(shown(url), reason=_reason(error)) from error
    except (httpx.RequestError, UnicodeError) as error:
        # The latter from a redirect to a host whose name is none; httpx looks at it in any case.
        raise UnexpectedAnswer(shown(url), reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    # httpx's timeouts have no text of their own when they come from the pool.
    return str(error).rstrip(".") or type(error).__name__
