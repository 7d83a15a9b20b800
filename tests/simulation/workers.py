"""Dequeuers: the real loop, claims, attempts, heartbeat and cleaner in a process that may die."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from dequeuer.breaker import Breaker
from dequeuer.cleanup import Cleaner
from dequeuer.ecs_agent import NotProtected
from dequeuer.lease import Heartbeat
from dequeuer.outages import Outages
from dequeuer.protect import Protection
from dequeuer.run import Ports
from dequeuer.shell import run_beside
from dequeuer.shift import Shift
from dequeuer.watched import WatchedLedger, WatchedStreams
from dequeuer.worker import Worker
from tests.simulation.container import Container
from tests.simulation.ports import Ledger, Source, Streams

if TYPE_CHECKING:
    from random import Random

    from dequeuer.settings import Settings
    from penstock.records import RequestRecord
    from tests.simulation.loop import Process
    from tests.simulation.world import World

#: ECS kills a task that long after its SIGTERM.
STOP_TIMEOUT_SECONDS = 120
_LONGEST_START_SECONDS = 20
#: How long a container that refused a connection stays unready.
_LONGEST_DOUBT_SECONDS = 30
_LONGEST_AGENT_SECONDS = 5
_REFUSAL_RATE = 0.2
#: What may happen to a worker between two of its instructions, and how likely it is.
_STOP, _KILL, _FREEZE, _NOTHING = "stop", "kill", "freeze", "nothing"
_FATES = {_STOP: 2, _KILL: 1, _FREEZE: 3, _NOTHING: 4}
_LONGEST_PEACE_SECONDS = 80


class Unmeasured:
    """Metrics that nobody reads."""

    def started(self, record: RequestRecord) -> None:
        """See ``Telemetry``."""

    def retried(self) -> None:
        """See ``Telemetry``."""

    def paused(self, store: str) -> None:
        """See ``Telemetry``."""

    def resumed(self, paused_ms: int) -> None:
        """See ``Telemetry``."""

    def lost(self) -> None:
        """See ``Telemetry``."""


class Doubtful:
    """The readiness of a container: a refused connection makes it unready for a while."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._ready = asyncio.Event()
        self._ready.set()

    async def wait(self) -> None:
        """See ``Readiness.wait``."""
        await self._ready.wait()

    def doubt(self) -> None:
        """See ``Readiness.doubt``."""
        self._ready.clear()
        seconds = self._rng.random() * _LONGEST_DOUBT_SECONDS
        asyncio.get_running_loop().call_later(seconds, self._ready.set)


class Agent:
    """The ECS agent: what it does to the task does not matter here, that it is asked does."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    async def protect(self, *, minutes: int) -> None:
        """See ``TaskAgent.protect``."""
        await self._answer(f"for {minutes} minutes")

    async def expose(self) -> None:
        """See ``TaskAgent.expose``."""
        await self._answer("no more")

    async def _answer(self, what: str) -> None:
        await asyncio.sleep(self._rng.random() * _LONGEST_AGENT_SECONDS)
        if self._rng.random() < _REFUSAL_RATE:
            raise NotProtected(what)


class Dequeuer:
    """Put together as ``dequeuer.main`` does it."""

    def __init__(self, world: World, process: Process, settings: Settings) -> None:
        telemetry, out_of_time = cast("Any", Unmeasured()), asyncio.Event()
        outages = Outages(
            Breaker(clock=world.now_ms, chance=world.rng.random), telemetry=telemetry, clock=world.now_ms
        )
        readiness = Doubtful(world.rng)
        ports = _ports(world, process, settings, outages, readiness)
        self.cleaner = ports.cleaner
        self.protection = Protection(
            cast("Any", Agent(world.rng)),
            Shift(clock=world.now_ms, slots=settings.max_concurrency),
            clock=world.now_ms,
        )
        self.worker = Worker(
            settings,
            source=ports.source,
            handler=world.plant.attempts(settings, ports, out_of_time=out_of_time),
            readiness=cast("Any", readiness),
            outages=outages,
            protection=self.protection,
            out_of_time=out_of_time,
            clock=world.now_ms,
        )

    async def serve(self) -> None:
        """Work until stopped."""
        await run_beside(self.worker.run(), self.cleaner.run(), self.protection.run())
        await self.cleaner.flush()


def _source(world: World) -> Source:
    return Source(world.network, world.queue, dead_letters=world.dead_letters)


def _ports(
    world: World, process: Process, settings: Settings, outages: Outages, readiness: Doubtful
) -> Ports:
    clock, source = world.clock_of(process), _source(world)
    ledger = WatchedLedger(Ledger(world.network, world.records), outages)
    streams = WatchedStreams(Streams(world.network, world.objects), outages)
    return Ports(
        ledger=ledger,
        source=source,
        streams=streams,
        container=cast("Any", Container(world, process, settings)),
        cleaner=Cleaner(source=source, streams=streams),
        heartbeat=Heartbeat(ledger=ledger, source=source, clock=clock, lease_seconds=settings.lease_seconds),
        telemetry=cast("Any", Unmeasured()),
        clock=clock,
        chance=world.rng.random,
        on_unreachable=readiness.doubt,
    )


class Fleet:
    """Keeps so many workers; replaces those that died or were told to go."""

    def __init__(self, world: World, settings: Settings, *, size: int) -> None:
        self._world = world
        self._settings = settings
        self._size = size

    async def run(self) -> None:
        """Until the world ends."""
        async with asyncio.TaskGroup() as group:
            for place in range(self._size):
                group.create_task(self._fill(place))

    async def _fill(self, place: int) -> None:
        world, generation = self._world, 0
        while True:
            generation += 1
            await self._live(world.process(f"worker-{place}.{generation}", "worker"))
            await asyncio.sleep(world.rng.random() * _LONGEST_START_SECONDS)

    async def _live(self, process: Process) -> None:
        world, gone = self._world, asyncio.Event()
        process.on_death.append(gone.set)
        dequeuer = Dequeuer(world, process, self._settings)
        work = process.spawn(dequeuer.serve())
        work.add_done_callback(lambda _: gone.set())
        fate = asyncio.create_task(self._meet(process, dequeuer))
        await gone.wait()
        fate.cancel()
        if process.alive:
            work.result()

    async def _meet(self, process: Process, dequeuer: Dequeuer) -> None:
        """Have it meet one fate or none every now and then, until it is gone."""
        world = self._world
        while True:
            await asyncio.sleep(world.rng.random() * _LONGEST_PEACE_SECONDS)
            if world.faults.ended:
                return
            (fate,) = world.rng.choices(list(_FATES), list(_FATES.values()))
            if fate == _FREEZE:
                world.network.freeze(process, world.faults.freeze_seconds())
            elif fate == _KILL:
                world.network.kill(process)
            elif fate == _STOP:
                world.trace.note(process.name, "gets SIGTERM")
                dequeuer.worker.stop()
                await asyncio.sleep(STOP_TIMEOUT_SECONDS)
                world.network.kill(process)
