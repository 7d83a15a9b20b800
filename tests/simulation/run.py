"""Many schedules, on all cores, added up."""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.coverage import Coverage
from tests.simulation.schedule import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.simulation.schedule import Verdict

#: Schedules that a process runs before it tells how it went.
_BLOCK = 100


@dataclass
class Summary:
    """What so many schedules found."""

    schedules: int = 0
    faults: int = 0
    #: Schedules that met no fault.
    untouched: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    #: By seed: what did not hold.
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, other: Summary) -> None:
        """Take in another one."""
        self.schedules += other.schedules
        self.faults += other.faults
        self.untouched += other.untouched
        self.coverage.add(other.coverage)
        self.failures |= other.failures


def run_all(seeds: Sequence[int], *, simulate: Callable[[int], Verdict] = run) -> Summary:
    """One after the other, in this process; of requests, unless said otherwise."""
    summary = Summary()
    for seed in seeds:
        verdict = simulate(seed)
        summary.schedules += 1
        summary.faults += verdict.faults
        summary.coverage.add(verdict.coverage)
        summary.untouched += not verdict.faults
        if verdict.failure is not None:
            summary.failures[seed] = verdict.failure
    return summary


def run_spread(
    seeds: Sequence[int], *, processes: int, simulate: Callable[[int], Verdict] = run
) -> Iterator[Summary]:
    """In so many processes; gives what each block of seeds found, as soon as it has."""
    blocks = [seeds[start : start + _BLOCK] for start in range(0, len(seeds), _BLOCK)]
    # Not forked: a fork would share the node process of jsii that the state machine is made with,
    # and one of the two would wait for ever for an answer that the other has read.
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_leave_interrupts_to_the_parent,
    )
    try:
        for done in as_completed([pool.submit(run_all, block, simulate=simulate) for block in blocks]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def first_failure(
    plant: type[Any], seeds: Sequence[int], *, simulate: Callable[..., Verdict] = run
) -> tuple[int, str] | None:
    """The first seed that finds what is planted, and what it says; None if none does."""
    for seed in seeds:
        failure = simulate(seed, plant=plant()).failure
        if failure is not None:
            return seed, failure
    return None


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
