"""AWS's cron expressions: what they mean on a calendar, and what is none."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.scaling.cron import BadCron, Cron

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2030, 1, 9, 12, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "coming"),
    [
        ("0 8 ? * MON-FRI *", "2030-01-10T08:00"),
        ("30 12 ? * MON-FRI *", "2030-01-09T12:30"),
        ("0 12 ? * * *", "2030-01-10T12:00"),
        ("0/20 * * * ? *", "2030-01-09T12:20"),
        ("5,50 10-12 * * ? *", "2030-01-09T12:05"),
        ("0 0 1 * ? *", "2030-02-01T00:00"),
        # Sunday is the first day.
        ("0 0 ? * 1 *", "2030-01-13T00:00"),
        ("0 0 ? * 7 *", "2030-01-12T00:00"),
        ("0 0 ? * SUN,TUE *", "2030-01-13T00:00"),
        ("0 0 L * ? *", "2030-01-31T00:00"),
        ("0 0 L FEB ? *", "2030-02-28T00:00"),
        ("0 0 ? * 6L *", "2030-01-25T00:00"),
        ("0 0 ? * L *", "2030-01-12T00:00"),
        ("0 0 ? * FRI#2 *", "2030-01-11T00:00"),
        ("0 0 ? * 6#5 *", "2030-03-29T00:00"),
        # The 12th is a Saturday, the 13th a Sunday.
        ("0 0 12W * ? *", "2030-01-11T00:00"),
        ("0 0 13W * ? *", "2030-01-14T00:00"),
        # The 1st of June is a Saturday, the 30th a Sunday: within the month.
        ("0 0 1W JUN ? *", "2030-06-03T00:00"),
        ("0 0 30W JUN ? *", "2030-06-28T00:00"),
        ("0 0 29 2 ? *", "2032-02-29T00:00"),
        ("0 0 1 1 ? 2031,2033", "2031-01-01T00:00"),
        ("0 0 ? jan/6 wed 2030-2031", "2030-01-16T00:00"),
    ],
)
def test_the_next_moment_is_the_one_on_the_calendar(text, coming):
    assert Cron.parse(text).next(NOON, UTC) == datetime.fromisoformat(coming).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "six fields"),
        ("0 8 * * 1-5", "six fields of AWS's cron"),
        ("0 8 ? * MON-FRI * *", "six fields"),
        ("@daily", "six fields"),
        ("0 8 ? * \u017fun *", "six fields"),
        ("0 8 * * * *", 'must have "?" for its day of month or for its day of week'),
        ("0 8 ? * ? *", 'must have "?" for its day of month or for its day of week'),
        ("? 8 ? * MON *", "has '?' for its minutes"),
        ("60 8 ? * MON *", "has '60' for its minutes, which goes from 0 to 59"),
        ("-1 8 ? * MON *", "for its minutes"),
        ("5-1 8 ? * MON *", "for its minutes"),
        ("*/0 8 ? * MON *", "for its minutes"),
        ("*-5 8 ? * MON *", "for its minutes"),
        ("1,,2 8 ? * MON *", "for its minutes"),
        ("0 24 ? * MON *", "for its hours, which goes from 0 to 23"),
        ("0 8 32 * ? *", "for its day of month, which goes from 1 to 31"),
        ("0 8 0W * ? *", "for its day of month"),
        ("0 8 LW * ? *", "for its day of month"),
        ("0 8 ? 13 MON *", "for its month, which goes from 1 to 12"),
        ("0 8 ? MON MON *", "for its month"),
        ("0 8 ? * 8 *", "for its day of week, which goes from 1 to 7"),
        ("0 8 ? * 2#6 *", "#6 for its day of week, which goes from #1 to #5"),
        ("0 8 ? * MON 1969", "for its year, which goes from 1970 to 2199"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_the_field(text, reason):
    with pytest.raises(BadCron) as caught:
        Cron.parse(text)
    assert reason in str(caught.value)


def test_a_moment_that_has_come_is_the_latest_and_not_the_next():
    daily = Cron.parse("0 12 ? * * *")
    assert daily.latest(NOON, UTC) == NOON
    assert daily.next(NOON, UTC) == NOON + timedelta(days=1)


def test_hours_are_those_of_the_time_zone_in_summer_and_in_winter():
    morning = Cron.parse("0 8 ? * * *")
    assert morning.next(datetime(2030, 1, 1, tzinfo=UTC), BERLIN).hour == 7
    assert morning.next(datetime(2030, 7, 1, tzinfo=UTC), BERLIN).hour == 6


def test_an_hour_that_the_clocks_leave_out_is_not_lost():
    night = Cron.parse("30 2 31 3 ? 2030")
    assert night.next(datetime(2030, 3, 30, tzinfo=UTC), BERLIN) == datetime(2030, 3, 31, 1, 30, tzinfo=UTC)


def test_aws_is_told_the_fields_as_it_documents_them():
    assert Cron.parse(" 0  8 ?\t* mon-fri\n*").text == "0 8 ? * MON-FRI *"


def test_what_never_comes_is_none():
    assert Cron.parse("0 0 30 2 ? *").next(NOON, UTC) is None
    assert Cron.parse("0 0 1 1 ? 2020").next(NOON, UTC) is None
    assert Cron.parse("0 0 1 1 ? 2050").latest(NOON, UTC) is None


numbers = st.integers
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - UTC is added


@st.composite
def listed(draw, first, last):
    """A field of numbers, ranges and steps, and the numbers it stands for."""
    parts, meant = [], set()
    for _ in range(draw(numbers(1, 3))):
        begin = draw(numbers(first, last))
        end = draw(numbers(begin, last))
        step = draw(numbers(1, last))
        parts.append(draw(st.sampled_from([f"{begin}-{end}/{step}", f"{begin:02}-{end}/{step}"])))
        meant |= set(range(begin, end + 1, step))
    return ",".join(parts), meant


@settings(deadline=None, max_examples=50)
@given(listed(0, 59), listed(0, 23), listed(1, 7), moments, st.sampled_from([UTC, BERLIN]))
def test_between_two_moments_lies_no_other_and_each_is_as_the_fields_say(minutes, hours, days, at, zone):
    cron = Cron.parse(f"{minutes[0]} {hours[0]} ? * {days[0]} *")

    latest, coming = cron.latest(at, zone), cron.next(at, zone)

    assert latest is not None
    assert coming is not None
    assert latest <= at < coming
    assert cron.next(latest, zone) == coming
    assert cron.latest(coming - timedelta(microseconds=1), zone) == latest
    local = coming.astimezone(zone)
    # An hour that is left out comes later by that hour.
    assert local.minute in minutes[1]
    assert {local.hour, local.hour - 1} & hours[1]
    assert local.isoweekday() % 7 + 1 in days[1]


@given(st.text(alphabet="0123456789*?/-,#LW MONFRI", max_size=30) | st.text(max_size=20))
def test_any_text_is_an_expression_or_refused_as_none(text):
    with suppress(BadCron):
        assert Cron.parse(text) == Cron.parse(text)
