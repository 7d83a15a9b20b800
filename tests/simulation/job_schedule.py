"""One schedule of a job: a world is made from a seed, run with faults, then without, and judged."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any
from unittest import mock

from batch_lambda import sending
from penstock import keys
from penstock.batch import messages, planning
from penstock.batch.jobs import JobStatus
from tests.simulation.complaints import complaints_of
from tests.simulation.job_functions import Functions
from tests.simulation.job_plants import JobsAsTheyAre
from tests.simulation.job_workers import Cluster
from tests.simulation.job_world import KEY, JobWorld
from tests.simulation.loop import VirtualLoop
from tests.simulation.rules import Broken
from tests.simulation.schedule import Verdict, bury, told
from tests.simulation.states import Execution, StateFailed, definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Faults happen for so long, or until the job is over.
_FAULTY_SECONDS = (30, 900)
_PATIENCE_SECONDS = 2 * 3600
_LOOK_SECONDS = 2
_STOP_RATE = 0.15
_ABORT_RATE = 0.05
_LONGEST_CHANGE_OF_MIND_SECONDS = 120

#: So small that a few items make several chunks, and several messages' worth of calls; and some bodies
#: are too large for a message.
_CHUNK_BYTES = 12
_MOST_INLINE_BYTES = 6
_MOST_WAITING = 3


class _Tasks:
    def __init__(self, functions: Functions, cluster: Cluster) -> None:
        self.function = functions.function
        self.worker = cluster.worker


def run(seed: int, *, plant: JobsAsTheyAre | None = None, tracing: bool = False) -> Verdict:
    """Run one schedule; the same seed gives the same one, to the letter."""
    loop = VirtualLoop(Random(f"ties {seed}"))
    plant = plant or JobsAsTheyAre()
    world = JobWorld(seed, loop, jobs=plant.jobs(), parts=plant.parts(), tracing=tracing)
    failures: list[str] = []
    with complaints_of(loop) as complaints, world.mint.in_place(), _small(), plant.in_place():
        try:
            loop.run_until_complete(_live(world))
        except* Exception as error:  # noqa: BLE001 - whatever it is, the seed is told with it
            failures = list(told(error))
        failures += complaints
        loop.run_until_complete(bury(world, loop))
        loop.close()
    failure = "\n".join(failures) or None
    return Verdict(seed, failure, str(world.trace), world.coverage, world.faults.hits)


@contextmanager
def _small() -> Iterator[None]:
    with (
        mock.patch.object(planning, "CHUNK_BYTES", _CHUNK_BYTES),
        mock.patch.object(messages, "MOST_INLINE_BYTES", _MOST_INLINE_BYTES),
        mock.patch.object(sending, "_MOST_WAITING", _MOST_WAITING),
    ):
        yield


async def _live(world: JobWorld) -> None:
    functions = Functions(world)
    execution = Execution(
        _Tasks(functions, Cluster(world)), lines=lambda key: _lines(world, key), rng=world.rng
    )
    world.trace.note("world", f"{world.order}, outage: {world.faults.outage}")
    async with asyncio.TaskGroup() as group:
        course = group.create_task(_course(world, functions, execution))
        endless = (
            functions.keep_time(),
            functions.record(),
            _change_of_mind(world, functions),
            _watch(world),
        )
        tasks = [group.create_task(coroutine) for coroutine in endless]
        await _settle(world, course)
        for task in tasks:
            task.cancel()


async def _course(world: JobWorld, functions: Functions, execution: Execution) -> None:
    """The execution, and what its end brings about should it not be the regular one."""
    data: Mapping[str, Any] = {"api": KEY.api, "job": KEY.id}
    running = asyncio.ensure_future(execution.run(definition(), data))
    if world.rng.random() < _ABORT_RATE:
        await asyncio.wait([running], timeout=world.rng.random() * _LONGEST_CHANGE_OF_MIND_SECONDS)
        if running.cancel():
            world.trace.note("world", "the execution is aborted")
            await asyncio.wait([running])
            await functions.after_the_execution("ABORTED")
            return
    try:
        await running
    except StateFailed as failed:
        world.trace.note("world", f"the execution fails: {failed}")
        await functions.after_the_execution("FAILED")


async def _change_of_mind(world: JobWorld, functions: Functions) -> None:
    if world.rng.random() < _STOP_RATE:
        await asyncio.sleep(world.rng.random() * _LONGEST_CHANGE_OF_MIND_SECONDS)
        await functions.stop(JobStatus.STOPPED, actor="gateway")


async def _watch(world: JobWorld) -> None:
    """End everything as soon as a service meets a broken rule."""
    await world.network.broken


async def _settle(world: JobWorld, course: asyncio.Task[None]) -> None:
    clock = asyncio.get_running_loop().time
    await asyncio.wait([course], timeout=world.rng.uniform(*_FAULTY_SECONDS))
    world.trace.note("world", "no faults from here on")
    world.faults.end()
    patience_ends = clock() + _PATIENCE_SECONDS
    while not course.done() or len(world.dead_letters):
        if clock() > patience_ends:
            raise Broken(f"never came to rest: {world.job}")
        await asyncio.sleep(_LOOK_SECONDS)
    if world.queues or world.timers.due:
        raise Broken(f"J10: left behind: {world.queues}, {world.timers.due}")
    world.rules.at_rest(world.job)


def _lines(world: JobWorld, key: str) -> list[str] | None:
    assert key.startswith(keys.JOBS)
    body = world.objects.bodies.get(key)
    return None if body is None else body.decode().splitlines()
