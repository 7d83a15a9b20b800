"""A worker through an outage of each store, on memory stores and a clock that a test moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dequeuer.breaker import Store
from dequeuer.protect import Protection
from dequeuer.shift import Shift
from dequeuer.worker import Worker
from penstock import keys
from penstock.ports import DependencyError
from penstock.records import PayloadRef, RequestKey, Status
from penstock.testing import MemoryObjects, MemorySource
from tests.unit.dequeuer.workbench import SETTINGS, Workbench

REQUESTS = 30
#: What a worker may do in an hour's outage: one probe each half minute, and the first few.
PROBES_AN_HOUR = 130


class Flaky(MemoryObjects):
    """A bucket that can be down for reading or for writing."""

    def __init__(self) -> None:
        super().__init__()
        self.down: set[str] = set()

    def body(self, key, *, bucket):
        if ("read" if bucket is None else "foreign") in self.down:
            raise DependencyError("SlowDown")
        return super().body(key, bucket=bucket)

    def put(self, key, body, *, content_type):
        if "write" in self.down:
            raise DependencyError("SlowDown")
        super().put(key, body, content_type=content_type)


class Polling(MemorySource):
    """A long poll of a second on the test's clock."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench.queue)
        self._time = bench.clock
        self.down = False
        self.calls = 0
        self.limits: list[int] = []

    async def receive(self, *, limit, wait_seconds):
        self.calls += 1
        self.limits.append(limit)
        if self.down:
            raise DependencyError("ServiceUnavailable")
        deliveries = await super().receive(limit=limit, wait_seconds=0)
        if not deliveries:
            await self._time.sleep(1)
        return deliveries


class Ready:
    async def wait(self) -> None:
        return


class Scene:
    """A worker of four slots with thirty requests before it."""

    def __init__(self) -> None:
        self.objects = Flaky()
        self.bench = Workbench(objects=self.objects, settings=replace(SETTINGS, max_concurrency=4))
        self.time = self.bench.clock
        self.source = Polling(self.bench)
        self.handled = 0
        self.worker = Worker(
            self.bench.settings,
            source=self.source,
            handler=self,  # type: ignore[arg-type]  # its one method
            readiness=Ready(),  # type: ignore[arg-type]  # its one method
            outages=self.bench.outages,
            protection=Protection(None, Shift(clock=self.time, slots=4), clock=self.time),
            out_of_time=self.bench.out_of_time,
            clock=self.time,
        )

    async def handle(self, delivery) -> None:
        self.handled += 1
        await self.bench.attempts.handle(delivery)

    def submit(self, count: int = REQUESTS, *, first: int = 0, **changes: Any) -> None:
        for number in range(first, first + count):
            serial = f"{number:02d}".translate(str.maketrans("0123456789", "abcdefghij"))
            key = RequestKey(api="word-count", id="b" * 24 + serial)
            own = {"payload": PayloadRef(key=keys.payload(key, nonce="n"), size_bytes=5)}
            self.bench.submit(id=key.id, **{**own, **changes})

    @property
    def statuses(self) -> set[Status]:
        return {row.status for row in self.bench.records.rows.values()}


@pytest.fixture
async def scene():
    scene = Scene()
    running = asyncio.create_task(scene.worker.run())
    yield scene
    scene.worker.stop()
    await scene.time.goes_on(2)
    await running


async def test_an_hours_outage_of_the_bucket_costs_few_claims_and_then_all_is_done(scene, caplog):
    scene.objects.down.add("read")
    scene.submit()
    with caplog.at_level("INFO"):
        await scene.time.goes_on(3600)
        assert scene.bench.outages.suspects == [Store.PAYLOADS]
        assert scene.handled < PROBES_AN_HOUR
        scene.objects.down.clear()
        # The longest pause of the breaker, and the longest of a request.
        await scene.time.goes_on(30 + 300)
    assert scene.statuses == {Status.COMPLETED}
    assert {row.attempt for row in scene.bench.records.rows.values()} == {1}
    assert [text for text in caplog.messages if text.startswith("receiving")] == [
        "receiving paused",
        "receiving again",
    ]


async def test_results_that_cannot_be_stored_pause_receiving_though_payloads_can_be_read(scene):
    scene.objects.down.add("write")
    scene.submit()
    await scene.time.goes_on(3600)
    assert scene.bench.outages.suspects == [Store.RESULTS]
    assert len(scene.bench.container.received) < PROBES_AN_HOUR
    scene.objects.down.clear()
    await scene.time.goes_on(30 + 300)
    assert scene.statuses == {Status.COMPLETED}


async def test_an_outage_of_the_table_claims_nothing_and_costs_no_attempt(scene):
    scene.bench.ledger.before["apply:claim"] = 10**6
    scene.submit()
    await scene.time.goes_on(3600)
    assert scene.bench.outages.suspects == [Store.TABLE]
    assert scene.handled < PROBES_AN_HOUR
    assert {(row.status, row.releases) for row in scene.bench.records.rows.values()} == {(Status.IN_QUEUE, 0)}
    scene.bench.ledger.before.clear()
    await scene.time.goes_on(60)
    assert scene.statuses == {Status.COMPLETED}


async def test_an_outage_of_the_queue_is_no_hot_loop(scene):
    scene.source.down = True
    await scene.time.goes_on(3600)
    assert scene.source.calls < PROBES_AN_HOUR
    scene.source.down = False
    scene.submit()
    await scene.time.goes_on(31)
    assert scene.statuses == {Status.COMPLETED}


async def test_requests_are_sent_into_an_outage_one_at_a_time(scene):
    scene.objects.down.add("read")
    scene.submit()
    await scene.time.goes_on(60)
    begun = scene.handled
    scene.source.limits.clear()
    await scene.time.goes_on(300)
    assert set(scene.source.limits) == {1}
    assert scene.handled - begun <= 11


async def test_no_second_request_follows_a_probe_that_still_runs(scene):
    scene.objects.down.add("write")
    scene.submit()
    await scene.time.goes_on(60)
    gate = asyncio.Event()
    scene.bench.container.act = gate.wait
    before = len(scene.bench.container.received)
    await scene.time.goes_on(600)
    assert len(scene.bench.container.received) == before + 1
    scene.objects.down.clear()
    gate.set()
    await scene.time.goes_on(300)
    assert scene.statuses == {Status.COMPLETED}


async def test_work_that_goes_on_and_finds_the_store_well_ends_the_pause_at_once(scene):
    gate = asyncio.Event()
    scene.bench.container.act = gate.wait
    scene.submit(1)
    await scene.time.goes_on(2)
    scene.bench.container.act = None
    scene.objects.down.add("write")
    scene.submit(3, first=1)
    await scene.time.goes_on(40)
    assert scene.bench.outages.suspects == [Store.RESULTS]
    calls = scene.source.calls
    scene.objects.down.clear()
    gate.set()
    await scene.time.goes_on(0)
    assert scene.bench.outages.suspects == []
    assert scene.source.calls > calls


async def test_a_users_bucket_that_fails_keeps_nobody_else_waiting(scene):
    scene.objects.down.add("foreign")
    for number in range(20):
        clip = PayloadRef(key=f"clips/{number}/clip.mp4", size_bytes=5, bucket="theirs", etag='"1"')
        scene.submit(1, first=number, payload=clip)
    await scene.time.goes_on(600)
    assert scene.bench.outages.suspects == []
    scene.submit(1, first=20)
    await scene.time.goes_on(2)
    assert Status.COMPLETED in scene.statuses


async def test_one_request_whose_result_cannot_be_stored_keeps_nobody_else_waiting(scene):
    scene.objects.down.add("write")
    scene.submit(1)
    await scene.time.goes_on(3600)
    assert len(scene.bench.container.received) > 10
    assert scene.bench.outages.suspects == []


async def test_a_stop_during_the_pause_is_not_kept_waiting(scene):
    scene.source.down = True
    await scene.time.goes_on(300)
    calls = scene.source.calls
    scene.worker.stop()
    await scene.time.goes_on(0)
    assert scene.source.calls == calls
    assert scene.worker.stopping_since_ms == scene.time()


async def test_each_opening_is_counted(scene, capsys):
    scene.source.down = True
    await scene.time.goes_on(3.5)
    lines = [line for line in capsys.readouterr().out.splitlines() if '"ReceivingPaused"' in line]
    assert len(lines) == 3
    assert all('"store":"queue"' in line.replace(" ", "") for line in lines)
    scene.source.down = False
    await scene.time.goes_on(10)
    assert '"Outage"' in capsys.readouterr().out
