"""Cron expressions as AWS has them: six fields, ``minutes hours day-of-month month day-of-week year``.

Differences to Unix's: the year is a field, Sunday is day 1, and one of the two fields for days is ``?``.
``L`` is the last day of a month (``6L`` its last Friday), ``15W`` the weekday nearest to the 15th, ``2#1``
the first Monday.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import tzinfo

    DayRule = Callable[[date], bool]

_FIELDS = 6
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_WEEK = 7
_FIRST_YEAR, _LAST_YEAR = 1970, 2199

#: As far as a 29th of February may be away, around a year 2100 without one.
_HORIZON_DAYS = 8 * 366 + 1

_PART = re.compile(r"(?P<from>\*|[A-Z0-9]{1,4})(?:-(?P<to>[A-Z0-9]{1,4}))?(?:/(?P<step>[0-9]{1,4}))?")


class BadCron(ValueError):
    """The text is no cron expression of AWS's; the error says which field is wrong, and why."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is to happen, on the clock of any time zone."""

    text: str
    _times: tuple[time, ...] = field(compare=False, repr=False)
    _months: frozenset[int] = field(compare=False, repr=False)
    _years: frozenset[int] = field(compare=False, repr=False)
    _is_day: DayRule = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read six fields; ``BadCron``."""
        # Only ASCII: other scripts have letters whose capitals are ours.
        fields = text.upper().split() if text.isascii() else []
        if len(fields) != _FIELDS:
            raise BadCron(
                "must have the six fields of AWS's cron, minutes hours day-of-month month day-of-week year, "
                f'such as "0 8 ? * MON-FRI *", not {text[:60]!r}'
            )
        minutes, hours, days, months, weekdays, years = fields
        at_minutes = _Field("minutes", 0, 59).read(minutes)
        at_hours = _Field("hours", 0, 23).read(hours)
        return cls(
            # As AWS documents it: one space between fields, names in capitals.
            " ".join(fields),
            tuple(time(hour, minute) for hour in sorted(at_hours) for minute in sorted(at_minutes)),
            _Field("month", 1, 12, _MONTHS).read(months),
            _Field("year", _FIRST_YEAR, _LAST_YEAR).read(years),
            _day_rule(days, weekdays),
        )

    def latest(self, at: datetime, zone: tzinfo) -> datetime | None:
        """The last moment not after ``at``, in UTC; None if there is none within years."""
        today = at.astimezone(zone).date()
        days = (today - timedelta(days=number) for number in range(_HORIZON_DAYS))
        return next((max(found) for day in days if (found := self._on(day, zone, until=at))), None)

    def next(self, at: datetime, zone: tzinfo) -> datetime | None:
        """The first moment after ``at``, in UTC; None if there is none within years."""
        today = at.astimezone(zone).date()
        days = (today + timedelta(days=number) for number in range(_HORIZON_DAYS))
        return next((min(found) for day in days if (found := self._on(day, zone, since=at))), None)

    def _on(
        self, day: date, zone: tzinfo, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[datetime]:
        """All moments of a day after ``since`` and up to ``until``.

        A time that the clocks leave out in spring is as much later as they are put forward.
        """
        if day.month not in self._months or day.year not in self._years or not self._is_day(day):
            return []
        moments = (datetime.combine(day, at, zone).astimezone(UTC) for at in self._times)
        return [
            moment
            for moment in moments
            if (since is None or moment > since) and (until is None or moment <= until)
        ]


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field may hold."""

    name: str
    first: int
    last: int
    names: Mapping[str, int] | None = None

    def read(self, text: str) -> frozenset[int]:
        """The numbers that the field stands for."""
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def number(self, text: str) -> int:
        """A number or a name."""
        number = (self.names or {}).get(text) or (int(text) if text.isdecimal() and text.isascii() else -1)
        if not self.first <= number <= self.last:
            raise self.bad(text)
        return number

    def bad(self, text: str) -> BadCron:
        """The error for a part."""
        return BadCron(f"has {text!r} for its {self.name}, which goes from {self.first} to {self.last}")

    def _part(self, part: str) -> range:
        match = _PART.fullmatch(part)
        if match is None or (match["from"] == "*" and match["to"]):
            raise self.bad(part)
        step = int(match["step"] or 1)
        begin = self.first if match["from"] == "*" else self.number(match["from"])
        open_ended = match["from"] == "*" or (match["step"] and not match["to"])
        end = self.last if open_ended else self.number(match["to"] or match["from"])
        if not step or end < begin:
            raise self.bad(part)
        return range(begin, end + 1, step)


_DAYS = _Field("day of month", 1, 31)
_DAYS_OF_WEEK = _Field("day of week", 1, _WEEK, _WEEKDAYS)


def _day_rule(days: str, weekdays: str) -> DayRule:
    if (days == "?") is (weekdays == "?"):
        raise BadCron('must have "?" for its day of month or for its day of week, and not for both')
    parts = list(_weekday_rules(weekdays) if days == "?" else _monthday_rules(days))
    return lambda day: any(rule(day) for rule in parts)


def _monthday_rules(text: str) -> Iterator[DayRule]:
    for part in text.split(","):
        if part == "L":
            yield lambda day: day.day == _days_of(day)
        elif part.endswith("W"):
            yield _nearest_weekday(_DAYS.number(part[:-1]))
        else:
            yield _among(_DAYS.read(part), lambda day: day.day)


def _weekday_rules(text: str) -> Iterator[DayRule]:
    for part in text.split(","):
        named, hashed, which = part.partition("#")
        if hashed:
            yield _nth(_DAYS_OF_WEEK.number(named), which)
        elif part.endswith("L") and part != "L":
            yield _last(_DAYS_OF_WEEK.number(part[:-1]))
        else:
            # Alone, L is the last day of each week.
            yield _among(_DAYS_OF_WEEK.read("SAT" if part == "L" else part), _day_of_week)


def _among(numbers: frozenset[int], number_of: Callable[[date], int]) -> DayRule:
    return lambda day: number_of(day) in numbers


def _nth(weekday: int, which: str) -> DayRule:
    if which not in {"1", "2", "3", "4", "5"}:
        raise BadCron(f"has #{which} for its day of week, which goes from #1 to #5")
    return lambda day: _day_of_week(day) == weekday and (day.day - 1) // _WEEK + 1 == int(which)


def _last(weekday: int) -> DayRule:
    return lambda day: _day_of_week(day) == weekday and day.day + _WEEK > _days_of(day)


def _nearest_weekday(number: int) -> DayRule:
    """Monday to Friday, within the month."""

    def rule(day: date) -> bool:
        if number > _days_of(day):
            return False
        wanted = day.replace(day=number)
        if wanted.isoweekday() == calendar.SATURDAY + 1:
            shift = -1 if number > 1 else 2
        elif wanted.isoweekday() == calendar.SUNDAY + 1:
            shift = 1 if number < _days_of(day) else -2
        else:
            shift = 0
        return day == wanted + timedelta(days=shift)

    return rule


def _days_of(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _day_of_week(day: date) -> int:
    """AWS's: Sunday is 1."""
    return day.isoweekday() % _WEEK + 1
