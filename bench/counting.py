"""Stands between processes and the emulator, and counts the calls of AWS that pass."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web

from localstack.emulator import free_port
from localstack.environment import Endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

_START_SECONDS = 20

#: Each hop's own.
_DROPPED = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class CountingProxy:
    """A server in a thread of its own; ``calls`` by their names, those of S3 by their methods."""

    def __init__(self, upstream: str) -> None:
        self.endpoint = Endpoint(free_port())
        self.calls: Counter[str] = Counter()
        self._upstream = upstream

    async def serve(self, started: threading.Event, stopped: asyncio.Event) -> None:
        """Until stopped."""
        app = web.Application(client_max_size=1 << 30)
        app.cleanup_ctx.append(self._connected)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.endpoint.port).start()
        started.set()
        await stopped.wait()
        await runner.cleanup()

    async def _connected(self, _app: web.Application) -> AsyncIterator[None]:
        connector = TCPConnector(limit=0)
        async with ClientSession(
            connector=connector, auto_decompress=False, cookie_jar=DummyCookieJar()
        ) as session:
            self._session = session
            yield

    async def _pass_on(self, request: web.Request) -> web.Response:
        target = request.headers.get("X-Amz-Target", f"S3.{request.method}")
        self.calls[target.partition(".")[2] if request.method == "POST" else target] += 1
        sent = await self._session.request(
            request.method,
            # As it was written: names of objects have escapes.
            f"{self._upstream}{request.raw_path}",
            headers=[
                (name, value) for name, value in request.headers.items() if name.lower() not in _DROPPED
            ],
            data=await request.read(),
        )
        async with sent:
            headers = [(name, value) for name, value in sent.headers.items() if name.lower() not in _DROPPED]
            return web.Response(status=sent.status, body=await sent.read(), headers=dict(headers))


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _DROPPED}


@contextmanager
def counting(upstream: str) -> Iterator[CountingProxy]:
    """A proxy that runs until the block ends."""
    proxy, started = CountingProxy(upstream), threading.Event()
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(proxy.serve(started, stopped)))
    thread.start()
    try:
        if not started.wait(_START_SECONDS):
            raise TimeoutError("the counting proxy does not start")
        yield proxy
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()
