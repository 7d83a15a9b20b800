"""Traces leave the dequeuer as OTLP over HTTP, and a collector that fails costs nothing."""

from __future__ import annotations

import gzip
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from penstock.records import Status
from tests.processes.task import Task, listening


class Collector:
    """Takes OTLP as JSON, and answers as told."""

    def __init__(self) -> None:
        self.status = 200
        self.spans: list[dict[str, Any]] = []
        self.headers: list[str | None] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/traces", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        sent = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        self.headers.append(request.headers.get("X-Tenant"))
        if self.status == 200:
            for resource in sent["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    self.spans += scope["spans"]
        return web.json_response({}, status=self.status)


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


async def run_one(stack: AsyncExitStack, task: Task, collector: Collector) -> None:
    port = await stack.enter_async_context(listening(collector.app()))
    await task.begin()
    await task.start_server()
    [record] = await task.submit()
    task.start_dequeuer(traces_endpoint=f"http://127.0.0.1:{port}", traces_headers="x-tenant=acme, y=z")
    [done] = await task.finished([record])
    assert (done.status, done.attempt) == (Status.COMPLETED, 1)
    task.signal()
    assert await task.exit_code(within_seconds=20) == 0


async def test_spans_are_sent_before_the_process_ends(stack, tmp_path):
    collector, task = Collector(), Task(tmp_path, stack)
    await run_one(stack, task, collector)

    spans = {span["name"]: span for span in collector.spans}
    assert set(spans) == {"process", "call"}
    assert spans["call"]["traceId"] == spans["process"]["traceId"]
    assert spans["call"]["parentSpanId"] == spans["process"]["spanId"]
    assert set(collector.headers) == {"acme"}
    (given,) = task.server.traces
    assert given is not None
    assert given.startswith(f"00-{spans['call']['traceId']}-{spans['call']['spanId']}-")


async def test_a_collector_that_fails_costs_neither_an_attempt_nor_a_clean_end(stack, tmp_path):
    collector, task = Collector(), Task(tmp_path, stack)
    collector.status = 503
    await run_one(stack, task, collector)

    assert collector.headers
