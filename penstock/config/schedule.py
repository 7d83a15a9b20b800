"""Replicas by the clock."""

from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from penstock.config.findings import rejection
from penstock.config.section import Section, WholeNumber
from penstock.scaling.cron import Cron

LONGEST_NAME_CHARACTERS = 64

#: Twice the tasks that ECS gives a service unless AWS is asked for more.
MOST_REPLICAS = 10_000
_NAME_PATTERN = "[A-Za-z0-9_-]+"


#: Any moment will do: a day that does not come in the years behind it does not come.
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _cron(value: str) -> str:
    cron = Cron.parse(value)
    if value.endswith(" *") and cron.next(_SOME_TIME, UTC) is None:
        raise ValueError("never comes: its months have no such day, or not within eight years")
    return value


def _timezone(value: str) -> str:
    known = available_timezones()
    if not known:
        raise ValueError(
            "cannot be checked: this machine has no time zones; install its package tzdata, or Python's"
        )
    if value not in known:
        near = get_close_matches(value, known, n=1)
        raise rejection(
            'must be the name of an IANA time zone, such as "Europe/Berlin"',
            suggestion=near[0] if near else None,
        )
    return value


class ReplicaSchedule(Section):
    """Other bounds from a moment on, until another schedule sets others."""

    name: str = Field(pattern=f"^{_NAME_PATTERN}$", max_length=LONGEST_NAME_CHARACTERS)
    """Name, unique among the API's schedules. Letters, digits, `-` and `_`; at most 64."""

    cron: Annotated[str, AfterValidator(_cron)]
    """When: six fields as AWS has them, `minutes hours day-of-month month day-of-week year`, one of the two \
fields for days being `?`."""

    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    """On whose clock, such as `Europe/Berlin`; with its summer time."""

    min_replicas: WholeNumber = Field(ge=0, le=MOST_REPLICAS)
    """Fewest replicas from then on."""

    max_replicas: Annotated[WholeNumber, Field(ge=1, le=MOST_REPLICAS)] | None = None
    """Most replicas from then on, at least `min_replicas`. Default: the API's `max_replicas`."""

    @field_validator("max_replicas")
    @classmethod
    def _not_below_min(cls, value: int | None, info: ValidationInfo) -> int | None:
        fewest = info.data.get("min_replicas")
        if None not in {fewest, value} and value < fewest:  # type: ignore[operator]  # both are numbers
            raise ValueError(f"must be at least min_replicas, {fewest}, not {value}")
        return value
