"""One schedule: a world is made from a seed, run with faults, then without, and judged."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from dequeuer.settings import Settings
from tests.simulation.clients import Clients
from tests.simulation.complaints import complaints_of
from tests.simulation.gateway import API, FrontDoor
from tests.simulation.loop import VirtualLoop
from tests.simulation.plant import Sound
from tests.simulation.rules import Broken
from tests.simulation.watchers import SWEEP_SECONDS, Watchers
from tests.simulation.workers import Fleet
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.coverage import Coverage
    from tests.simulation.ground import Ground

#: Faults happen for so long, or until the first one did.
_FAULTY_SECONDS = (60, 300)
#: How long it may take until everything has come right once faults have stopped: the longest pause
#: after an outage, waits, leases and runs of all attempts, one after the other.
_PATIENCE_SECONDS = 3600
_LOOK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a schedule."""

    seed: int
    #: None if every rule held.
    failure: str | None
    trace: str
    coverage: Coverage
    faults: int


def run(seed: int, *, plant: Sound | None = None, tracing: bool = False) -> Verdict:
    """Run one schedule; the same seed gives the same one, to the letter."""
    loop = VirtualLoop(Random(f"ties {seed}"))
    plant = plant or Sound()
    world = World(seed, loop, plant=plant, max_attempts=API.max_attempts, tracing=tracing)
    failures: list[str] = []
    with complaints_of(loop) as complaints, world.mint.in_place(), plant.in_place(world.mint):
        try:
            loop.run_until_complete(_live(world))
        except* Exception as error:  # noqa: BLE001 - whatever it is, the seed is told with it
            failures = list(told(error))
        failures += complaints
        loop.run_until_complete(bury(world, loop))
        loop.close()
    failure = "\n".join(failures) or None
    return Verdict(seed, failure, str(world.trace), world.coverage, world.faults.hits)


def told(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from told(part)
    elif isinstance(error, Broken):
        yield str(error)
    else:
        yield "".join(traceback.format_exception(error))


async def _live(world: World) -> None:
    rng = world.rng
    settings = Settings(
        deployment="",
        api=API.name,
        table="",
        bucket="",
        queue_url="",
        dead_letter_url="",
        port=8080,
        timeout_seconds=API.timeout_seconds,
        retention_seconds=API.retention_seconds,
        max_attempts=API.max_attempts,
        max_concurrency=rng.choice((1, 2, 5)),
        drain_seconds=rng.choice((10, 100)),
    )
    fleet = Fleet(world, settings, size=rng.randint(1, 3))
    watchers = Watchers(world)
    clients = Clients(world, FrontDoor(world), count=rng.randint(1, 4))
    world.trace.note("world", f"outage: {world.faults.outage}")
    async with asyncio.TaskGroup() as group:
        endless = (fleet.run(), watchers.sweep(), watchers.record(), _watch(world))
        tasks = [group.create_task(coroutine) for coroutine in endless]
        calling = group.create_task(clients.run())
        await _settle(world, calling)
        for task in tasks:
            task.cancel()


async def _watch(world: World) -> None:
    """End everything as soon as a service meets a broken rule."""
    await world.network.broken


async def _settle(world: World, calling: asyncio.Task[None]) -> None:
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(world.rng.uniform(*_FAULTY_SECONDS))
    while not world.faults.hits:  # noqa: ASYNC110 - the condition is the state of a plain object
        await asyncio.sleep(_LOOK_SECONDS)
    world.trace.note("world", "no faults from here on")
    world.faults.end()
    patience_ends = clock() + _PATIENCE_SECONDS
    # What was due when faults stopped, the sweeper has seen by then.
    await asyncio.sleep(2 * SWEEP_SECONDS)
    while not (calling.done() and not world.keeping.open()):
        if clock() > patience_ends:
            raise Broken("\n".join(["never came to rest:", *world.keeping.open()]))
        await asyncio.sleep(_LOOK_SECONDS)
    world.keeping.at_rest(world.network.touched)


async def bury(world: Ground, loop: VirtualLoop) -> None:
    """Let every coroutine end, those of the dead as well: nothing that they do counts any more."""
    world.network.close()
    for process in world.processes:
        loop.resume(process)
    me = asyncio.current_task()
    while tasks := [task for task in asyncio.all_tasks() if task is not me]:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()
