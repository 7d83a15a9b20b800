"""The container of the benches: notes when a request arrives, and answers as its query says.

``?size=N`` answers with N zero bytes after the payload was read; ``?echo=1`` sends the payload back
while it comes in; ``?answer_after=S`` answers 204 after S seconds, as a receiver of webhooks, and with
``&lose_one_of=N`` hangs up on one of N calls instead; without any of them, a few bytes of JSON.
``&chunked=1`` leaves the length open.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PIECE = bytes(256 * 1024)
_ANSWER = b'{"words": 3}'


class Container:
    """One server for any number of dequeuers."""

    def __init__(self) -> None:
        #: By request id, on the monotonic clock that all processes of the machine share.
        self._arrivals: dict[str, float] = {}
        #: Calls by webhook-id, and those that got no answer.
        self._webhooks: Counter[str] = Counter()
        self._lost = 0

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=1 << 40)
        app.router.add_get("/_arrivals", self._report)
        app.router.add_get("/_webhooks", self._report_webhooks)
        app.router.add_post("/{path:.*}", self._serve)
        return app

    async def _report(self, _request: web.Request) -> web.Response:
        answer = web.json_response(self._arrivals)
        self._arrivals.clear()
        return answer

    async def _report_webhooks(self, _request: web.Request) -> web.Response:
        answer = web.json_response({"received": self._webhooks, "lost": self._lost})
        self._webhooks.clear()
        self._lost = 0
        return answer

    async def _receive(self, request: web.Request) -> web.Response:
        await request.read()
        self._webhooks[request.headers["webhook-id"]] += 1
        await asyncio.sleep(float(request.query["answer_after"]))
        one_of = int(request.query.get("lose_one_of", "0"))
        if one_of and self._webhooks.total() % one_of == 0 and request.transport is not None:
            self._lost += 1
            request.transport.abort()
        return web.Response(status=204)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if "answer_after" in request.query:
            return await self._receive(request)
        self._arrivals[request.headers["X-Penstock-Request-ID"]] = time.monotonic()
        if "echo" in request.query:
            return await _streamed(request, request.content.iter_any(), request.content_length or 0)
        async for _ in request.content.iter_any():
            pass
        if "size" in request.query:
            size = int(request.query["size"])
            return await _streamed(request, _zeros(size), size)
        return web.Response(body=_ANSWER, content_type="application/json")


async def _streamed(request: web.Request, chunks: AsyncIterator[bytes], size: int) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    if "chunked" in request.query:
        answer.enable_chunked_encoding()
    else:
        answer.content_length = size
    await answer.prepare(request)
    async for chunk in chunks:
        await answer.write(chunk)
    return answer


async def _zeros(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, len(_PIECE)):
        yield _PIECE[: size - start]


def main() -> None:
    """Serve on 127.0.0.1 until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.container", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    web.run_app(
        Container().app(), host="127.0.0.1", port=parser.parse_args().port, print=None, access_log=None
    )


if __name__ == "__main__":
    main()
