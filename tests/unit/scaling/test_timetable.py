"""Bounds by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.scaling.cron import Cron
from penstock.scaling.timetable import Bounds, Schedule, Timetable

BASE = Bounds(0, 10)


def schedule(cron: str, fewest: int, most: int, *, timezone: str = "UTC") -> Schedule:
    return Schedule(name=cron, cron=Cron.parse(cron), timezone=timezone, bounds=Bounds(fewest, most))


OFFICE = Timetable(BASE, (schedule("0 8 ? * MON-FRI *", 2, 30), schedule("0 20 ? * MON-FRI *", 0, 10)))


def test_without_schedules_the_bounds_never_change():
    always = Timetable(BASE)
    assert always.at(datetime(2030, 1, 1, tzinfo=UTC)) == always.widest == BASE
    assert list(always.changes(datetime(2030, 1, 1, tzinfo=UTC))) == []


def test_the_schedule_that_was_due_last_holds_over_nights_and_weekends():
    monday = datetime(2030, 1, 7, tzinfo=UTC)
    at = {
        hours: OFFICE.at(monday + timedelta(hours=hours)).fewest
        for hours in (-1, 7, 8, 19, 20, 31, 32, 24 * 5 + 12)
    }
    assert at == {-1: 0, 7: 0, 8: 2, 19: 2, 20: 0, 31: 0, 32: 2, 24 * 5 + 12: 0}


def test_before_any_schedule_was_due_the_base_holds():
    once = Timetable(Bounds(1, 5), (schedule("0 0 1 1 ? 2040", 3, 9),))
    assert once.at(datetime(2030, 1, 1, tzinfo=UTC)) == Bounds(1, 5)
    assert once.at(datetime(2040, 1, 1, tzinfo=UTC)) == Bounds(3, 9)
    assert [bounds for _, bounds in once.changes(datetime(2030, 1, 1, tzinfo=UTC))] == []
    [(moment, _)] = once.changes(datetime(2039, 1, 1, tzinfo=UTC))
    assert moment == datetime(2040, 1, 1, tzinfo=UTC)


def test_of_two_that_are_due_at_once_the_last_listed_holds():
    both = Timetable(BASE, (schedule("0 8 ? * * *", 1, 2), schedule("0 8 ? * MON *", 3, 4)))
    assert both.at(datetime(2030, 1, 7, 9, tzinfo=UTC)) == Bounds(3, 4)


def test_what_is_decided_may_use_the_widest_bounds():
    assert OFFICE.widest == Bounds(0, 30)


@settings(deadline=None, max_examples=25)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - UTC is added
def test_changes_come_in_order_and_say_what_holds_from_then_on(begin):
    before = begin
    for moment, bounds in islice(OFFICE.changes(begin), 12):
        assert moment > before
        assert OFFICE.at(moment) == bounds
        assert OFFICE.at(moment - timedelta(microseconds=1)) == OFFICE.at(before)
        before = moment
