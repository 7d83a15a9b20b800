"""How many replicas there are; names, defaults and limits are those of Cortex's AsyncAPI."""

from datetime import timedelta

from pydantic import Field, ValidationInfo, field_validator

from penstock.config.quantities import format_duration
from penstock.config.section import Duration, Number, Section, WholeNumber, without_default

#: Queue depth is published this often, so a window is whole such steps.
TICK = timedelta(seconds=10)


class Autoscaling(Section):
    """Bounds of the number of replicas, and how fast it follows the queue."""

    min_replicas: WholeNumber = Field(default=1, ge=0)
    """Fewest replicas. 0 lets the API scale to zero."""

    max_replicas: WholeNumber = Field(default=100, ge=1, validate_default=True)
    """Most replicas. At least `min_replicas`."""

    init_replicas: WholeNumber = Field(
        default_factory=lambda data: data["min_replicas"], ge=0, validate_default=True
    )
    """Replicas right after the first deployment, within these bounds. Default: `min_replicas`."""

    target_in_flight: Number = Field(default=1.0, gt=0, json_schema_extra=without_default)
    """Requests per replica, waiting or running, to aim at. Above 0. Default: `pod.max_concurrency`."""

    window: Duration = timedelta(seconds=60)
    """Time over which requests are averaged. At least 10s, a multiple of 10s."""

    downscale_stabilization_period: Duration = timedelta(minutes=5)
    """The number of replicas falls to no less than the highest recommendation of this time."""

    upscale_stabilization_period: Duration = timedelta(minutes=1)
    """The number of replicas rises to no more than the lowest recommendation of this time."""

    max_downscale_factor: Number = Field(default=0.75, ge=0, lt=1)
    """Smallest share of the replicas one step down leaves. From 0 to below 1; one may always go."""

    max_upscale_factor: Number = Field(default=1.5, gt=1)
    """Largest multiple of the replicas one step up reaches. Above 1; one may always come."""

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

    @field_validator("window")
    @classmethod
    def _whole_ticks(cls, value: timedelta) -> timedelta:
        if value < TICK or value % TICK:
            tick = format_duration(TICK)
            raise ValueError(
                f"must be at least {tick} and a multiple of {tick}, not {format_duration(value)}"
            )
        return value
