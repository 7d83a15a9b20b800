"""The functions that watch over the workers: the sweeper, and the recorder of dead letters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from penstock.batch.closing import Closer
from penstock.ports import DependencyError
from penstock.testing import MemoryDirectory, MemoryJobOutbox, MemoryJobParts, MemoryJobs, MemoryObjects
from recovery_lambda.job_recorder import JobRecorder
from recovery_lambda.letters import DeadLetter
from recovery_lambda.recorder import Recorder, StillOpen
from recovery_lambda.sweeper import Sweeper
from tests.simulation.functions import NoReply, invoke
from tests.simulation.gateway import API
from tests.simulation.replay import Inline
from tests.simulation.scripted import Directory, Objects, Records

if TYPE_CHECKING:
    from typing import Any

    from penstock.ports import Delivery
    from tests.simulation.functions import Call
    from tests.simulation.world import World

#: EventBridge calls the sweeper every minute.
SWEEP_SECONDS = 60
#: How long a message may wait until Lambda's poller asks the dead-letter queue again.
_LONGEST_POLL_SECONDS = 10
_MOST_LETTERS = 10
_DEAD_LETTERS = "dead-letters"


class Watchers:
    """Calls both functions as AWS would. What fails is called again in its turn."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def sweep(self) -> None:
        """Until the world ends."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await invoke(self._world, "sweeper", self._sweep)
            except NoReply:
                continue

    async def record(self) -> None:
        """Until the world ends."""
        world = self._world
        while True:
            await asyncio.sleep(world.rng.random() * _LONGEST_POLL_SECONDS)
            async with asyncio.TaskGroup() as group:
                for delivery in world.dead_letters.take(_MOST_LETTERS):
                    group.create_task(self._deal_with(delivery))

    async def _deal_with(self, delivery: Delivery) -> None:
        """Lambda deletes what the function has dealt with; all else comes back by itself."""
        letter = DeadLetter(queue=_DEAD_LETTERS, message_id=delivery.message_id, group="", body=delivery.body)
        try:
            await invoke(self._world, "recorder", lambda call: self._recorder(call).record(letter))
        except (NoReply, DependencyError, StillOpen):
            return
        self._world.dead_letters.delete(delivery.handle)

    def _sweep(self, call: Call) -> None:
        network, script, records = self._world.network, call.script, self._world.records
        sweeper = Sweeper(
            directory=cast("Any", Directory(network, script, MemoryDirectory(records))),
            records=Records(network, script, records),
            executor=Inline(script),
            clock=call.clock,
        )
        sweeper.sweep([API])

    def _recorder(self, call: Call) -> Recorder:
        world, script = self._world, call.script
        # This world has no jobs.
        jobs, parts = MemoryJobs(), MemoryJobParts()
        return Recorder(
            records=Records(world.network, script, world.records),
            objects=cast("Any", Objects(world.network, script, world.objects, world.records)),
            job_recorder=JobRecorder(
                jobs=jobs,
                parts=parts,
                bodies=MemoryObjects(),
                closer=Closer(jobs=jobs, parts=parts, outbox=MemoryJobOutbox({}), clock=call.clock),
                clock=call.clock,
                on_undeliverable=lambda _api: None,
            ),
            clock=call.clock,
            owner={_DEAD_LETTERS: API}.get,
            on_malformed=lambda _api: None,
            on_undeliverable=lambda _api: None,
        )
