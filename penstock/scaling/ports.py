"""What the decision needs from outside, and where it is told. Every method may raise ``DependencyError``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.overview import Crew
    from penstock.scaling.decision import Sample

#: CloudWatch namespace and dimensions of all values.
NAMESPACE = "Penstock/Scaling"
DEPLOYMENT = "deployment"
API = "api"


class Measure(StrEnum):
    """Names of the values."""

    #: What step policies act on.
    TASKS_MISSING = "TasksMissing"
    TASKS_SPARE = "TasksSpare"
    #: What people look at.
    IN_FLIGHT = "InFlight"
    BACKLOG_PER_TASK = "BacklogPerTask"
    TASKS_DESIRED = "TasksDesired"
    TASKS_RUNNING = "TasksRunning"
    OLDEST_AGE = "OldestAge"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of one API; ages in seconds, all else counts."""

    api: str
    measure: Measure
    value: float


class Crews(Protocol):
    """The ECS services of all APIs."""

    def counts(self, apis: Sequence[str]) -> Mapping[str, Crew]:
        """The workers of each; an API without a service is left out."""


class Metrics(Protocol):
    """Where values go."""

    def put(self, values: Sequence[Value], *, at_ms: int) -> None:
        """Publish them all for one moment, at a resolution of a second."""


class Histories(Protocol):
    """What decisions remember, over the end of the function that made them."""

    def load(self, apis: Sequence[str]) -> Mapping[str, tuple[Sample, ...]]:
        """What was saved of each; those of which nothing was are left out."""

    def save(self, histories: Mapping[str, tuple[Sample, ...]]) -> None:
        """Keep them."""
