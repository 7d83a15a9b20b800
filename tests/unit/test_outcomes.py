"""What an attempt's end means: completed, failed, tried again, or given back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.outcomes import (
    FAILURE_CODES,
    Answered,
    End,
    GiveBack,
    Retry,
    Situation,
    Trouble,
    Unanswered,
    verdict_on,
)
from penstock.retries import RetryOn, RetryPolicy
from penstock.retry_after import retry_after_seconds

FIRST = Situation(policy=RetryPolicy(), attempt=1, remaining_seconds=1e6, jitter=0.5)
LAST = replace(FIRST, attempt=3)

causes = st.sampled_from([*(Unanswered(trouble, "x") for trouble in Trouble), *map(Answered, (429, 500))])
policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 100),
    min_wait_seconds=st.floats(1, 900),
    max_wait_seconds=st.floats(1, 900),
)
situations = st.builds(
    Situation,
    policy=policies,
    attempt=st.integers(1, 100),
    remaining_seconds=st.floats(-1e6, 1e6),
    jitter=st.floats(0, 1),
)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_completes_a_request(status):
    assert verdict_on(Answered(status), FIRST) == End(None)


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410, 422, 999])
def test_what_would_be_answered_alike_again_fails_at_once_and_names_its_status(status):
    verdict = verdict_on(Answered(status), FIRST)
    assert isinstance(verdict, End)
    assert verdict.failure.code == "container_error"
    assert str(status) in verdict.failure.message


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_what_may_go_away_is_tried_again_until_the_last_attempt(status):
    assert isinstance(verdict_on(Answered(status), FIRST), Retry)
    verdict = verdict_on(Answered(status), LAST)
    assert isinstance(verdict, End)
    assert verdict.failure.code == "container_error"


@pytest.mark.parametrize("trouble", [Trouble.INCOMPLETE, Trouble.TIMEOUT])
def test_half_a_response_and_none_in_time_are_tried_again_and_then_failures_of_their_own_kind(trouble):
    assert isinstance(verdict_on(Unanswered(trouble, "why"), FIRST), Retry)
    failure = verdict_on(Unanswered(trouble, "why"), LAST).failure
    assert (failure.code, failure.message) == (trouble, "why")


@pytest.mark.parametrize("trouble", [Trouble.PAYLOAD_MISSING, Trouble.PAYLOAD_CHANGED])
def test_a_payload_does_not_come_back_by_trying_again(trouble):
    assert isinstance(verdict_on(Unanswered(trouble, "gone"), FIRST), End)


def test_an_attempt_that_never_reached_the_container_does_not_end_the_request():
    assert verdict_on(Unanswered(Trouble.UNREACHABLE, "refused"), LAST) == GiveBack()


@given(causes, situations)
def test_every_failure_has_one_of_the_documented_codes(answer, situation):
    verdict = verdict_on(answer, situation)
    assert verdict == GiveBack() or verdict.failure.code in FAILURE_CODES


@given(causes, situations)
def test_no_attempt_follows_the_last_one_nor_starts_after_the_deadline(answer, situation):
    verdict = verdict_on(answer, situation)
    if isinstance(verdict, Retry):
        assert situation.attempt < situation.policy.attempts
        assert verdict.wait_seconds < situation.remaining_seconds


@given(policies, st.integers(1, 99), st.none() | st.floats(0, 1e9), st.floats(0, 1))
def test_a_wait_keeps_the_floor_what_the_container_asks_for_and_above_all_the_cap(
    policy, attempt, asked, jitter
):
    wait = policy.wait_seconds(429, attempt=attempt, retry_after_seconds=asked, jitter=jitter)
    if attempt >= policy.attempts:
        assert wait is None
        return
    assert wait >= min(policy.min_wait_seconds, policy.max_wait_seconds)
    assert wait >= min(asked or 0, policy.max_wait_seconds)
    assert wait <= policy.max_wait_seconds


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [
        (1, 0.0, 1),  # never below the floor
        (1, 1.0, 2),  # the ceiling doubles …
        (2, 1.0, 4),
        (6, 1.0, 64),
        (7, 1.0, 120),  # … up to the cap
        (90, 1.0, 120),
        (6, 0.5, 32.5),  # and the wait is spread over all between
    ],
)
def test_waits_double_and_are_spread(attempt, jitter, seconds):
    policy = RetryPolicy(attempts=100)
    wait = policy.wait_seconds(500, attempt=attempt, retry_after_seconds=None, jitter=jitter)
    assert wait == seconds


@pytest.mark.parametrize(
    ("words", "covered", "final"),
    [
        (["4xx"], [400, 404, 499], [399, 500]),
        (["404"], [404], [400, 405]),
        (["timeout"], [], [408, 504]),  # the run limit, not what a status says
        ([], [], [408, 429, 500]),
    ],
)
def test_the_policy_says_which_statuses_are_worth_another_try(words, covered, final):
    retry_on = RetryOn.of(words)
    assert all(retry_on.covers(status) for status in covered)
    assert not any(retry_on.covers(status) for status in final)
    assert RetryOn.parse(str(retry_on)) == retry_on


@pytest.mark.parametrize("word", ["2xx", "200", "6xx", "600", "5XX", "always", "", " 429"])
def test_a_word_that_is_no_cause_is_refused_by_name(word):
    with pytest.raises(ValueError, match="no cause"):
        RetryOn.of([word])


NOW_MS = 1_445_412_480_000  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("9" * 400, 999_999_999),
        ("Wed, 21 Oct 2015 07:29:30 GMT", 90),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0),  # passed already
        ("Wed, 21 Oct 2015 07:29:30 -0000", 90),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\N{ARABIC-INDIC DIGIT FIVE}", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry_after_seconds(header, now_ms=NOW_MS) == seconds


@given(st.text(max_size=60))
def test_any_text_is_a_retry_after_or_says_nothing(header):
    seconds = retry_after_seconds(header, now_ms=NOW_MS)
    assert seconds is None or seconds >= 0
