"""A call of a function ends in time to say how far it came."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from batch_lambda.deadline import until_ms

NOW_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Context:
    left_ms: int

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


@pytest.mark.parametrize(
    ("left_seconds", "works_seconds"),
    [
        # A function of 15 minutes works for ten.
        (900, 600),
        # One with less time left keeps a minute of it.
        (300, 240),
        # One that is nearly over sends what it must, and says so.
        (30, 0),
    ],
)
def test_a_call_works_for_ten_minutes_and_never_into_its_last_one(left_seconds, works_seconds):
    assert until_ms(Context(left_seconds * 1000), NOW_MS) == NOW_MS + works_seconds * 1000
