"""A thousand deliveries to one host, by many senders at once."""

from __future__ import annotations

from collections import Counter

import pytest

from penstock.webhooks import signature
from penstock.webhooks.deliveries import State
from penstock.webhooks.hosts import LANE_CALLS
from tests.unit.webhooks.fleet import Fleet, Peril
from tests.unit.webhooks.station import SECRET

COUNT = 1000


def told(fleet: Fleet, count: int = COUNT) -> Counter[str]:
    """How often each event came, after so many ends were told."""
    for number in range(count):
        fleet.end(id=f"{number:026d}".translate(str.maketrans("0123456789", "abcdefghij")))
    fleet.run()
    return Counter(call.headers["webhook-id"] for call in fleet.calls)


@pytest.mark.parametrize("seed", range(2))
def test_without_faults_each_comes_once(seed):
    fleet = Fleet(seed=seed)
    came = told(fleet)

    assert len(came) == COUNT
    assert set(came.values()) == {1}
    assert {(row.state, row.attempt) for row in fleet.deliveries.rows.values()} == {(State.DELIVERED, 1)}
    # They were many at once, but no more than half of what the lanes have: others need room.
    assert 10 < fleet.most_at_once <= sum(LANE_CALLS.values()) / 2


@pytest.mark.parametrize("seed", range(2))
def test_a_queue_that_gives_each_third_message_twice_makes_no_call_twice(seed):
    fleet = Fleet(seed=seed, peril=Peril(double=0.3))
    came = told(fleet)

    assert fleet.seen["double"] > COUNT / 5
    assert (len(came), set(came.values())) == (COUNT, {1})


@pytest.mark.parametrize("seed", range(2))
def test_under_faults_each_comes_at_least_once_under_one_id_with_one_body(seed):
    fleet = Fleet(seed=seed, peril=Peril(death=0.001, double=0.05, silence=0.03, refusal=0.03))
    came = told(fleet)

    rows = {row.event_id: row for row in fleet.deliveries.rows.values()}
    assert came.keys() == rows.keys()
    assert {row.state for row in rows.values()} == {State.DELIVERED}
    assert min(fleet.seen[what] for what in ("death", "double", "silence", "refusal")) > 20
    for call in fleet.calls:
        assert call.body.decode() == rows[call.headers["webhook-id"]].body
        signature.verify(call.headers, call.body, secret=SECRET, now_ms=call.at_ms)
    # Each call beyond the first has a fault to blame: nothing is repeated without need.
    again = sum(came.values()) - COUNT
    assert 0 < again <= fleet.seen["death"] + fleet.seen["silence"] + fleet.seen["refusal"]


def test_the_same_seed_is_the_same_run():
    first, second = (Fleet(seed=7, peril=Peril(death=0.02, silence=0.1)) for _ in range(2))
    assert told(first, 100) == told(second, 100)
    assert first.seen == second.seen
