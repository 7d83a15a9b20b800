"""What decides on the number of tasks: ours as it is deployed, and what one would use else."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from penstock.scaling import following
from penstock.scaling.decision import Decision, Observation, Sample, ScalingPolicy, decide
from penstock.scaling.following import Alarm, StepPolicy
from penstock.scaling.timetable import Bounds, Timetable

if TYPE_CHECKING:
    from penstock.simulator.clock import Agenda
    from penstock.simulator.delays import Delays
    from penstock.simulator.fleet import Fleet

TICK_SECONDS = 10.0

#: A Monday, at midnight.
BEGINS = datetime(2030, 1, 7, tzinfo=UTC)

#: Values, a minute each, above the target before target tracking scales out, and below it before it
#: scales in. In it waits for a margin, so as not to go back at once.
_OUT_POINTS = 3
_IN_POINTS = 15
_IN_MARGIN = 0.9


class Autoscaler(Protocol):
    """Watches a fleet, and tells it how many tasks to have."""

    name: str

    def start(self, agenda: Agenda, fleet: Fleet, delays: Delays) -> None:
        """Begin to watch."""


@dataclass(slots=True)
class StepScaling:
    """Penstock: the decision function publishes missing and spare tasks, two step policies act on them."""

    decision: ScalingPolicy
    policies: tuple[StepPolicy, ...]
    #: The bounds that Application Auto Scaling keeps.
    timetable: Timetable
    #: What time it is when the run begins.
    begins: datetime = BEGINS
    name: str = "penstock"
    _history: tuple[Sample, ...] = ()

    @classmethod
    def of(
        cls, decision: ScalingPolicy, timetable: Timetable | None = None, *, begins: datetime = BEGINS
    ) -> StepScaling:
        """As it would be deployed for this policy, whose bounds are the widest of the timetable."""
        bounds = Bounds(decision.min_replicas, decision.max_replicas)
        return cls(
            decision,
            following.policies(bounds.fewest, bounds.most),
            timetable or Timetable(bounds),
            begins,
        )

    def start(self, agenda: Agenda, fleet: Fleet, delays: Delays) -> None:
        """Publish every ten seconds; the alarms look at what was published."""
        alarms = [Alarm(policy) for policy in self.policies]
        # A high-resolution alarm looks every period: half of one passes until then, on average.
        seen_after = delays.metric + delays.alarm_period / 2
        scheduled = self.timetable.changes(self.begins)
        bounds = self.timetable.at(self.begins)
        fleet.want(bounds.clamp(fleet.desired))

        def tick() -> None:
            decision = decide(self.decision, observe(agenda, fleet), self._history)
            self._history = decision.history
            agenda.at(agenda.now + seen_after, lambda: look(decision))
            agenda.at(agenda.now + TICK_SECONDS, tick)

        def look(decision: Decision) -> None:
            for alarm in alarms:
                value = decision.missing if alarm.policy.sign > 0 else decision.spare
                if change := alarm.look(value, now=agenda.now):
                    agenda.at(agenda.now + delays.action, lambda change=change: act(change))  # type: ignore[misc]

        def act(change: int) -> None:
            fleet.want(bounds.clamp(fleet.desired + change))

        def follow_the_clock() -> None:
            """Have the next change of the bounds, and what they do to the number of tasks, when it comes."""
            if (coming := next(scheduled, None)) is None:
                return
            due, wanted = coming

            def change() -> None:
                nonlocal bounds
                bounds = wanted
                fleet.want(bounds.clamp(fleet.desired))
                follow_the_clock()

            agenda.at((due - self.begins).total_seconds(), change)

        tick()
        follow_the_clock()


def observe(agenda: Agenda, fleet: Fleet) -> Observation:
    """What the queue and the service say now."""
    return Observation(
        now_ms=round(agenda.now * 1000),
        visible=fleet.visible,
        in_progress=fleet.in_progress,
        desired=fleet.desired,
    )


@dataclass(slots=True)
class Cortex:
    """Cortex's autoscaler with its defaults, which sets the number of replicas itself (its section 6)."""

    min_replicas: int = 0
    max_replicas: int = 100
    target_in_flight: float = 1.0
    window: float = 60.0
    down_stabilization: float = 300.0
    up_stabilization: float = 60.0
    max_down_factor: float = 0.75
    max_up_factor: float = 1.5
    tolerance: float = 0.05
    name: str = "cortex"
    _depths: deque[tuple[float, int]] = field(default_factory=deque)
    _recommended: deque[tuple[float, int]] = field(default_factory=deque)

    def start(self, agenda: Agenda, fleet: Fleet, delays: Delays) -> None:  # noqa: ARG002 - it waits for no alarm
        """Look every ten seconds, and act at once."""

        def tick() -> None:
            replicas = self._decide(agenda.now, fleet)
            if replicas != fleet.desired:
                fleet.want(replicas)
            agenda.at(agenda.now + TICK_SECONDS, tick)

        tick()

    def _decide(self, now: float, fleet: Fleet) -> int:
        current = fleet.desired
        self._depths.append((now, fleet.visible + fleet.in_progress))
        while self._depths[0][0] <= now - self.window:
            self._depths.popleft()
        raw = sum(depth for _, depth in self._depths) / len(self._depths) / self.target_in_flight
        self._recommended.append((now, self._recommend(raw, current)))
        return self._stabilise(now, current)

    def _recommend(self, raw: float, current: int) -> int:
        recommended = math.ceil(raw)
        if current * (1 - self.tolerance) < raw < current * (1 + self.tolerance):
            recommended = current
        recommended = max(recommended, min(current - 1, math.ceil(current * self.max_down_factor)))
        recommended = min(recommended, max(current + 1, math.ceil(current * self.max_up_factor)))
        return min(max(recommended, self.min_replicas), self.max_replicas)

    def _stabilise(self, now: float, current: int) -> int:
        wanted = self._recommended[-1][1]
        if wanted < current:
            if now < self.down_stabilization:
                return current
            return max(wanted, min(current, max(self._since(now - self.down_stabilization))))
        if wanted > current:
            if now < self.up_stabilization:
                return current
            return min(wanted, max(current, min(self._since(now - self.up_stabilization))))
        return current

    def _since(self, since: float) -> list[int]:
        while self._recommended[0][0] < since - self.down_stabilization:
            self._recommended.popleft()
        return [replicas for at, replicas in self._recommended if at >= since]


@dataclass(slots=True)
class TargetTracking:
    """AWS's target tracking on visible messages per task: a value a minute, 3 to scale out, 15 to scale in.

    It multiplies, so it cannot leave zero: it is given one task to begin with.
    """

    min_replicas: int = 1
    max_replicas: int = 100
    target: float = 1.0
    name: str = "target tracking"
    _values: deque[float] = field(default_factory=lambda: deque(maxlen=_IN_POINTS))

    def start(self, agenda: Agenda, fleet: Fleet, delays: Delays) -> None:
        """Look every minute."""
        fleet.want(max(1, self.min_replicas))

        def tick() -> None:
            self._values.append(fleet.visible / max(1, fleet.running))
            wanted = self._decide(fleet)
            if wanted != fleet.desired:
                agenda.at(agenda.now + delays.action, lambda: fleet.want(wanted))
            agenda.at(agenda.now + 60.0, tick)

        tick()

    def _decide(self, fleet: Fleet) -> int:
        into = list(self._values)
        out = into[-_OUT_POINTS:]
        wanted = fleet.desired
        if len(out) == _OUT_POINTS and min(out) > self.target:
            wanted = math.ceil(fleet.desired * out[-1] / self.target)
        elif len(into) == _IN_POINTS and max(into) < _IN_MARGIN * self.target:
            wanted = math.ceil(fleet.desired * max(into) / self.target)
        return min(max(wanted, self.min_replicas), self.max_replicas)


@dataclass(slots=True)
class AlwaysOn:
    """A fixed number of tasks."""

    replicas: int
    name: str = "always on"

    def start(self, agenda: Agenda, fleet: Fleet, delays: Delays) -> None:  # noqa: ARG002 - it waits for nothing
        """Have them from the beginning."""
        fleet.want(self.replicas)
