from __future__ import annotations

import pytest

from dequeuer.breaker import Breaker, State, Store
from penstock.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def breaker(clock) -> Breaker:
    return Breaker(clock=clock, chance=lambda: 0.0)


def lose(breaker: Breaker, store: Store) -> None:
    for subject in "abc":
        breaker.fails(store, subject=subject)


def test_faults_of_three_requests_in_a_row_open_it(breaker):
    assert [breaker.fails(Store.TABLE, subject=subject) for subject in "abc"] == [False, False, True]
    assert (breaker.state, breaker.suspects) == (State.OPEN, [Store.TABLE])


def test_one_requests_own_trouble_never_opens_it(breaker):
    for _ in range(100):
        assert not breaker.fails(Store.RESULTS, subject="a")
    assert breaker.state == State.CLOSED


def test_a_success_of_the_same_store_breaks_the_row_and_one_of_another_does_not(breaker):
    breaker.fails(Store.TABLE, subject="a")
    breaker.fails(Store.TABLE, subject="b")
    breaker.works(Store.PAYLOADS)
    breaker.works(Store.TABLE)
    breaker.fails(Store.TABLE, subject="c")
    assert breaker.state == State.CLOSED
    breaker.fails(Store.TABLE, subject="a")
    breaker.works(Store.PAYLOADS)
    breaker.fails(Store.TABLE, subject="b")
    assert breaker.state == State.OPEN


def test_a_receive_that_fails_opens_it_at_once(breaker):
    assert breaker.fails(Store.QUEUE)
    assert breaker.state == State.OPEN


def test_faults_of_long_ago_do_not_count(breaker, clock):
    breaker.fails(Store.TABLE, subject="a")
    breaker.fails(Store.TABLE, subject="b")
    clock.advance(600)
    assert not breaker.fails(Store.TABLE, subject="c")
    assert breaker.state == State.CLOSED


def test_when_its_pause_is_over_one_fault_opens_it_again_for_longer(breaker, clock):
    lose(breaker, Store.PAYLOADS)
    pauses = []
    for _ in range(7):
        pauses.append(breaker.pause_ms / 1000)
        clock.advance(breaker.pause_ms / 1000)
        assert breaker.state == State.HALF_OPEN
        assert breaker.fails(Store.PAYLOADS, subject="a")
        assert breaker.state == State.OPEN
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_what_was_under_way_when_it_opened_does_not_lengthen_the_pause(breaker, clock):
    lose(breaker, Store.TABLE)
    clock.advance(0.5)
    assert not breaker.fails(Store.TABLE, subject="d")
    assert breaker.pause_ms == 500


def test_it_closes_only_when_each_suspected_store_has_worked(breaker, clock):
    lose(breaker, Store.TABLE)
    lose(breaker, Store.RESULTS)
    breaker.works(Store.TABLE)
    assert breaker.suspects == [Store.RESULTS]
    breaker.works(Store.RESULTS)
    assert breaker.state == State.CLOSED


def test_a_success_closes_it_also_during_the_pause(breaker):
    lose(breaker, Store.TABLE)
    breaker.works(Store.TABLE)
    assert (breaker.state, breaker.pause_ms) == (State.CLOSED, 0)


@pytest.mark.parametrize(("calm_seconds", "pause_seconds"), [(60, 2), (61, 1)])
def test_an_outage_that_follows_soon_goes_on_with_the_pauses_of_the_last(
    breaker, clock, calm_seconds, pause_seconds
):
    lose(breaker, Store.TABLE)
    breaker.works(Store.TABLE)
    clock.advance(calm_seconds)
    lose(breaker, Store.TABLE)
    assert breaker.pause_ms == pause_seconds * 1000


def test_workers_that_lost_a_store_together_come_back_apart(clock):
    pauses = set()
    for chance in (number / 10 for number in range(10)):
        breaker = Breaker(clock=clock, chance=[chance].pop)
        lose(breaker, Store.TABLE)
        pauses.add(breaker.pause_ms)
    assert len(pauses) == 10
    assert min(pauses) >= 500
    assert max(pauses) <= 1000
