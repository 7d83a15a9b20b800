"""One simulated world: services, processes, the people who call, and the rules that must hold."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from penstock.testing import MemoryObjects
from penstock.testing.queue import VISIBILITY_MS
from tests.simulation.coverage import Coverage
from tests.simulation.faults import FaultPlan
from tests.simulation.keeping import KeepingRules
from tests.simulation.loop import Process
from tests.simulation.mint import Mint
from tests.simulation.network import Network
from tests.simulation.queue import UnrulyQueue
from tests.simulation.rules import MAX_SKEW_MS, RecordRules
from tests.simulation.trace import Trace
from tests.simulation.watched import Watched

if TYPE_CHECKING:
    from penstock.ports import Clock
    from penstock.records import RequestKey, RequestRecord
    from tests.simulation.loop import VirtualLoop
    from tests.simulation.plant import Sound

#: When every world begins, in milliseconds since the epoch.
BEGINNING_MS = 1_700_000_000_000

#: SQS's limit is 100; with a low one, messages of innocent requests become dead letters as well.
_MOST_RECEIVES = (3, 8, 100)
_RECORDER_VISIBILITY_MS = 60_000


class World:
    """Everything that exists in one schedule; all chance in it comes from the seed."""

    def __init__(
        self, seed: int, loop: VirtualLoop, *, plant: Sound, max_attempts: int, tracing: bool
    ) -> None:
        self._loop = loop
        self.plant = plant
        self.rng = Random(f"world {seed}")
        self.trace = Trace(loop.time, on=tracing)
        self.coverage = Coverage()
        self.faults = FaultPlan(seed, Random(f"faults {seed}"))
        self.mint = Mint(Random(f"tokens {seed}"))
        self.processes: list[Process] = []
        #: Calls of functions so far.
        self.calls = 0
        self.network = Network(
            loop, Random(f"network {seed}"), faults=self.faults, coverage=self.coverage, trace=self.trace
        )
        self.queue = self._queue(seed, "queue", visibility_ms=VISIBILITY_MS)
        self.dead_letters = self._queue(seed, "dead letters", visibility_ms=_RECORDER_VISIBILITY_MS)
        self.queue.dead_letters = self.dead_letters
        self.queue.most_receives = self.rng.choice(_MOST_RECEIVES)
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

    def _queue(self, seed: int, name: str, *, visibility_ms: int) -> UnrulyQueue:
        return UnrulyQueue(
            self.now_ms,
            network=self.network,
            faults=self.faults,
            rng=Random(f"{name} {seed}"),
            trace=self.trace,
            visibility_ms=visibility_ms,
        )

    def now_ms(self) -> int:
        """The true time; the services have it."""
        return BEGINNING_MS + round(self._loop.time() * 1000)

    def process(self, name: str, actor: str) -> Process:
        """A new process, with a clock that is off by a few seconds."""
        process = Process(name, actor=actor, skew_ms=self.rng.randint(-MAX_SKEW_MS, MAX_SKEW_MS))
        self.processes.append(process)
        return process

    def clock_of(self, process: Process) -> Clock:
        """The time as a process sees it."""
        return lambda: self.now_ms() + process.skew_ms
