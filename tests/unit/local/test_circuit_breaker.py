from __future__ import annotations

import pytest

from localstack.circuit_breaker import Breaker, Rollout

BREAKER = Breaker()


def rolled_out(definition: str) -> Rollout:
    return Rollout(definition).after_look(healthy=2, desired=2)


@pytest.mark.parametrize(
    ("breaker", "desired", "threshold"),
    [
        (Breaker(), 1, 3),
        (Breaker(), 7, 4),
        (Breaker(), 1000, 200),
        (Breaker(percent=100), 10, 10),
        (Breaker(count=1), 10, 1),
    ],
)
def test_as_many_may_fail_as_ecs_says(breaker, desired, threshold):
    assert breaker.threshold(desired) == threshold


def test_so_many_failures_in_a_row_lead_back_to_what_was_completed_last():
    rollout = rolled_out("a").towards("b")
    for _ in range(2):
        rollout = rollout.after_death("b")
        assert rollout.way_back(BREAKER, desired=2) is None
    assert rollout.after_death("b").way_back(BREAKER, desired=2) == "a"


def test_a_healthy_task_in_between_begins_the_count_anew():
    rollout = rolled_out("a").towards("b").after_death("b").after_death("b")
    rollout = rollout.after_look(healthy=1, desired=2).after_death("b")
    assert rollout.way_back(BREAKER, desired=2) is None


def test_deaths_of_the_old_revision_and_after_the_end_count_for_nothing():
    rollout = rolled_out("a").towards("b")
    for _ in range(5):
        rollout = rollout.after_death("a")
    assert rollout.failures == 0
    completed = rollout.after_look(healthy=2, desired=2)
    for _ in range(5):
        completed = completed.after_death("b")
    assert completed.way_back(BREAKER, desired=2) is None


def test_the_first_deployment_of_all_has_nothing_to_go_back_to():
    rollout = Rollout("a")
    for _ in range(5):
        rollout = rollout.after_death("a")
    assert rollout.way_back(BREAKER, desired=1) is None


def test_what_is_gone_back_to_is_not_left_again():
    rollout = rolled_out("a").towards("b")
    for _ in range(3):
        rollout = rollout.after_death("b")
    back = rollout.towards("a")
    for _ in range(5):
        back = back.after_death("a")
    assert back.way_back(BREAKER, desired=2) is None
