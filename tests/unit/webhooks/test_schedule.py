from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.webhooks.hosts import Health, Lane
from penstock.webhooks.schedule import (
    DEFAULT_WAITS_SECONDS,
    Again,
    Answer,
    NoAnswer,
    Schedule,
    Trouble,
    Verdict,
    is_the_hosts_fault,
)

SCHEDULE = Schedule()
JITTER = st.floats(min_value=0, max_value=1)
NOW_MS = 1_700_000_000_000


def after(answer, attempt=1, jitter=0.0):
    return SCHEDULE.after(answer, attempt=attempt, jitter=jitter)


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_2xx_is_success(code):
    assert after(Answer(code)) is Verdict.DELIVERED


@pytest.mark.parametrize("code", [100, 300, 301, 302, 304, 307, 308, 400, 401, 404, 500, 503, 999])
def test_anything_else_is_tried_again(code):
    assert after(Answer(code)) == Again(5)


@pytest.mark.parametrize("trouble", list(Trouble))
def test_no_answer_is_tried_again(trouble):
    assert after(NoAnswer(trouble)) == Again(5)


def test_410_ends_it_at_any_attempt():
    assert {after(Answer(410), attempt=attempt) for attempt in range(1, 12)} == {Verdict.DISABLED}


def test_the_waits_are_those_of_the_specification_and_the_tenth_attempt_is_the_last():
    waits = [after(Answer(500), attempt=attempt) for attempt in range(1, 11)]

    assert [wait.wait_seconds for wait in waits[:-1]] == list(DEFAULT_WAITS_SECONDS)
    assert waits[-1] is Verdict.EXHAUSTED
    assert sum(DEFAULT_WAITS_SECONDS) > 24 * 3600


@given(st.integers(min_value=1, max_value=9), JITTER)
def test_jitter_only_lengthens_and_by_a_fifth_at_most(attempt, jitter):
    wait = after(Answer(500), attempt=attempt, jitter=jitter).wait_seconds

    base = DEFAULT_WAITS_SECONDS[attempt - 1]
    assert base <= wait <= base * 1.2


@pytest.mark.parametrize("code", [429, 502, 504])
def test_answers_that_ask_for_less_skip_a_step_but_lose_no_attempt(code):
    assert after(Answer(code)) == Again(300)
    assert after(Answer(code), attempt=9) == Again(24 * 3600)
    assert after(Answer(code), attempt=10) is Verdict.EXHAUSTED


@pytest.mark.parametrize("code", [400, 429, 503])
def test_retry_after_is_kept_up_to_a_day(code):
    assert after(Answer(code, retry_after_seconds=1000)) == Again(1000)
    assert after(Answer(code, retry_after_seconds=10**9)) == Again(24 * 3600)
    assert after(Answer(code, retry_after_seconds=0)).wait_seconds >= 5


def test_a_schedule_reads_what_it_writes():
    assert Schedule.parse(str(SCHEDULE)) == SCHEDULE
    assert Schedule.parse("") == Schedule(())
    assert Schedule(()).after(Answer(500), attempt=1, jitter=0) is Verdict.EXHAUSTED
    with pytest.raises(ValueError, match="soon"):
        Schedule.parse("5,soon")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(200), False),
        (Answer(404), False),
        (Answer(302), False),
        (Answer(429), True),
        (Answer(500), True),
        (NoAnswer(Trouble.TIMEOUT), True),
        (NoAnswer(Trouble.TLS), True),
        (NoAnswer("callback_address_refused"), False),  # it was never called
    ],
)
def test_a_host_is_blamed_for_what_it_did(answer, fault):
    assert is_the_hosts_fault(answer) is fault


def test_a_host_is_in_trouble_after_three_failures_for_longer_each_time():
    ends = []
    for failures in range(20):
        health = Health(failures=failures, failed_ms=NOW_MS)
        end = next((s for s in (30, 60, 120, 240, 480, 900) if not health.troubled(NOW_MS + s * 1000)), None)
        ends.append(end if health.troubled(NOW_MS) else 0)

    assert ends == [0, 0, 0, 30, 60, 120, 240, 480, *[900] * 12]


def test_a_stranger_gets_few_places_and_one_that_has_just_answered_half_the_lane():
    stranger, known = Health(), Health(answered_ms=NOW_MS)

    assert [stranger.calls(lane, NOW_MS) for lane in Lane] == [2, 5]
    assert [known.calls(lane, NOW_MS) for lane in Lane] == [10, 10]
    assert known.calls(Lane.FIRST, NOW_MS + 600_000) == 2
    assert Health(failures=1, answered_ms=NOW_MS).calls(Lane.FIRST, NOW_MS) == 2


def test_an_answer_is_noted_once_a_minute():
    assert Health().worth_noting(NOW_MS)
    assert not Health(answered_ms=NOW_MS).worth_noting(NOW_MS + 59_999)
    assert Health(answered_ms=NOW_MS).worth_noting(NOW_MS + 60_000)
    assert Health(failures=1, answered_ms=NOW_MS).worth_noting(NOW_MS)
