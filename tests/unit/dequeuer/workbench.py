"""Attempts on in-memory stores, with a container that does what a test says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from dequeuer.attempt import Attempts
from dequeuer.breaker import Breaker
from dequeuer.cleanup import Cleaner
from dequeuer.container import Container, Outgoing, Response
from dequeuer.lease import Heartbeat
from dequeuer.outages import Outages
from dequeuer.run import Ports
from dequeuer.settings import Settings
from dequeuer.telemetry import Telemetry
from dequeuer.watched import WatchedLedger, WatchedStreams
from penstock.messages import Message
from penstock.ports import DependencyError
from penstock.testing import (
    MemoryLedger,
    MemoryObjects,
    MemoryOutbox,
    MemoryQueue,
    MemoryRecords,
    MemorySource,
    MemoryStreams,
)
from penstock.tracing.ports import OFF, Tracer
from tests.examples import KEY, record
from tests.unit.dequeuer.manual_time import ManualTime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from penstock.records import RequestRecord

SETTINGS = Settings(
    deployment="shop",
    api="word-count",
    table="t",
    bucket="b",
    queue_url="q",
    dead_letter_url="dlq",
    port=8080,
    timeout_seconds=60,
    retention_seconds=600,
    poll_seconds=0,
)


class ScriptedContainer:
    """Answers as told; ``act`` may wait, change the world, or raise."""

    def __init__(self) -> None:
        self.status = 200
        self.headers = {"content-type": "text/plain"}
        self.body = b"result"
        self.act: Callable[[], Awaitable[object]] | None = None
        self.received: list[bytes] = []
        self.called: list[RequestRecord] = []
        self.outgoing: list[Outgoing] = []
        self.aborted = 0

    @asynccontextmanager
    async def call(self, record: RequestRecord, payload: Any) -> AsyncIterator[Response]:
        self.called.append(record)
        async with self._answer(payload) as response:
            yield response

    @asynccontextmanager
    async def send(self, outgoing: Outgoing, payload: Any) -> AsyncIterator[Response]:
        self.outgoing.append(outgoing)
        async with self._answer(payload) as response:
            yield response

    @asynccontextmanager
    async def _answer(self, payload: Any) -> AsyncIterator[Response]:
        self.received.append(b"".join([chunk async for chunk in payload.chunks]))
        try:
            if self.act is not None:
                await self.act()
        except asyncio.CancelledError:
            self.aborted += 1
            raise
        yield Response(self.status, self.headers, self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield self.body


class Failing:
    """A port whose next calls of a method fail: ``before`` or ``after`` taking effect."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self.before: dict[str, int] = {}
        self.after: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._whole, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._due(self.before, name, args):
                raise DependencyError(f"{name} failed")
            answer = await method(*args, **kwargs)
            if self._due(self.after, name, args):
                raise DependencyError(f"answer of {name} lost")
            return answer

        return call

    def _due(self, table: dict[str, int], name: str, args: tuple[Any, ...]) -> bool:
        # A transition is a method of its own here: "apply:complete".
        if name == "apply":
            name = f"apply:{args[1].move}"
        if table.get(name, 0) <= 0:
            return False
        table[name] -= 1
        return True


@dataclass
class Workbench:
    clock: ManualTime = field(default_factory=ManualTime)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    container: ScriptedContainer = field(default_factory=ScriptedContainer)
    settings: Settings = SETTINGS
    tracer: Tracer = OFF

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(self.clock)
        source = MemorySource(self.queue)
        self.dead_letters = source.dead_letters
        self.source = Failing(source)
        self.ledger = Failing(MemoryLedger(self.records))
        self.streams = MemoryStreams(self.objects)
        self.outages = outages_on(self.clock)
        self.out_of_time = asyncio.Event()
        self.doubted = asyncio.Event()
        self.beats = asyncio.Semaphore(0)
        #: What the heartbeat waited for, in seconds.
        self.beat_waits: list[float] = []
        self.cleaner = Cleaner(source=cast("Any", self.source), streams=self.streams)
        self.attempts = Attempts(self.settings, self._ports(), out_of_time=self.out_of_time)

    def _ports(self) -> Ports:
        ledger = WatchedLedger(cast("Any", self.ledger), self.outages)
        heartbeat = Heartbeat(
            ledger=ledger,
            source=cast("Any", self.source),
            clock=self.clock,
            lease_seconds=self.settings.lease_seconds,
            sleep=self._until_beat,
        )
        return Ports(
            ledger=ledger,
            source=cast("Any", self.source),
            streams=WatchedStreams(self.streams, self.outages),
            container=cast("Container", self.container),
            cleaner=self.cleaner,
            heartbeat=heartbeat,
            telemetry=Telemetry(deployment="shop", api="word-count"),
            clock=self.clock,
            chance=lambda: 0.5,
            on_unreachable=self.doubted.set,
            tracer=self.tracer,
        )

    async def _until_beat(self, seconds: float) -> None:
        self.beat_waits.append(seconds)
        await self.beats.acquire()

    def submit(self, body: bytes = b"hello", **changes: Any) -> None:
        made = record(**changes)
        self.records.rows[made.key] = made
        self.objects.bodies[made.payload.key] = body
        MemoryOutbox(self.queue).send(Message(made.key))

    async def deliver(self) -> None:
        """Receive once and handle to the end, deletions included."""
        (delivery,) = self.queue.take(1)
        await self.attempts.handle(delivery)
        await self.cleaner.flush()

    @property
    def now(self):
        return self.records.rows[KEY]

    @property
    def results(self) -> dict[str, bytes]:
        return {key: body for key, body in self.objects.bodies.items() if key.startswith("results/")}

    @property
    def payloads(self) -> dict[str, bytes]:
        return {key: body for key, body in self.objects.bodies.items() if key.startswith("payloads/")}


def outages_on(time: ManualTime) -> Outages:
    breaker = Breaker(clock=time, chance=lambda: 0.0)
    return Outages(
        breaker, telemetry=Telemetry(deployment="shop", api="word-count"), clock=time, sleep=time.sleep
    )


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is the state of plain objects
            await asyncio.sleep(0)
