"""One run: arrivals through a fleet under an autoscaler."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from penstock.simulator.clock import Agenda
from penstock.simulator.fleet import Fleet

if TYPE_CHECKING:
    from penstock.simulator.autoscalers import Autoscaler
    from penstock.simulator.delays import Delays
    from penstock.simulator.fleet import Totals
    from penstock.simulator.workload import Arrivals, ServiceTime

#: Between two looks at the fleet, for the picture.
SAMPLE_SECONDS = 10.0

#: After the last arrival the run goes on until all tasks have gone, for so long at most.
LONGEST_TAIL_SECONDS = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated."""

    arrivals: Arrivals
    service_time: ServiceTime
    delays: Delays
    max_concurrency: int = 1
    init_replicas: int = 0
    #: How long to go on after the last arrival; None until nothing is left.
    tail_seconds: float = LONGEST_TAIL_SECONDS
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """The fleet at one moment."""

    at: float
    arrived: int
    waiting: int
    in_progress: int
    desired: int
    running: int
    #: Waits of the requests that began since the look before; None if none did.
    wait: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's end."""

    name: str
    arrived: int
    totals: Totals
    looks: tuple[Look, ...]
    #: Each change of the desired count, with its moment in seconds.
    decisions: tuple[tuple[float, int], ...]


def run(scenario: Scenario, autoscaler: Autoscaler) -> Outcome:
    """Simulate; the same scenario and seed give the same outcome."""
    agenda = Agenda()
    fleet = Fleet(
        agenda,
        scenario.delays,
        service_time=scenario.service_time,
        max_concurrency=scenario.max_concurrency,
        random=Random(scenario.seed),  # noqa: S311 - chance, not secrecy
    )
    fleet.want(scenario.init_replicas)
    observer = _Observer(agenda, fleet)
    autoscaler.start(agenda, fleet, scenario.delays)
    observer.start()
    last = 0.0
    # A second source: the same arrivals for each autoscaler, however many runs it draws.
    for at in scenario.arrivals.times(Random(scenario.seed)):  # noqa: S311
        agenda.run_until(at)
        fleet.arrive()
        observer.arrived += 1
        last = at
    _finish(agenda, fleet, until=last + scenario.tail_seconds)
    fleet.close()
    return Outcome(
        autoscaler.name, observer.arrived, fleet.totals, tuple(observer.looks), tuple(fleet.decisions)
    )


def _finish(agenda: Agenda, fleet: Fleet, *, until: float) -> None:
    while agenda.now < until and (fleet.tasks or fleet.visible):
        agenda.run_until(min(until, agenda.now + SAMPLE_SECONDS))


class _Observer:
    def __init__(self, agenda: Agenda, fleet: Fleet) -> None:
        self._agenda = agenda
        self._fleet = fleet
        self._seen = 0
        self.arrived = 0
        self.looks: list[Look] = []

    def start(self) -> None:
        self._look()

    def _look(self) -> None:
        fleet = self._fleet
        waits = fleet.totals.waits[self._seen :]
        self._seen += len(waits)
        self.looks.append(
            Look(
                self._agenda.now,
                self.arrived,
                fleet.visible,
                fleet.in_progress,
                fleet.desired,
                fleet.running,
                sum(waits) / len(waits) if waits else None,
            )
        )
        self._agenda.at(self._agenda.now + SAMPLE_SECONDS, self._look)
