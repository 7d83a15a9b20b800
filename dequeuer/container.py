"""The call to the user's container on localhost."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPMethod
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from penstock import openfaas
from penstock.headers import usable
from penstock.outcomes import Trouble
from penstock.tracing.ports import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from penstock.ports import Stored
    from penstock.records import RequestRecord

_READ_BYTES = 256 * 1024
#: Localhost accepts at once or not at all.
_CONNECT_SECONDS = 5


class NoAnswer(Exception):
    """The container gave no complete response: nothing, half of one, or too late."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is sent besides the body."""

    method: HTTPMethod | str = HTTPMethod.POST
    #: With the query, encoded as it is to be sent.
    path: str = "/"
    headers: Mapping[str, str]
    #: Shorter than the API's run limit, if it is to be.
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """The head of a response, and its body as it arrives; reading may raise ``NoAnswer``."""

    status_code: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


def new_session() -> aiohttp.ClientSession:
    """A session for ``Container`` and probes.

    Connections are not reused: a server that closes an idle one just as we send would look like a
    crash, and on localhost a new one costs nothing. Bytes are kept as they are, so nothing is
    decompressed, and no compression is asked for.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
        trust_env=False,
    )


class Container:
    """The user's server, one call per attempt."""

    def __init__(self, session: aiohttp.ClientSession, *, port: int, timeout_seconds: float) -> None:
        self._session = session
        self._port = port
        self._timeout_seconds = timeout_seconds

    @asynccontextmanager
    async def call(self, record: RequestRecord, payload: Stored) -> AsyncIterator[Response]:
        """Send a request; as ``send``. The container can go on with the record's trace."""
        async with self.send(_outgoing(record), payload) as response:
            yield response

    @asynccontextmanager
    async def send(self, outgoing: Outgoing, payload: Stored) -> AsyncIterator[Response]:
        """Send the payload and give the response, both as streams.

        ``NoAnswer`` tells how the container failed; an error while *our* side reads the payload
        is raised as it is.
        """
        body, limit = (
            _Body(payload),
            _RunLimit(min(self._timeout_seconds, outgoing.timeout_seconds or math.inf)),
        )
        async with await self._send(outgoing, payload, body, limit) as answer:
            yield Response(answer.status, usable(answer.headers), self._reading(answer, body, limit))

    async def _send(
        self, outgoing: Outgoing, payload: Stored, body: _Body, limit: _RunLimit
    ) -> aiohttp.ClientResponse:
        with self._judging(body, limit):
            async with limit.running():
                return await self._session.request(
                    outgoing.method,
                    URL(f"http://127.0.0.1:{self._port}{outgoing.path}", encoded=True),
                    headers=_with_length(outgoing, payload),
                    data=body.chunks() if payload.size_bytes else None,
                    allow_redirects=False,
                )

    async def _reading(
        self, answer: aiohttp.ClientResponse, body: _Body, limit: _RunLimit
    ) -> AsyncIterator[bytes]:
        chunks = answer.content.iter_chunked(_READ_BYTES)
        while True:
            with self._judging(body, limit):
                async with limit.running():
                    chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk

    @contextmanager
    def _judging(self, body: _Body, limit: _RunLimit) -> Iterator[None]:
        try:
            yield
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise (body.fault or self._no_answer(error, limit)) from error

    def _no_answer(self, error: Exception, limit: _RunLimit) -> NoAnswer:
        match error:
            case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
                return NoAnswer(Trouble.UNREACHABLE, f"Nothing listens on port {self._port}.")
            case TimeoutError():
                return NoAnswer(Trouble.TIMEOUT, f"The container did not finish within {limit.seconds:g} s.")
            case aiohttp.ClientResponseError():
                return NoAnswer(Trouble.INCOMPLETE, "What the container sent is not one HTTP response.")
            case _:
                reason = str(error) or type(error).__name__
                return NoAnswer(Trouble.INCOMPLETE, f"The container's response broke off: {reason}")


class _RunLimit:
    """What is left of the run limit.

    Only waiting for the container uses it up: the time in which our stores take its answer is
    not the container's.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._left_seconds = seconds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(self._left_seconds):
                yield
        finally:
            self._left_seconds -= clock() - started


class _Body:
    """The payload on its way out; remembers a fault of its own, which aiohttp would disguise."""

    def __init__(self, payload: Stored) -> None:
        self._payload = payload
        self.fault: Exception | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._payload.chunks:
                yield chunk
        except Exception as error:
            self.fault = error
            raise


def _outgoing(record: RequestRecord) -> Outgoing:
    headers = {
        **record.call.headers,
        "X-Penstock-Request-ID": record.id,
        "X-Penstock-Attempt": str(record.attempt),
        "X-Cortex-Request-ID": record.id,
    }
    if record.trace is not None:
        headers[TRACEPARENT] = record.trace
    if record.call.call_id is not None:
        headers |= openfaas.call_headers(record.call.call_id, record)
    if record.call.content_type is not None:
        headers["Content-Type"] = record.call.content_type
    query = f"?{record.call.query}" if record.call.query else ""
    return Outgoing(
        method=record.call.method,
        path=record.call.path + query,
        headers=headers,
        timeout_seconds=record.timeout_seconds,
    )


def _with_length(outgoing: Outgoing, payload: Stored) -> Mapping[str, str]:
    if payload.size_bytes or outgoing.method == HTTPMethod.POST:
        # Many WSGI servers mishandle chunked bodies, and the size is known.
        return {**outgoing.headers, "Content-Length": str(payload.size_bytes)}
    return outgoing.headers
