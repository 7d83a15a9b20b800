"""Workers of a job: the real dequeuer in batch mode, in ECS tasks that may die."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from dequeuer.batch.at_work import AtWork
from dequeuer.batch.holding import Holding
from dequeuer.batch.hook import PATH
from dequeuer.batch.patience import Patience
from dequeuer.batch.run import Ends, Job, Ports
from dequeuer.batch.start import NoSuchJob, begun
from dequeuer.batch.watched import WatchedJobs, subject_of
from dequeuer.breaker import Breaker
from dequeuer.cleanup import Cleaner
from dequeuer.container import NoAnswer, Response
from dequeuer.outages import Outages
from dequeuer.protect import Protection
from dequeuer.settings import BatchSettings
from dequeuer.shell import run_beside
from dequeuer.shift import Shift
from dequeuer.watched import WatchedStreams
from dequeuer.worker import Worker
from penstock.outcomes import Trouble
from penstock.ports import DependencyError
from penstock.testing import MemoryWorkerJobs
from tests.simulation.faults import Fault
from tests.simulation.job_stores import JobQueue, Sender, WorkerJobs
from tests.simulation.job_world import API, BUCKET, KEY
from tests.simulation.ports import Source, Streams
from tests.simulation.states import StateFailed
from tests.simulation.workers import STOP_TIMEOUT_SECONDS, Agent, Doubtful, Unmeasured

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dequeuer.container import Outgoing
    from penstock.batch.jobs import JobRecord
    from penstock.ports import Stored
    from tests.simulation.job_world import JobWorld
    from tests.simulation.loop import Process

_LONGEST_START_SECONDS = 20
_LONGEST_PEACE_SECONDS = 80
_STOP, _KILL, _FREEZE, _NOTHING = "stop", "kill", "freeze", "nothing"
_FATES = {_STOP: 2, _KILL: 1, _FREEZE: 3, _NOTHING: 4}

#: What ECS says of a task that died.
_DEATHS = (
    {"StoppedReason": "OutOfMemoryError: Container killed due to memory usage", "Containers": []},
    {"StoppedReason": "Your Spot Task was interrupted.", "StopCode": "SpotInterruption", "Containers": []},
    {
        "StoppedReason": "Essential container in task exited",
        "Containers": [{"Name": "dequeuer", "ExitCode": 137}],
    },
)

#: What a container answers, and how often it does while things go wrong.
_ANSWERS: dict[int | str, int] = {
    200: 60,
    500: 8,
    503: 4,
    429: 4,
    404: 3,
    "hangs": 3,
    "breaks": 4,
    "refuses": 4,
}


class Container:
    """One task's container: it writes down what it sees, and answers well, badly, late or not at all."""

    def __init__(self, world: JobWorld) -> None:
        self._world = world

    @asynccontextmanager
    async def send(self, outgoing: Outgoing, payload: Stored) -> AsyncIterator[Response]:
        """See ``dequeuer.container.Container.send``."""
        world = self._world
        point, answer, seconds = world.network.point("container.send"), *self._mood()
        if answer == "refuses":
            raise NoAnswer(Trouble.UNREACHABLE, "Nothing listens.")
        body = b"".join([chunk async for chunk in payload.chunks])
        see = partial(self._see, outgoing, json.loads(body))
        await world.network.call(point, "container", "job", see, allowed=(Fault.CRASH,))
        if answer == "hangs":
            await asyncio.sleep(API.timeout_seconds)
            raise NoAnswer(Trouble.TIMEOUT, "The container did not finish.")
        await asyncio.sleep(seconds)
        status = answer if isinstance(answer, int) else HTTPStatus.OK
        yield Response(status, {"content-type": "application/json"}, _body(broken=answer == "breaks"))

    def _see(self, outgoing: Outgoing, told: Any) -> None:
        rules, headers = self._world.rules, outgoing.headers
        if outgoing.path == PATH:
            rules.hook_calls += 1
        else:
            rules.container_called(headers["X-Penstock-Batch-ID"], told, int(headers["X-Penstock-Attempt"]))

    def _mood(self) -> tuple[int | str, float]:
        rng = self._world.rng
        if self._world.faults.ended:
            return 200, rng.random()
        (answer,) = rng.choices(list(_ANSWERS), list(_ANSWERS.values()))
        return answer, rng.choice((0.2, 2, 15, 28)) * rng.random()


async def _body(*, broken: bool) -> AsyncIterator[bytes]:
    yield b'{"sum":'
    if broken:
        raise NoAnswer(Trouble.INCOMPLETE, "The container's response broke off.")
    yield b" 1}"


class Task:
    """One ECS task, put together as ``dequeuer.batch.main`` does it."""

    def __init__(self, world: JobWorld, process: Process) -> None:
        self._world = world
        self._process = process
        self._settings = BatchSettings(
            deployment="",
            api=API.name,
            table="",
            bucket=BUCKET,
            dead_letter_url="",
            port=8080,
            timeout_seconds=API.timeout_seconds,
            retention_seconds=API.retention_seconds,
            max_concurrency=world.rng.choice((1, 2, 5)),
            drain_seconds=world.rng.choice((10, 100)),
            job_id=KEY.id,
        )
        self._stopped = asyncio.Event()
        self._worker: Worker | None = None

    def stop(self) -> None:
        """SIGTERM."""
        self._stopped.set()
        if self._worker is not None:
            self._worker.stop()

    async def serve(self) -> int:
        """Work until the job is over; the exit code."""
        world = self._world
        jobs = WorkerJobs(world.network, MemoryWorkerJobs(world.jobs, world.parts), world.parts)
        try:
            record = await begun(cast("Any", jobs), KEY)
        except (NoSuchJob, DependencyError):
            return 1
        if record is not None and not self._stopped.is_set():
            await self._work(record, jobs)
        return 0

    async def _work(self, record: JobRecord, jobs: WorkerJobs) -> None:
        world, settings = self._world, self._settings
        job = Job.of(
            record,
            worker=self._process.name,
            policy=settings.policy(record.max_attempts),
            retention_seconds=settings.retention_seconds,
        )
        telemetry, readiness = cast("Any", _Unmeasured()), Doubtful(world.rng)
        outages = Outages(
            Breaker(clock=world.now_ms, chance=world.rng.random), telemetry=telemetry, clock=world.now_ms
        )
        ends = Ends(out_of_time=asyncio.Event(), over=asyncio.Event())
        ports = self._ports(record, jobs, outages, readiness, ends)
        at_work = AtWork(job, ports, ends, bucket=BUCKET)
        protection = Protection(
            cast("Any", Agent(world.rng)),
            Shift(clock=world.now_ms, slots=settings.max_concurrency),
            clock=world.now_ms,
        )
        self._worker = worker = Worker(
            settings,
            source=cast("Any", at_work.source),
            handler=at_work.handler,
            readiness=cast("Any", readiness),
            outages=outages,
            protection=protection,
            out_of_time=ends.out_of_time,
            clock=world.now_ms,
        )
        await run_beside(at_work.run(worker), protection.run(), *at_work.helpers(worker))
        await ports.cleaner.flush()
        try:
            await ports.jobs.leave(job.key, job.worker, now_ms=ports.clock())
        except DependencyError:
            return

    def _ports(
        self, record: JobRecord, jobs: WorkerJobs, outages: Outages, readiness: Doubtful, ends: Ends
    ) -> Ports:
        world = self._world
        assert record.queue_url is not None
        queue = JobQueue(world, record.queue_url)
        source = Source(world.network, cast("Any", queue), dead_letters=world.dead_letters)
        streams = WatchedStreams(Streams(world.network, world.objects), outages, subject_of=subject_of)
        return Ports(
            jobs=WatchedJobs(cast("Any", jobs), outages),
            source=source,
            streams=streams,
            sender=Sender(world.network, queue),
            container=cast("Any", Container(world)),
            cleaner=Cleaner(source=source, streams=streams),
            telemetry=cast("Any", _Unmeasured()),
            clock=world.clock_of(self._process),
            chance=world.rng.random,
            patience=Patience(until=ends.out_of_time),
            holding=Holding(source, seconds=self._settings.lease_seconds),
            on_unreachable=readiness.doubt,
        )


class _Unmeasured(Unmeasured):
    def batches(self, *, succeeded: int, failed: int) -> None:
        """See ``Telemetry``."""


class Cluster:
    """Runs tasks for the state machine."""

    def __init__(self, world: JobWorld) -> None:
        self._world = world
        self._started = 0

    async def worker(self, job: str) -> Any:
        """See ``Tasks.worker``; a task whose execution ends is told to stop."""
        assert job == KEY.id
        world = self._world
        await asyncio.sleep(world.rng.random() * _LONGEST_START_SECONDS)
        if world.order.image_broken:
            raise StateFailed("ECS.AmazonECSException", "CannotPullContainerError: no such image")
        self._started += 1
        process = world.process(f"worker-{self._started}", "worker")
        task, gone = Task(world, process), asyncio.Event()
        process.on_death.append(gone.set)
        work = process.spawn(task.serve())
        work.add_done_callback(lambda _: gone.set())
        fate = asyncio.create_task(self._meet(process, task))
        try:
            await gone.wait()
        except asyncio.CancelledError:
            self._end(process, task)
            raise
        finally:
            fate.cancel()
        if not process.alive:
            raise StateFailed("States.TaskFailed", json.dumps(world.rng.choice(_DEATHS)))
        return _left(work.result())

    def _end(self, process: Process, task: Task) -> None:
        self._world.trace.note(process.name, "gets SIGTERM")
        task.stop()
        self._world.network.later(STOP_TIMEOUT_SECONDS, self._world.network.kill, process)

    async def _meet(self, process: Process, task: Task) -> None:
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
                self._end(process, task)


def _left(code: int) -> Any:
    """What is told of a task whose worker left by itself."""
    told = {
        "StoppedReason": "Essential container in task exited",
        "Containers": [{"Name": "dequeuer", "ExitCode": code}],
    }
    if code:
        raise StateFailed("States.TaskFailed", json.dumps(told))
    return told
