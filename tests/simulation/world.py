"""One simulated world of requests: services, processes, the people who call, and the rules that must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.testing import MemoryObjects
from tests.simulation.ground import MOST_RECEIVES, Ground
from tests.simulation.keeping import KeepingRules
from tests.simulation.rules import RecordRules
from tests.simulation.watched import Watched

if TYPE_CHECKING:
    from penstock.records import RequestKey, RequestRecord
    from tests.simulation.loop import VirtualLoop
    from tests.simulation.plant import Sound


class World(Ground):
    """Requests, their stores and their queue."""

    def __init__(
        self, seed: int, loop: VirtualLoop, *, plant: Sound, max_attempts: int, tracing: bool
    ) -> None:
        super().__init__(seed, loop, tracing=tracing)
        self.plant = plant
        self.queue = self.new_queue("queue")
        self.queue.dead_letters = self.dead_letters
        self.queue.most_receives = self.rng.choice(MOST_RECEIVES)
        self.records, self.objects = plant.records(), MemoryObjects()
        self.outbox = plant.outbox(self.queue, self.records)
        self._hold_to_the_rules(max_attempts)

    def _hold_to_the_rules(self, max_attempts: int) -> None:
        bodies: Watched[str, bytes] = Watched()
        rows: Watched[RequestKey, RequestRecord] = Watched()
        self.rules = RecordRules(self.now_ms, bodies, max_attempts)
        queues = (self.queue, self.dead_letters)
        self.keeping = KeepingRules(self.now_ms, rows, bodies, queues, self.rules)
        rows.on_change, bodies.on_change = self.rules.written, self.keeping.object_changed
        # The stand-ins only ever use what a dictionary and these have in common.
        self.records.rows = rows  # type: ignore[assignment]
        self.objects.bodies = bodies  # type: ignore[assignment]
        self.queue.on_sent = self.keeping.message_sent
        self.queue.on_deleted = self.dead_letters.on_deleted = self.keeping.message_deleted
