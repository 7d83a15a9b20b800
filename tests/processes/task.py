"""A task without ECS: a real dequeuer, and around it AWS, container and agent that do what a test says."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from bench.requests import queued
from bench.standin.server import Standin
from localstack.emulator import free_port
from penstock import names
from penstock.aws import items
from penstock.messages import Message
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from penstock.records import RequestRecord

API = "a"
DEPLOYMENT = "test"
TABLE, BUCKET = names.table(DEPLOYMENT), "bucket"
QUEUE = names.queue(DEPLOYMENT, API)

#: Answers of a store that fails, by what the SDK makes of them.
JSON_ERRORS = {
    "throttled": (400, "ThrottlingException"),
    "down": (503, "ServiceUnavailable"),
}
S3_ERRORS = {"throttled": (503, "SlowDown"), "down": (500, "InternalError")}


@asynccontextmanager
async def listening(app: web.Application, port: int = 0) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Cloud:
    """The bench's stand-in for AWS, with faults by operation: for so many calls, or until cleared.

    ``lost`` carries a call out and loses the answer, if it is the SDK's first try of it.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.faults: dict[str, tuple[str, int]] = {}
        self.calls: Counter[str] = Counter()
        self._hung = asyncio.Event()

    def app(self) -> web.Application:
        app = Standin(self.url).app()
        app.middlewares.append(self._failing)
        return app

    @web.middleware
    async def _failing(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.startswith("/_bench"):
            return await handler(request)
        target = request.headers.get("X-Amz-Target")
        operation = target.rpartition(".")[2] if target else f"S3 {request.method}"
        self.calls[operation] += 1
        kind, left = self.faults.get(operation, ("", 0))
        if kind == "lost":
            answer = await handler(request)
            if "attempt=1" not in request.headers["amz-sdk-request"]:
                return answer
            return self._error("down", json_protocol=target is not None)
        if not left:
            return await handler(request)
        self.faults[operation] = kind, left - 1
        if kind == "hanging":
            await self._hung.wait()
        return self._error(kind, json_protocol=target is not None)

    def _error(self, kind: str, *, json_protocol: bool) -> web.Response:
        if json_protocol:
            status, code = JSON_ERRORS[kind]
            return web.json_response({"__type": f"aws#{code}", "message": code}, status=status)
        status, code = S3_ERRORS[kind]
        text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        return web.Response(status=status, text=text, content_type="application/xml")


class Server:
    """The user's container: answers as soon as its gate is open."""

    def __init__(self) -> None:
        self.port = free_port()
        self.gate = asyncio.Event()
        self.gate.set()
        self.received: list[str] = []
        #: What the next looks at its life are answered, and how many there were.
        self.alive: Iterator[int] = itertools.repeat(200)
        self.looks = 0
        self.traces: list[str | None] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/", self._serve)
        app.router.add_get("/alive", self._live)
        return app

    async def _live(self, _request: web.Request) -> web.Response:
        self.looks += 1
        return web.Response(status=next(self.alive))

    async def _serve(self, request: web.Request) -> web.Response:
        self.received.append(request.headers["X-Penstock-Request-ID"])
        self.traces.append(request.headers.get("traceparent"))
        await request.read()
        await self.gate.wait()
        return web.Response(text="done")


class Agent:
    """The ECS agent's endpoint for task protection."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        #: What it answers instead of granting.
        self.refusal: tuple[int, str] | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_put("/api/x/task-protection/v1/state", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/json"
        self.told.append(await request.json())
        if self.refusal:
            status, text = self.refusal
            return web.Response(status=status, text=text)
        enabled = self.told[-1]["ProtectionEnabled"]
        return web.json_response({"protection": {"ProtectionEnabled": enabled, "TaskArn": "arn"}})


class Task:
    """All of it together."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.cloud, self.server, self.agent = Cloud(), Server(), Agent()
        self._folder = folder
        self._stack = stack
        self._process: subprocess.Popen[bytes] | None = None
        self._http: aiohttp.ClientSession

    async def begin(self) -> None:
        """AWS and the agent are there; container and dequeuer are started by the test."""
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        await self._stack.enter_async_context(listening(self.cloud.app(), self.cloud.port))
        self._agent_port = await self._stack.enter_async_context(listening(self.agent.app()))
        tables = {"TableName": TABLE}
        await self._call("DynamoDB_20120810.CreateTable", tables)
        await self._call(
            "AmazonSQS.CreateQueue", {"QueueName": QUEUE, "Attributes": {"VisibilityTimeout": "30"}}
        )

    async def start_server(self, stack: AsyncExitStack | None = None) -> None:
        """It ends with the stack, or else with the test."""
        serving = listening(self.server.app(), self.server.port)
        await (stack or self._stack).enter_async_context(serving)

    def start_dequeuer(self, **settings: object) -> None:
        values = {
            "deployment": "shop",
            "api": API,
            "table": TABLE,
            "bucket": BUCKET,
            "queue_url": f"{self.cloud.url}/000000000000/{QUEUE}",
            "dead_letter_url": f"{self.cloud.url}/000000000000/dlq.fifo",
            "port": self.server.port,
            "timeout_seconds": 60,
            "retention_seconds": 3600,
            "poll_seconds": 1,
            "health_port": 0,
            **settings,
        }
        environment = {
            **os.environ,
            **{f"PENSTOCK_{name.upper()}": str(value) for name, value in values.items()},
            "AWS_ENDPOINT_URL": self.cloud.url,
            "ECS_AGENT_URI": f"http://127.0.0.1:{self._agent_port}/api/x",
        }
        command = [sys.executable, "-m", "dequeuer"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._stack.callback(self._end)

    def _end(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def _log(self) -> Path:
        return self._folder / "dequeuer.log"

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def logged(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line.get("message") == message]

    async def started(self) -> None:
        await self.until(lambda: self.logged("started"), "the dequeuer starts")

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def exit_code(self, *, within_seconds: float) -> int:
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, within_seconds)

    @property
    def health_port(self) -> int:
        return int(self.logged("started")[0]["health_port"])

    async def health(self, path: str = "/healthz") -> tuple[int, list[str]]:
        async with self._http.get(f"http://127.0.0.1:{self.health_port}{path}") as answer:
            return answer.status, [cause["code"] for cause in (await answer.json())["causes"]]

    async def healthy(self, *causes: str, within_seconds: float = 20) -> None:
        """Wait until exactly these causes are told; none means that all is well."""
        deadline = time.monotonic() + within_seconds
        while (told := await self.health()) != (503 if causes else 200, [*causes]):
            assert time.monotonic() < deadline, f"healthz still tells {told}"
            await asyncio.sleep(0.05)

    async def submit(self, count: int = 1) -> list[RequestRecord]:
        records = [queued(API, size_bytes=5) for _ in range(count)]
        seed = {
            "table": TABLE,
            "queue": QUEUE,
            "items": [items.encode(record) for record in records],
            "messages": [
                {
                    "MessageBody": Message(record.key).encode(),
                    "MessageGroupId": record.id,
                    "MessageDeduplicationId": record.id,
                }
                for record in records
            ],
            "objects": {},
        }
        async with self._http.post(f"{self.cloud.url}/_bench/seed", json=seed) as answer:
            answer.raise_for_status()
        return records

    async def now(self, record: RequestRecord) -> RequestRecord:
        call = {"TableName": TABLE, "Key": items.key_item(record.key), "ConsistentRead": True}
        return items.decode((await self._call("DynamoDB_20120810.GetItem", call))["Item"])

    async def finished(
        self, records: list[RequestRecord], *, within_seconds: float = 20
    ) -> list[RequestRecord]:
        deadline = time.monotonic() + within_seconds
        while True:
            found = [await self.now(record) for record in records]
            if all(record.status.terminal for record in found):
                return found
            assert time.monotonic() < deadline, f"still {[record.status for record in found]}"
            await asyncio.sleep(0.05)

    async def until(self, condition: Callable[[], Any], what: str, *, within_seconds: float = 20) -> None:
        deadline = time.monotonic() + within_seconds
        while not condition():
            assert time.monotonic() < deadline, (
                f"{what}: not within {within_seconds} s\n{self._log.read_text()}"
            )
            await asyncio.sleep(0.02)

    async def _call(self, target: str, body: dict[str, Any]) -> Any:
        async with self._http.post(self.cloud.url, json=body, headers={"X-Amz-Target": target}) as answer:
            answer.raise_for_status()
            return json.loads(await answer.text())
