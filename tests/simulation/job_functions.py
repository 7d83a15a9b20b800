"""The functions of batch jobs: the real steps, each call a process of its own, and who calls them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from batch_lambda.clean_up import CleanUp
from batch_lambda.enqueue import Enqueuer
from batch_lambda.finish import Called, Finisher, Next
from batch_lambda.lane import LaneKeeper
from batch_lambda.plan import Planner
from batch_lambda.prepare import Preparer
from batch_lambda.seal import ChunksMissing, Sealer
from batch_lambda.stop import Stopper
from penstock.batch import stops
from penstock.batch.closing import Closer
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobStatus
from penstock.ports import DependencyError
from penstock.records import Failure
from penstock.testing import MemoryInputListing, MemoryJobOutbox, MemoryRanges
from recovery_lambda.job_recorder import JobRecorder
from recovery_lambda.letters import DeadLetter
from recovery_lambda.recorder import Recorder
from tests.simulation.functions import NoReply, invoke
from tests.simulation.job_stores import Queues, Remote
from tests.simulation.job_world import API, BUCKET, KEY
from tests.simulation.replay import Inline
from tests.simulation.states import StateFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.ports import Delivery
    from tests.simulation.functions import Call
    from tests.simulation.job_world import JobWorld

#: How long a call may work; the shortest ends in the midst of a chunk.
_BUDGETS_MS = (0, 2000, 600_000)
#: SQS and EventBridge call again after a while.
_AGAIN_SECONDS = 60
_LONGEST_POLL_SECONDS = 10
_MOST_LETTERS = 10
_DEAD_LETTERS = "dead-letters"
#: What a step may end with; anything else is a fault of its own.
_ERRORS = (DependencyError, InputFault, ChunksMissing)
_STOPPED = Failure(code="stopped", message="The job was stopped by its caller.")


class Functions:
    """Calls functions as AWS would."""

    def __init__(self, world: JobWorld) -> None:
        self._world = world

    async def function(self, name: str, payload: Mapping[str, Any]) -> Any:
        """See ``Tasks.function``."""
        steps: dict[str, Callable[[Call, Mapping[str, Any]], Any]] = {
            "prepare": lambda call, _: {"begin": _Steps(self._world, call).preparer().prepare(KEY)},
            "plan": self._plan,
            "enqueue": self._enqueue,
            "seal": lambda call, _: asdict(_Steps(self._world, call).sealer().seal(KEY)),
            "enqueue_failed": self._enqueue_failed,
            "lane": self._lane,
            "finish": self._finish,
        }
        step = steps[payload["step"]]
        try:
            return await invoke(self._world, name, lambda call: step(call, payload))
        except NoReply:
            raise StateFailed("Lambda.Unknown", "the function died") from None
        except _ERRORS as error:
            raise StateFailed(type(error).__name__, json.dumps({"errorMessage": str(error)})) from error

    async def after_the_execution(self, status: str) -> None:
        """What its end brings about: it is told until the job has ended and all is cleaned up."""
        called = Called(execution=status)
        while True:
            step = await self._again(
                "finish", lambda call: _Steps(self._world, call).finisher().finish(KEY, called)
            )
            if step.next is Next.DONE:
                return
            await asyncio.sleep(step.wait_seconds)

    async def stop(self, ending: JobStatus, *, actor: str) -> None:
        """Have the job stopped, by its timer or by its caller."""
        failure = stops.TIMED_OUT if ending is JobStatus.TIMED_OUT else _STOPPED
        await self._again(
            actor, lambda call: _Steps(self._world, call).stopper().stop(KEY, ending=ending, failure=failure)
        )

    async def keep_time(self) -> None:
        """EventBridge Scheduler, until the world ends."""
        world = self._world
        while True:
            await asyncio.sleep(world.rng.random() * _LONGEST_POLL_SECONDS)
            if world.timers.due.get(KEY, world.now_ms() + 1) <= world.now_ms():
                world.timers.due.pop(KEY)
                await self.stop(JobStatus.TIMED_OUT, actor="timer")

    async def record(self) -> None:
        """The recorder of dead letters, until the world ends."""
        world = self._world
        while True:
            await asyncio.sleep(world.rng.random() * _LONGEST_POLL_SECONDS)
            taken = world.dead_letters.take(_MOST_LETTERS)
            groups = [world.dead_letters.group_of(delivery.handle) for delivery in taken]
            for delivery, group in zip(taken, groups, strict=True):
                await self._deal_with(delivery, group)

    async def _deal_with(self, delivery: Delivery, group: str) -> None:
        letter = DeadLetter(
            queue=_DEAD_LETTERS, message_id=delivery.message_id, group=group, body=delivery.body
        )
        try:
            await invoke(self._world, "recorder", lambda call: self._recorder(call).record(letter))
        except (NoReply, DependencyError):
            return
        self._world.dead_letters.delete(delivery.handle)

    async def _again(self, actor: str, code: Callable[[Call], Any]) -> Any:
        while True:
            try:
                return await invoke(self._world, actor, code)
            except (NoReply, DependencyError):
                await asyncio.sleep(_AGAIN_SECONDS)

    def _plan(self, call: Call, payload: Mapping[str, Any]) -> Any:
        until_ms = call.script.read(self._until_ms)
        return asdict(_Steps(self._world, call).planner().plan(KEY, payload["position"], until_ms=until_ms))

    def _enqueue(self, call: Call, payload: Mapping[str, Any]) -> Any:
        until_ms = call.script.read(self._until_ms)
        enqueuer = _Steps(self._world, call).enqueuer()
        return asdict(enqueuer.enqueue(KEY, payload["chunk"], sent=payload["sent"], until_ms=until_ms))

    def _until_ms(self) -> int:
        return self._world.now_ms() + self._world.rng.choice(_BUDGETS_MS)

    def _enqueue_failed(self, call: Call, payload: Mapping[str, Any]) -> None:
        failure = stops.enqueue_failed(payload["fault"])
        _Steps(self._world, call).stopper().stop(KEY, ending=JobStatus.ENQUEUE_FAILED, failure=failure)

    def _lane(self, call: Call, payload: Mapping[str, Any]) -> Any:
        return asdict(_Steps(self._world, call).lanes().next(KEY, payload["lane"], payload["outcome"]))

    def _finish(self, call: Call, payload: Mapping[str, Any]) -> Any:
        state = payload["state"]
        called = Called(last_workers=state.get("finish", {}).get("last_workers", 0), fault=state.get("fault"))
        return asdict(_Steps(self._world, call).finisher().finish(KEY, called))

    def _recorder(self, call: Call) -> Recorder:
        steps = _Steps(self._world, call)
        return Recorder(
            records=cast("Any", None),
            objects=steps.bodies,
            job_recorder=JobRecorder(
                jobs=steps.jobs,
                parts=steps.parts,
                bodies=steps.bodies,
                closer=steps.closer(),
                clock=call.clock,
                on_undeliverable=lambda _api: None,
            ),
            clock=call.clock,
            owner={_DEAD_LETTERS: API}.get,
            on_malformed=lambda _api: None,
            on_undeliverable=lambda _api: None,
        )


class _Steps:
    """The steps, put together as their entry points do it."""

    def __init__(self, world: JobWorld, call: Call) -> None:
        self._clock, self._executor = call.clock, Inline(call.script)

        def remote(target: Any, port: str, service: str = "records") -> Any:
            return Remote(world.network, call.script, target, port=port, service=service)

        self.jobs, self.parts = remote(world.jobs, "jobs"), remote(world.parts, "parts")
        self.bodies = remote(world.objects, "bodies", "objects")
        self._listing = remote(MemoryInputListing(world.objects), "listing", "objects")
        self._ranges = remote(MemoryRanges(world.objects, own_bucket=BUCKET), "ranges", "objects")
        self._outbox = remote(MemoryJobOutbox(cast("Any", world.queues)), "outbox", "queue")
        self._queues = remote(Queues(world), "queues", "queue")
        self._timers = remote(world.timers, "timers", "timers")
        self._reported = remote(world.reported, "dead_letters", "queue")

    def closer(self) -> Closer:
        return Closer(jobs=self.jobs, parts=self.parts, outbox=self._outbox, clock=self._clock)

    def preparer(self) -> Preparer:
        return Preparer(
            jobs=self.jobs, bodies=self.bodies, queues=self._queues, timers=self._timers, clock=self._clock
        )

    def planner(self) -> Planner:
        return Planner(
            jobs=self.jobs,
            parts=self.parts,
            bodies=self.bodies,
            listing=self._listing,
            own_bucket=BUCKET,
            executor=self._executor,
            clock=self._clock,
            nonce=lambda: "once",
        )

    def enqueuer(self) -> Enqueuer:
        return Enqueuer(
            jobs=self.jobs,
            parts=self.parts,
            bodies=self.bodies,
            ranges=self._ranges,
            outbox=self._outbox,
            executor=self._executor,
            clock=self._clock,
        )

    def sealer(self) -> Sealer:
        return Sealer(
            jobs=self.jobs, parts=self.parts, bodies=self.bodies, closer=self.closer(), clock=self._clock
        )

    def lanes(self) -> LaneKeeper:
        return LaneKeeper(
            jobs=self.jobs, parts=self.parts, clock=self._clock, retention_seconds=_retention_seconds
        )

    def stopper(self) -> Stopper:
        return Stopper(jobs=self.jobs, clock=self._clock)

    def finisher(self) -> Finisher:
        clean_up = CleanUp(
            parts=self.parts,
            bodies=self.bodies,
            bucket=BUCKET,
            queues=self._queues,
            timers=self._timers,
            dead_letters=self._reported,
            executor=self._executor,
            clock=self._clock,
            page=2,
        )
        return Finisher(
            jobs=self.jobs,
            parts=self.parts,
            bodies=self.bodies,
            closer=self.closer(),
            clean_up=clean_up,
            clock=self._clock,
            retention_seconds=_retention_seconds,
        )


def _retention_seconds(_api: str) -> int:
    return API.retention_seconds
