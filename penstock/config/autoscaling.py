"""How many replicas there are; names and limits are those of Cortex's AsyncAPI."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from penstock.config.findings import Finding, entries, validate_with
from penstock.config.quantities import format_duration
from penstock.config.schedule import MOST_REPLICAS, ReplicaSchedule
from penstock.config.section import Duration, Number, Section, WholeNumber, without_default
from penstock.scaling.cron import Cron
from penstock.scaling.decision import ScalingPolicy
from penstock.scaling.timetable import Bounds, Schedule, Timetable

#: Queue depth is published this often, so a window is whole such steps.
TICK = timedelta(seconds=10)

#: What was seen at each step of that time lies in one item of the table, which holds 400 KB.
LONGEST_MEMORY = timedelta(days=1)

_DEFAULTS = ScalingPolicy()
_MILLISECOND = timedelta(milliseconds=1)


class Autoscaling(Section):
    """Bounds of the number of replicas, and how fast it follows the queue."""

    min_replicas: WholeNumber = Field(default=1, ge=0)
    """Fewest replicas. 0 lets the API scale to zero."""

    max_replicas: WholeNumber = Field(default=100, ge=1, le=MOST_REPLICAS, validate_default=True)
    """Most replicas. At least `min_replicas`; 1 to 10000."""

    init_replicas: WholeNumber = Field(
        default_factory=lambda data: data["min_replicas"], ge=0, validate_default=True
    )
    """Replicas that the first deployment goes on to, within these bounds; later ones change nothing. \
Default: `min_replicas`."""

    schedules: tuple[ReplicaSchedule, ...] = ()
    """Other bounds at times of the day or the week."""

    target_in_flight: Number = Field(default=1.0, gt=0, json_schema_extra=without_default)
    """Requests per replica, waiting or running, to aim at. Above 0. Default: `pod.max_concurrency`."""

    window: Duration = timedelta(milliseconds=_DEFAULTS.window_ms)
    """Time over which requests are averaged. 10s to 1d, a multiple of 10s."""

    downscale_stabilization_period: Duration = timedelta(milliseconds=_DEFAULTS.downscale_stabilization_ms)
    """The number of replicas falls to no less than what was needed at any moment of this time. Up to 1d."""

    upscale_stabilization_period: Duration = timedelta(milliseconds=_DEFAULTS.upscale_stabilization_ms)
    """The number of replicas rises to no more than what was needed at every moment of this time. Up to \
1d."""

    max_downscale_factor: Number = Field(default=_DEFAULTS.max_downscale_factor, ge=0, lt=1)
    """Smallest share of the replicas one step down leaves. From 0 to below 1; one may always go."""

    max_upscale_factor: Number = Field(default=_DEFAULTS.max_upscale_factor, gt=1, le=MOST_REPLICAS)
    """Largest multiple of the replicas one step up reaches. Above 1, at most 10000; one may always come."""

    downscale_tolerance: Number = Field(default=0.05, ge=0, lt=1)
    """A recommendation this share below the number of replicas changes nothing. From 0 to below 1."""

    upscale_tolerance: Number = Field(default=0.05, ge=0)
    """A recommendation this share above the number of replicas changes nothing. At least 0."""

    @field_validator("max_replicas")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        fewest = info.data.get("min_replicas")
        if fewest is not None and value < fewest:
            raise ValueError(f"must be at least min_replicas, {fewest}, not {value}")
        return value

    @field_validator("init_replicas")
    @classmethod
    def _within_bounds(cls, value: int, info: ValidationInfo) -> int:
        fewest, most = info.data.get("min_replicas"), info.data.get("max_replicas")
        if (fewest is not None and value < fewest) or (most is not None and value > most):
            raise ValueError(f"must be from min_replicas to max_replicas, not {value}")
        return value

    @field_validator("schedules", mode="wrap")
    @classmethod
    def _distinct(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> tuple[ReplicaSchedule, ...]:
        return validate_with(_clashes(value, most=info.data.get("max_replicas")), value, handler=handler)

    @field_validator("window")
    @classmethod
    def _whole_ticks(cls, value: timedelta) -> timedelta:
        if value < TICK or value % TICK:
            tick = format_duration(TICK)
            raise ValueError(
                f"must be at least {tick} and a multiple of {tick}, not {format_duration(value)}"
            )
        return value

    @field_validator("window", "downscale_stabilization_period", "upscale_stabilization_period")
    @classmethod
    def _remembered(cls, value: timedelta) -> timedelta:
        if value > LONGEST_MEMORY:
            longest = format_duration(LONGEST_MEMORY)
            raise ValueError(f"must be at most {longest}, not {format_duration(value)}")
        return value

    @property
    def timetable(self) -> Timetable:
        """The bounds at any moment."""
        return Timetable(
            Bounds(self.min_replicas, self.max_replicas),
            tuple(
                Schedule(
                    name=each.name,
                    cron=Cron.parse(each.cron),
                    timezone=each.timezone,
                    bounds=Bounds(each.min_replicas, each.max_replicas or self.max_replicas),
                )
                for each in self.schedules
            ),
        )

    def policy(self, *, max_concurrency: int) -> ScalingPolicy:
        """The same for the decision function; ``max_concurrency`` is the pod's.

        Its bounds are the widest of all schedules: those of the moment are kept by whoever acts on it.
        """
        bounds = self.timetable.widest
        return ScalingPolicy(
            min_replicas=bounds.fewest,
            max_replicas=bounds.most,
            target_in_flight=self.target_in_flight,
            max_concurrency=max_concurrency,
            window_ms=self.window // _MILLISECOND,
            upscale_stabilization_ms=self.upscale_stabilization_period // _MILLISECOND,
            downscale_stabilization_ms=self.downscale_stabilization_period // _MILLISECOND,
            max_upscale_factor=self.max_upscale_factor,
            max_downscale_factor=self.max_downscale_factor,
            upscale_tolerance=self.upscale_tolerance,
            downscale_tolerance=self.downscale_tolerance,
        )


def _clashes(schedules: object, *, most: int | None) -> Iterator[Finding]:
    names = set()
    for index, schedule in entries(schedules):
        name, fewest = schedule.get("name"), schedule.get("min_replicas")
        if isinstance(name, str) and name in names:
            yield Finding((index, "name"), f'must be unique: another schedule is named "{name}"')
        names.add(name if isinstance(name, str) else None)
        if most is not None and isinstance(fewest, int) and fewest > most and "max_replicas" not in schedule:
            yield Finding(
                (index, "min_replicas"),
                f"must be at most the API's max_replicas, {most}, or stand beside one of its own, "
                f"not {fewest}",
            )
