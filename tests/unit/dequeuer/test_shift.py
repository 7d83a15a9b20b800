from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dequeuer.shift import Shift, longest_hold_ms
from penstock.testing import ManualClock

MINUTE = 60


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shift(clock) -> Shift:
    return Shift(clock=clock, slots=4)


def test_protection_follows_work_that_lasts(clock, shift):
    shift.holds(1)
    clock.advance(9.999)
    assert not shift.protected
    clock.advance(0.001)
    assert shift.protected


def test_short_requests_with_gaps_need_none(clock, shift):
    for _ in range(1000):
        shift.holds(1)
        clock.advance(5)
        shift.holds(0)
        assert not shift.protected
        clock.advance(1)


def test_short_requests_one_upon_the_other_are_work_that_lasts(clock, shift):
    for _ in range(11):
        shift.holds(2)
        clock.advance(1)
        shift.holds(1)
    assert shift.protected


def test_protection_outlasts_a_short_gap_and_ends_after_a_long_one(clock, shift):
    shift.holds(1)
    clock.advance(10)
    shift.holds(0)
    clock.advance(9)
    shift.holds(1)
    clock.advance(1)
    assert shift.protected
    shift.holds(0)
    clock.advance(10)
    assert not shift.protected


def test_only_turns_between_busy_and_idle_are_news(shift):
    assert [shift.holds(count) for count in (1, 2, 3, 1, 0, 0, 1)] == [
        True,
        False,
        False,
        False,
        True,
        False,
        True,
    ]


def test_it_tells_when_to_look_again(clock, shift):
    assert shift.undecided_ms is None
    shift.holds(1)
    clock.advance(4)
    assert shift.undecided_ms == 6000
    clock.advance(6)
    assert shift.undecided_ms is None
    shift.holds(0)
    assert shift.undecided_ms == 10_000


def test_a_rest_is_due_after_fifteen_minutes_without_one(clock, shift):
    shift.holds(1)
    clock.advance(10 + 15 * MINUTE - 1)
    assert shift.protected
    assert not shift.rest_due
    clock.advance(1)
    assert shift.rest_due
    shift.holds(0)
    shift.rest(drained_ms=0)
    assert not shift.protected
    assert not shift.rest_due


def test_idle_time_without_protection_is_as_good_as_a_rest(clock, shift):
    shift.holds(1)
    clock.advance(14 * MINUTE)
    assert shift.protected
    shift.holds(0)
    clock.advance(10)
    shift.holds(1)
    clock.advance(14 * MINUTE)
    assert shift.protected
    assert not shift.rest_due


@pytest.mark.parametrize(
    ("slots", "drained_minutes", "minutes"),
    [
        # Short requests: every fifteen minutes.
        (4, 1, 15),
        # Two hours with one slot: no slot was idle, so nothing was lost.
        (1, 120, 15),
        # Twenty minutes, for three quarters of which at most three of four slots stood idle.
        (4, 20, 60),
        (2, 120, 240),
    ],
)
def test_a_dear_drain_puts_the_next_rest_off(clock, slots, drained_minutes, minutes):
    shift = Shift(clock=clock, slots=slots)
    shift.rest(drained_ms=drained_minutes * MINUTE * 1000)
    shift.holds(1)
    clock.advance(10)
    assert shift.protected
    clock.advance(minutes * MINUTE - 1)
    assert not shift.rest_due
    clock.advance(1)
    assert shift.rest_due


def documented_minutes(run_minutes: float, slots: int) -> float:
    """The formula of docs/deployments.md."""
    return max(15, 4 * run_minutes * (slots - 1) / slots) + run_minutes + 2


@given(run_seconds=st.integers(1, 12 * 3600), slots=st.integers(1, 100))
def test_a_deployment_never_waits_longer_for_a_worker_than_the_page_says(run_seconds, slots):
    hold_ms = longest_hold_ms(run_seconds * 1000, slots=slots, poll_ms=20_000)
    assert hold_ms / 60_000 <= documented_minutes(run_seconds / 60, slots)


def test_the_table_of_the_page_is_its_formula():
    page = (Path(__file__).parents[3] / "docs" / "deployments.md").read_text()
    times = re.findall(r"^\| (\S+ (?:min|h)) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    assert len(times) == 4
    for run, one, four in times:
        assert minutes(one) == documented_minutes(minutes(run), 1)
        assert minutes(four) == documented_minutes(minutes(run), 4)


def minutes(text: str) -> int:
    found = re.fullmatch(r"(?:(\d+) h)? ?(?:(\d+) min)?", text)
    assert found is not None
    hours, rest = found.groups(default="0")
    return 60 * int(hours) + int(rest)
