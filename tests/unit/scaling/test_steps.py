"""Step adjustments never overshoot, and a full swing takes one step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.scaling.following import StepPolicy, policies
from penstock.scaling.steps import MOST_STEPS, step_sizes

swings = st.integers(1, 2000)


def missing(most: int) -> StepPolicy:
    """The policy that adds what is missing, for a swing of so many tasks."""
    return policies(0, most)[0]


@given(swings)
def test_there_are_no_more_steps_than_a_policy_takes_and_they_grow(most):
    sizes = step_sizes(most)
    assert len(sizes) <= MOST_STEPS
    assert sorted(set(sizes)) == list(sizes)
    assert sizes[0] == 1
    assert sizes[-1] == most


@given(swings, st.integers(0, 2000))
def test_a_step_never_does_more_than_was_asked_for(most, asked):
    done = missing(most).change(asked)
    assert 0 <= done <= asked
    assert (done == 0) is (asked == 0)


@given(swings)
def test_a_full_swing_is_one_step(most):
    assert missing(most).change(most) == most


@given(st.integers(1, 1000))
def test_what_is_missing_comes_within_five_steps(most):
    policy = missing(most)
    for asked in {1, most // 3, most // 2, most - 1, most} - {0}:
        left, taken = asked, 0
        while left:
            left -= policy.change(left)
            taken += 1
        assert taken <= 5
