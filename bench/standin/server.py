"""The process: sorts calls by operation, counts them, adds the round-trip time, answers."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bench.standin import s3
from bench.standin.dynamodb import Tables
from bench.standin.errors import AwsError
from bench.standin.objects import Bodies, Object
from bench.standin.sqs import Queues

if TYPE_CHECKING:
    from collections.abc import Callable

#: Bodies up to this size are kept; larger ones are counted and dropped when a bench asks for it.
KEEP_BYTES = 1 << 30

JsonCall = dict[str, Any]


class Standin:
    """All services behind one port."""

    def __init__(self, url: str) -> None:
        self._bodies = Bodies(KEEP_BYTES)
        self._tables, self._queues = Tables(), Queues(url)
        self._buckets = s3.Buckets(self._bodies)
        self._round_trip_seconds = 0.0
        self._counts: Counter[str] = Counter()
        #: By the id of the message's group: when the answer to its SendMessage left.
        self._sent: dict[str, float] = {}
        tables, queues = self._tables, self._queues
        self._json: dict[str, Callable[[JsonCall], Any]] = {
            "CreateTable": tables.create_table,
            "PutItem": tables.put_item,
            "GetItem": tables.get_item,
            "UpdateItem": tables.update_item,
            "DeleteItem": tables.delete_item,
            "CreateQueue": queues.create,
            "GetQueueUrl": queues.url_of,
            "SendMessage": lambda call: queues.of(call).send(call),
            "SendMessageBatch": lambda call: queues.of(call).send_batch(call),
            "ReceiveMessage": lambda call: queues.of(call).receive(call),
            "ChangeMessageVisibility": lambda call: queues.of(call).change_visibility(call),
            "DeleteMessage": lambda call: queues.of(call).delete(call),
            "DeleteMessageBatch": lambda call: queues.of(call).delete_batch(call),
        }

    def app(self) -> web.Application:
        """The application; everything outside ``/_bench`` is a call to AWS."""
        app = web.Application(client_max_size=1 << 40)
        app.router.add_get("/_bench", self._report)
        app.router.add_post("/_bench", self._settle)
        app.router.add_post("/_bench/seed", self._seed)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        target = request.headers.get("X-Amz-Target")
        try:
            return await (self._serve_json(request, target) if target else self._serve_s3(request))
        except AwsError as error:
            return _error(error, is_json=target is not None)

    async def _serve_json(self, request: web.Request, target: str) -> web.Response:
        operation = target.rpartition(".")[2]
        self._counts[operation] += 1
        serve = self._json.get(operation)
        if serve is None:
            raise AwsError("UnknownOperationException", f"The stand-in does not know {operation}")
        call = json.loads(await request.read())
        await self._half_way()
        try:
            answer = serve(call)
            if asyncio.iscoroutine(answer):
                answer = await answer
        finally:
            await self._half_way()
        if operation == "SendMessage":
            self._sent[call["MessageGroupId"]] = time.monotonic()
        return web.Response(
            text=json.dumps(answer, separators=(",", ":")), content_type="application/x-amz-json-1.0"
        )

    async def _serve_s3(self, request: web.Request) -> web.StreamResponse:
        operation, serve = s3.operation(request)
        self._counts[operation] += 1
        await self._half_way()
        await self._half_way()
        return await serve(self._buckets, request)

    async def _half_way(self) -> None:
        if self._round_trip_seconds:
            await asyncio.sleep(self._round_trip_seconds / 2)

    async def _report(self, request: web.Request) -> web.Response:
        name = request.query.get("queue")
        return web.json_response(
            {
                "counts": self._counts,
                "sent": self._sent,
                "messages": self._queues.named(name).size if name else None,
            }
        )

    async def _settle(self, request: web.Request) -> web.Response:
        """Set the round-trip time and what is kept of bodies, and begin to count anew."""
        settings = await request.json()
        self._round_trip_seconds = settings.get("round_trip_seconds", self._round_trip_seconds)
        self._bodies.keep_bytes = settings.get("keep_bytes", self._bodies.keep_bytes)
        self._counts.clear()
        self._sent.clear()
        return web.json_response({})

    async def _seed(self, request: web.Request) -> web.Response:
        """Put items, objects and messages in place without a call that counts."""
        seed = await request.json()
        for path, text in seed["objects"].items():
            self._buckets.put(path, Object(len(text), text.encode(), "application/json"))
        for item in seed["items"]:
            self._tables.put_item({"TableName": seed["table"], "Item": item})
        for message in seed["messages"]:
            self._queues.named(seed["queue"]).send(message)
        return web.json_response({})


def _error(error: AwsError, *, is_json: bool) -> web.Response:
    if is_json:
        shown = {"Item": error.item} if error.item else {}
        body = {"__type": f"com.amazonaws#{error.code}", "message": str(error), **shown}
        return web.json_response(body, status=error.status)
    text = f"<Error><Code>{error.code}</Code><Message>{error}</Message></Error>"
    return web.Response(status=HTTPStatus(error.status), text=text, content_type="application/xml")


def main() -> None:
    """Serve on 127.0.0.1 until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.standin", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    standin = Standin(f"http://127.0.0.1:{port}")
    web.run_app(standin.app(), host="127.0.0.1", port=port, print=None, access_log=None)
