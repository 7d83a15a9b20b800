"""What Application Auto Scaling does with what is published: alarms, and the step policies they set off.

The simulator plays it with AWS's delays, the local agent in earnest where there is no Application Auto
Scaling.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from penstock.scaling.steps import step_sizes

#: An alarm that stays in ALARM acts again so often (Application Auto Scaling user guide, step policies).
REPEAT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPolicy:
    """An alarm on a number of tasks, and the step policy that it sets off."""

    #: How many tasks each step adds or takes, ascending.
    sizes: tuple[int, ...]
    #: From which value on each step holds.
    thresholds: tuple[float, ...]
    #: 1 to add what is missing, -1 to take what is spare.
    sign: int
    #: Values in a row above the threshold before the alarm acts.
    evaluation_periods: int = 1
    cooldown_seconds: float = 0.0

    def change(self, value: float) -> int:
        """What it does to the number of tasks for this value of its alarm."""
        index = bisect_right(self.thresholds, value)
        return self.sign * self.sizes[index - 1] if index else 0


def policies(min_replicas: int, max_replicas: int) -> tuple[StepPolicy, ...]:
    """The policies that are deployed for a service with these bounds: for missing tasks, and for spare."""
    sizes = step_sizes(max(1, max_replicas - min_replicas))
    thresholds = tuple(map(float, sizes))
    return tuple(StepPolicy(sizes=sizes, thresholds=thresholds, sign=sign) for sign in (1, -1))


class Alarm:
    """One policy's alarm over time."""

    def __init__(self, policy: StepPolicy) -> None:
        self.policy = policy
        self._high = 0
        self._acted_at = -math.inf

    def look(self, value: float | None, *, now: float) -> int:
        """The change that this value, seen now, asks for; 0 for none.

        ``now`` is in seconds on any clock that does not go back. None is a missing value, and not high.
        """
        if value is None or value < self.policy.thresholds[0]:
            self._high = 0
            return 0
        self._high += 1
        if self._high < self.policy.evaluation_periods:
            return 0
        just_raised = self._high == self.policy.evaluation_periods
        since = now - self._acted_at
        if since < self.policy.cooldown_seconds or (not just_raised and since < REPEAT_SECONDS):
            return 0
        self._acted_at = now
        return self.policy.change(value)
