"""One look at all APIs: depths and services in, a decision for each, the values out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from penstock.ports import DependencyError
from penstock.scaling.decision import Observation, decide
from penstock.scaling.ports import Measure, Value
from scaling_lambda.beginnings import Beginnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from penstock.overview import Crew, Depth, Queues
    from penstock.ports import Clock
    from penstock.scaling.decision import Decision, Sample, ScalingPolicy
    from penstock.scaling.ports import Crews, Histories, Metrics
    from scaling_lambda.served import Served

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledApi:
    """An API and its policy."""

    name: str
    policy: ScalingPolicy
    #: What its tasks run on, if they have an ECS cluster of their own.
    own_cluster: str | None = None
    #: Tasks that its first deployment goes on to.
    init_replicas: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one look."""

    decided: tuple[str, ...]
    #: APIs of which something could not be read: nothing is published for them, and their alarms stay
    #: as they are.
    failed: tuple[str, ...]


class Publisher:
    """Decides for all APIs at once. One that fails does not hold up the others."""

    def __init__(
        self,
        served: Served,
        *,
        queues: Queues,
        crews: Crews,
        oldest_open_ms: Callable[[str], int | None],
        metrics: Metrics,
        histories: Histories,
        executor: Executor,
        clock: Clock,
    ) -> None:
        self._served = served
        self._queues = queues
        self._crews = crews
        self._oldest_open_ms = oldest_open_ms
        self._metrics = metrics
        self._histories = histories
        self._executor = executor
        self._clock = clock
        self._remembered: dict[str, tuple[Sample, ...]] = {}
        self._beginnings = Beginnings()

    @property
    def _apis(self) -> Mapping[str, ScaledApi]:
        return self._served.apis

    def refresh(self) -> None:
        """Look for APIs that have left the configuration; ``DependencyError`` if that fails."""
        self._served.refresh()

    def recall(self) -> None:
        """Take up what the last function saved, unless it was this one: they may take turns."""
        loaded = self._histories.load(list(self._apis))
        self._beginnings.recall(loaded)
        for api, history in loaded.items():
            if _last_ms(history) > _last_ms(self._remembered.get(api, ())):
                self._remembered[api] = history

    def keep(self) -> None:
        """Save what the next function must know."""
        kept = {name: history for name, history in self._remembered.items() if self._beginnings.kept(name)}
        self._histories.save(kept)

    def look(self, *, ages: bool) -> Look:
        """Read, decide and publish once; with the ages of the oldest requests if asked for.

        ``DependencyError`` if the services cannot be read, or nothing can be published.
        """
        now_ms = self._clock()
        crews = self._counts()
        depths = dict(zip(self._apis, self._executor.map(self._depth, self._apis), strict=True))
        values: list[Value] = []
        decided: list[str] = []
        for name, api in self._apis.items():
            crew, depth = crews.get(name), depths[name]
            if crew is None or depth is None:
                continue
            decision = self._decide(api, crew, depth, now_ms)
            values += _values(api, decision, crew, depth)
            decided.append(name)
        if ages:
            values += self._ages([name for name in decided if _busy(depths[name])], now_ms)
        self._metrics.put(values, at_ms=now_ms)
        return Look(tuple(decided), tuple(name for name in self._apis if name not in decided))

    def _counts(self) -> Mapping[str, Crew]:
        """The services of the shared cluster in one go, those of other clusters beside each other."""
        shared = [name for name, api in self._apis.items() if not api.own_cluster]
        others = [name for name, api in self._apis.items() if api.own_cluster]
        counted = self._executor.map(lambda api: self._tried(api, self._count), others)
        crews = dict(self._crews.counts(shared)) if shared else {}
        return crews | {api: crew for api, crew in zip(others, counted, strict=True) if crew is not None}

    def _count(self, api: str) -> Crew | None:
        return self._crews.counts([api]).get(api)

    def _decide(self, api: ScaledApi, crew: Crew, depth: Depth, now_ms: int) -> Decision:
        observation = Observation(
            now_ms=now_ms, visible=depth.visible, in_progress=depth.in_flight, desired=crew.desired
        )
        first = self._beginnings.fewest(api.name, init_replicas=api.init_replicas, desired=crew.desired)
        policy = replace(api.policy, min_replicas=max(api.policy.min_replicas, first))
        decision = decide(policy, observation, self._remembered.get(api.name, ()))
        self._remembered[api.name] = decision.history
        return decision

    def _depth(self, api: str) -> Depth | None:
        return self._tried(api, self._queues.depth)

    def _ages(self, apis: Sequence[str], now_ms: int) -> Iterator[Value]:
        oldest = self._executor.map(lambda api: self._tried(api, self._oldest_open_ms), apis)
        for api, created_ms in zip(apis, oldest, strict=True):
            if created_ms is not None:
                yield Value(api, Measure.OLDEST_AGE, max(0, now_ms - created_ms) / 1000)

    def _tried(self, api: str, ask: Callable[[str], T]) -> T | None:
        try:
            return ask(api)
        except DependencyError as error:
            logger.warning("not read", extra={"action": "look", "api": api, "error": str(error)})
            return None


def _last_ms(history: Sequence[Sample]) -> int:
    return history[-1].at_ms if history else 0


def _busy(depth: Depth | None) -> bool:
    return depth is not None and depth.visible + depth.in_flight > 0


def _values(api: ScaledApi, decision: Decision, crew: Crew, depth: Depth) -> Iterator[Value]:
    in_flight = depth.visible + depth.in_flight
    measured: Mapping[Measure, float] = {
        Measure.TASKS_MISSING: decision.missing,
        Measure.TASKS_SPARE: decision.spare,
        Measure.IN_FLIGHT: in_flight,
        Measure.BACKLOG_PER_TASK: in_flight / max(1, crew.desired),
        Measure.TASKS_DESIRED: crew.desired,
        Measure.TASKS_RUNNING: crew.running,
    }
    return (Value(api.name, measure, value) for measure, value in measured.items())
