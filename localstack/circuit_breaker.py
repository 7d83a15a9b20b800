"""When a deployment has failed, and what the service goes back to: ECS's circuit breaker, alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_BOUNDS = (3, 200)


@dataclass(frozen=True, slots=True)
class Breaker:
    """How many tasks of a deployment may fail, one after the other."""

    #: A number of tasks; None for a share of those that there should be.
    count: int | None = None
    percent: int = 50

    def threshold(self, desired: int) -> int:
        """So many failures, and the deployment has failed."""
        if self.count is not None:
            return self.count
        least, most = _BOUNDS
        return min(most, max(least, math.ceil(self.percent * desired / 100)))


@dataclass(frozen=True, slots=True)
class Rollout:
    """A service's latest deployment."""

    #: ARN of the task definition that is being deployed.
    definition: str
    #: ARN of the last one whose deployment was completed.
    good: str | None = None
    #: Tasks that died since one was healthy.
    failures: int = 0

    def towards(self, definition: str) -> Rollout:
        """Go on with the same task definition, or begin with another."""
        return self if definition == self.definition else Rollout(definition, self.good)

    def after_death(self, definition: str) -> Rollout:
        """A task of that definition died. Once a deployment is completed, that is no fault of it."""
        is_its_own = definition == self.definition != self.good
        return replace(self, failures=self.failures + is_its_own)

    def after_look(self, *, healthy: int, desired: int) -> Rollout:
        """So many tasks of the definition are healthy, of so many that there should be."""
        if healthy >= desired:
            return replace(self, good=self.definition, failures=0)
        return replace(self, failures=0) if healthy else self

    def way_back(self, breaker: Breaker, *, desired: int) -> str | None:
        """What to deploy instead; None if the deployment goes on, or there is nothing to go back to."""
        return self.good if self.failures >= breaker.threshold(desired) else None
