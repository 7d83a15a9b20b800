from __future__ import annotations

import pytest

from penstock.cli.rates import PATIENCE_SECONDS, WINDOW_SECONDS, Rate


def fed(*samples):
    rate = Rate()
    for now, count in samples:
        rate.note(count, now_seconds=now)
    return rate


@pytest.mark.parametrize("samples", [(), ((0, 5_000),)])
def test_nothing_is_said_before_anything_was_seen_to_move(samples):
    assert fed(*samples).per_second(now_seconds=0) is None


def test_what_had_ended_before_the_first_look_is_nobodys_speed():
    assert fed((0, 5_000), (2, 5_010)).per_second(now_seconds=2) == 5


def test_a_look_that_is_due_does_not_lower_it_but_silence_does():
    rate = fed((0, 0), (10, 100))

    assert rate.per_second(now_seconds=10 + PATIENCE_SECONDS) == 10
    assert rate.per_second(now_seconds=20 + PATIENCE_SECONDS) == 5


def test_what_is_older_than_the_window_does_not_count():
    samples = [(0, 0), (10, 100_000), *((10 + second, 100_000 + second) for second in range(1, 200))]

    assert fed(*samples).per_second(now_seconds=209) == 1
    assert len(samples) > WINDOW_SECONDS


@pytest.mark.parametrize(("count", "left"), [(100, 30), (0, None)])
def test_the_rest_takes_as_long_at_this_speed_or_nobody_knows(count, left):
    assert fed((0, 0), (10, count)).seconds_left(300, now_seconds=10) == left
