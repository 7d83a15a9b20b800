"""From the depth of a queue to a number of tasks.

The fields and their names are Cortex's. Two things differ on purpose. Stabilisation looks at what was
*needed*, not at what had been recommended within the limits of a step, so that scaling in by steps does
not begin its period anew with each of them. And work in progress is a floor of its own, whatever the
averages say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: A need of 3.0000000001 tasks is one of 3.
_ROUNDING = 1e-9

#: How much longer than needed the past is remembered: a look that comes a moment late must still find that
#: a period has been seen whole.
_SLACK_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPolicy:
    """Bounds and pace; the defaults are those of ``autoscaling`` in the configuration."""

    min_replicas: int = 1
    max_replicas: int = 100
    #: Requests per task, waiting or running, to aim at.
    target_in_flight: float = 1.0
    #: Requests that one task runs at the same time.
    max_concurrency: int = 1
    window_ms: int = 10_000
    upscale_stabilization_ms: int = 0
    downscale_stabilization_ms: int = 300_000
    max_upscale_factor: float = 100.0
    max_downscale_factor: float = 0.25
    upscale_tolerance: float = 0.05
    downscale_tolerance: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is seen at one moment."""

    now_ms: int
    #: Messages that can be received.
    visible: int
    #: Messages that a worker holds.
    in_progress: int
    #: Tasks that ECS is to run. Not those that run: during a cold start that would scale out again
    #: for what is on its way already.
    desired: int

    @property
    def in_flight(self) -> int:
        """Requests that wait or run."""
        return self.visible + self.in_progress


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at an earlier moment."""

    at_ms: int
    in_flight: int
    #: Tasks that the average of its window asked for.
    needed: int


@dataclass(frozen=True, slots=True)
class Decision:
    """How many tasks there should be, and what the next decision must know."""

    replicas: int
    desired: int
    history: tuple[Sample, ...]

    @property
    def missing(self) -> int:
        """Tasks to add."""
        return max(0, self.replicas - self.desired)

    @property
    def spare(self) -> int:
        """Tasks to take away."""
        return max(0, self.desired - self.replicas)


def decide(policy: ScalingPolicy, observation: Observation, history: tuple[Sample, ...] = ()) -> Decision:
    """Decide. ``history`` is what the decision before returned; gaps in it do no harm.

    Without history as long as the stabilisation period the number does not fall, as it is not known what
    was needed.
    """
    now_ms = observation.now_ms
    kept = tuple(sample for sample in history if now_ms - sample.at_ms <= _memory_ms(policy))
    needed = _needed(policy, observation, kept)
    history = (*kept, Sample(now_ms, observation.in_flight, needed))
    wanted = _stabilised(policy, observation, history)
    return Decision(_bounded(policy, observation, wanted), observation.desired, history)


def _needed(policy: ScalingPolicy, observation: Observation, history: tuple[Sample, ...]) -> int:
    since_ms = observation.now_ms - policy.window_ms
    seen = [sample.in_flight for sample in history if sample.at_ms > since_ms]
    average = (sum(seen) + observation.in_flight) / (len(seen) + 1)
    return _tasks_for(average / policy.target_in_flight)


def _stabilised(policy: ScalingPolicy, observation: Observation, history: tuple[Sample, ...]) -> int:
    now_ms, desired, needed = observation.now_ms, observation.desired, history[-1].needed
    if needed < desired:
        covered = now_ms - history[0].at_ms >= policy.downscale_stabilization_ms
        highest = max(_since(history, now_ms - policy.downscale_stabilization_ms))
        close = needed > desired * (1 - policy.downscale_tolerance)
        return desired if close or not covered else min(desired, max(needed, highest))
    if needed > desired:
        lowest = min(_since(history, now_ms - policy.upscale_stabilization_ms))
        # Nothing is close to none: what waits at zero would wait for ever.
        close = desired > 0 and needed < desired * (1 + policy.upscale_tolerance)
        return desired if close else max(desired, lowest)
    return desired


def _since(history: tuple[Sample, ...], since_ms: int) -> list[int]:
    return [sample.needed for sample in history if sample.at_ms >= since_ms]


def _bounded(policy: ScalingPolicy, observation: Observation, wanted: int) -> int:
    desired = observation.desired
    at_work = min(desired, _tasks_for(observation.in_progress / policy.max_concurrency))
    # One may always come, and one may always go.
    most = max(desired + 1, math.ceil(max(1, desired) * policy.max_upscale_factor))
    fewest = max(min(desired - 1, math.ceil(desired * policy.max_downscale_factor)), at_work)
    paced = min(max(wanted, fewest), most)
    return min(max(paced, policy.min_replicas), policy.max_replicas)


def _tasks_for(tasks: float) -> int:
    return max(0, math.ceil(tasks - _ROUNDING))


def _memory_ms(policy: ScalingPolicy) -> int:
    longest_ms = max(policy.window_ms, policy.upscale_stabilization_ms, policy.downscale_stabilization_ms)
    return longest_ms + _SLACK_MS
