"""What every simulated world has: time, chance, a network with faults, processes, and queues."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from penstock.testing.queue import VISIBILITY_MS
from tests.simulation.coverage import Coverage
from tests.simulation.faults import FaultPlan
from tests.simulation.loop import Process
from tests.simulation.mint import Mint
from tests.simulation.network import Network
from tests.simulation.queue import UnrulyQueue
from tests.simulation.rules import MAX_SKEW_MS
from tests.simulation.trace import Trace

if TYPE_CHECKING:
    from penstock.ports import Clock
    from tests.simulation.loop import VirtualLoop

#: When every world begins, in milliseconds since the epoch.
BEGINNING_MS = 1_700_000_000_000

#: SQS's limit is 100; with a low one, messages of innocent requests become dead letters as well.
MOST_RECEIVES = (3, 8, 100)
_RECORDER_VISIBILITY_MS = 60_000
_FIRST_FAULT_WITHIN_CALLS = 40


class Ground:
    """Everything that exists in one schedule; all chance in it comes from the seed."""

    def __init__(
        self,
        seed: int,
        loop: VirtualLoop,
        *,
        tracing: bool,
        first_fault_within: int = _FIRST_FAULT_WITHIN_CALLS,
    ) -> None:
        self._loop = loop
        self._seed = seed
        self.rng = Random(f"world {seed}")
        self.trace = Trace(loop.time, on=tracing)
        self.coverage = Coverage()
        self.faults = FaultPlan(seed, Random(f"faults {seed}"), first_within_calls=first_fault_within)
        self.mint = Mint(Random(f"tokens {seed}"))
        self.processes: list[Process] = []
        #: Calls of functions so far.
        self.calls = 0
        self.network = Network(
            loop, Random(f"network {seed}"), faults=self.faults, coverage=self.coverage, trace=self.trace
        )
        self.dead_letters = self.new_queue("dead letters", visibility_ms=_RECORDER_VISIBILITY_MS)

    def new_queue(self, name: str, *, visibility_ms: int = VISIBILITY_MS) -> UnrulyQueue:
        """A queue of its own."""
        return UnrulyQueue(
            self.now_ms,
            network=self.network,
            faults=self.faults,
            rng=Random(f"{name} {self._seed}"),
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
