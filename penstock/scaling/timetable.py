"""Bounds of the number of tasks by the clock: what Application Auto Scaling's scheduled actions do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.scaling.cron import Cron

_EVER_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Fewest and most tasks."""

    fewest: int
    most: int

    def clamp(self, tasks: int) -> int:
        """The nearest number within them."""
        return min(max(tasks, self.fewest), self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """From each of these moments on the bounds are these, until another schedule sets others."""

    name: str
    cron: Cron
    #: Of the IANA's data base.
    timezone: str
    bounds: Bounds

    def latest(self, at: datetime) -> datetime | None:
        """When it was last due, not after this moment."""
        return self.cron.latest(at, ZoneInfo(self.timezone))

    def next(self, at: datetime) -> datetime | None:
        """When it is due next, after this moment."""
        return self.cron.next(at, ZoneInfo(self.timezone))


@dataclass(frozen=True, slots=True)
class Timetable:
    """The bounds of a service at any moment."""

    #: As long as no schedule has been due.
    base: Bounds
    schedules: tuple[Schedule, ...] = ()

    @property
    def widest(self) -> Bounds:
        """The bounds that hold at all times."""
        all_bounds = (self.base, *(schedule.bounds for schedule in self.schedules))
        return Bounds(min(each.fewest for each in all_bounds), max(each.most for each in all_bounds))

    def at(self, moment: datetime) -> Bounds:
        """The bounds by the schedule that was due last; of two at once, by the last one listed."""
        due = [(schedule.latest(moment), schedule.bounds) for schedule in self.schedules]
        latest, bounds = _EVER_AGO, self.base
        for last, wanted in due:
            if last is not None and last >= latest:
                latest, bounds = last, wanted
        return bounds

    def changes(self, after: datetime) -> Iterator[tuple[datetime, Bounds]]:
        """What comes, one after the other."""
        moment = after
        while coming := [due for schedule in self.schedules if (due := schedule.next(moment))]:
            moment = min(coming)
            yield moment, self.at(moment)
