from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from dequeuer.breaker import Store
from dequeuer.health import Health
from tests.unit.dequeuer.manual_time import ManualTime

HALF_AN_HOUR = 30 * 60


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def state(time):
    return SimpleNamespace(
        worker=SimpleNamespace(stopping_since_ms=None, idle_since_ms=time()),
        readiness=SimpleNamespace(unready_since_ms=None),
        outages=SimpleNamespace(suspects=[], since_ms=0),
    )


@pytest.fixture
def health(time, state) -> Health:
    # The wall clock stands on the first of January 2030.
    return Health(**vars(state), clock=time, wall_clock=lambda: 1_893_456_000_000)


def told(health: Health):
    answer = health.answer(health.causes())
    return answer.status, json.loads(answer.text or "")


def test_all_is_well(health):
    assert told(health) == (200, {"healthy": True, "causes": []})


def test_each_cause_is_named_with_its_moment(time, state, health):
    state.outages.suspects, state.outages.since_ms = [Store.QUEUE, Store.TABLE], time()
    time.advance(10)
    state.readiness.unready_since_ms = time()
    time.advance(20)
    state.worker.stopping_since_ms = time()
    time.advance(30)
    status, document = told(health)
    assert (status, document["healthy"]) == (503, False)
    assert [(cause["code"], cause["since"]) for cause in document["causes"]] == [
        ("receiving_paused", "2029-12-31T23:59:00+00:00"),
        ("container_not_ready", "2029-12-31T23:59:10+00:00"),
        ("draining", "2029-12-31T23:59:30+00:00"),
    ]
    assert document["causes"][0]["detail"] == "Calls fail: queue, table."


def test_an_outage_is_no_reason_to_replace_a_task_however_long(time, state, health):
    state.outages.suspects = [Store.TABLE]
    time.advance(24 * 3600)
    assert health.fatal() == []


def test_a_container_that_does_not_become_ready_in_half_an_hour_is(time, state, health):
    state.readiness.unready_since_ms = time()
    time.advance(HALF_AN_HOUR - 1)
    assert health.fatal() == []
    time.advance(1)
    [cause] = health.fatal()
    assert cause.code == "container_not_ready"


def test_a_server_that_answers_no_probe_while_it_works_is_not(time, state, health):
    state.readiness.unready_since_ms = time()
    state.worker.idle_since_ms = None
    time.advance(24 * 3600)
    assert health.fatal() == []
    # Once it is done it has half an hour as well.
    state.worker.idle_since_ms = time()
    time.advance(HALF_AN_HOUR - 1)
    assert health.fatal() == []
    time.advance(1)
    assert len(health.fatal()) == 1


def test_a_task_that_ends_anyhow_is_not(time, state, health):
    state.readiness.unready_since_ms = time()
    time.advance(HALF_AN_HOUR)
    state.worker.stopping_since_ms = time()
    assert health.fatal() == []
