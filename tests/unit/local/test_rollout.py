"""The scheduler's decision, in every order of starts, deaths of patience and ends."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack.rollout import Limits, Replica, Step, next_step

ROLLING, REPLACE, HALF = Limits(100, 200), Limits(0, 100), Limits(50, 100)


def old(number: int, *, healthy: bool = True, protected: bool = False) -> Replica:
    return Replica(f"old-{number}", wanted=False, healthy=healthy, protected=protected)


def new(number: int, *, healthy: bool = True) -> Replica:
    return Replica(f"new-{number}", wanted=True, healthy=healthy, protected=False)


@pytest.mark.parametrize(
    ("limits", "waiting", "replicas", "ending", "step"),
    [
        # All new ones start beside the old, none of which may go.
        (ROLLING, ("a", "b"), [old(1), old(2)], 0, Step(start=("a", "b"))),
        # One new one is healthy, so one old one may go.
        (ROLLING, (), [old(1), old(2), new(1), new(2, healthy=False)], 0, Step(stop=("old-1",))),
        # A protected one is left; the other goes in its place.
        (ROLLING, (), [old(1, protected=True), old(2), new(1)], 0, Step(stop=("old-2",))),
        # All old ones go first, and nothing starts before they have ended.
        (REPLACE, ("a", "b"), [old(1), old(2)], 0, Step(stop=("old-1", "old-2"))),
        (REPLACE, ("a", "b"), [], 2, Step()),
        (REPLACE, ("a", "b"), [old(1, protected=True)], 0, Step(start=("a",))),
        # One goes, one comes.
        (HALF, ("a", "b"), [old(1), old(2)], 0, Step(stop=("old-1",))),
        (HALF, ("b",), [old(2), new(1, healthy=False)], 0, Step()),
        # One that never became healthy is no loss, and makes room.
        (ROLLING, (), [old(1, healthy=False), new(1), new(2)], 0, Step(stop=("old-1",))),
        # Nothing is to be done.
        (ROLLING, (), [new(1), new(2)], 0, Step()),
    ],
)
def test_a_step(limits, waiting, replicas, ending, step):
    assert next_step(limits, desired=2, waiting=waiting, replicas=replicas, ending=ending) == step


@dataclass
class Site:
    """A service of which some of everything happens between two steps."""

    limits: Limits
    desired: int
    chance: random.Random
    running: dict[str, Replica] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    ending: int = 0

    def __post_init__(self) -> None:
        self.running = {
            f"old-{number}": old(number, protected=self.chance.random() < 0.5)
            for number in range(self.desired)
        }
        self.waiting = [f"new-{number}" for number in range(self.desired)]

    @property
    def healthy(self) -> int:
        return sum(replica.healthy for replica in self.running.values())

    def apply(self, step: Step) -> None:
        for task in step.stop:
            assert not self.running[task].wanted
            assert not self.running[task].protected
            del self.running[task]
            self.ending += 1
        for task in step.start:
            self.waiting.remove(task)
            self.running[task] = Replica(task, wanted=True, healthy=False, protected=False)

    def go_on(self) -> None:
        """Some become healthy, some rest or work again, some have ended."""
        for task, replica in self.running.items():
            healthy = replica.healthy or self.chance.random() < 0.5
            protected = not replica.wanted and self.chance.random() < 0.7
            self.running[task] = Replica(task, wanted=replica.wanted, healthy=healthy, protected=protected)
        self.ending -= self.chance.randint(0, self.ending)

    @property
    def done(self) -> bool:
        return not self.waiting and all(
            replica.wanted and replica.healthy for replica in self.running.values()
        )


@given(
    fewest=st.integers(0, 100),
    most=st.integers(100, 200),
    desired=st.integers(1, 12),
    seed=st.integers(0, 2**32),
)
def test_never_too_few_are_healthy_never_too_many_run_and_it_ends(fewest, most, desired, seed):
    limits = Limits(fewest, most)
    if limits.fewest(desired) == desired == limits.most(desired):
        return  # the configuration refuses it: no task could come or go
    site = Site(limits, desired, random.Random(seed))
    for _ in range(1000):
        if site.done:
            break
        site.apply(
            next_step(
                limits,
                desired=desired,
                waiting=site.waiting,
                replicas=list(site.running.values()),
                ending=site.ending,
            )
        )
        assert site.healthy >= limits.fewest(desired)
        assert len(site.running) + site.ending <= limits.most(desired)
        site.go_on()
    assert site.done
    assert len(site.running) == desired


@given(desired=st.integers(0, 5), running=st.integers(0, 12))
def test_scaling_in_goes_down_to_the_number_and_not_below(desired, running):
    wanted = [new(number) for number in range(min(desired, running))]
    surplus = [old(number) for number in range(running - len(wanted))]
    step = next_step(ROLLING, desired=desired, waiting=(), replicas=[*wanted, *surplus], ending=0)
    assert len(step.stop) == max(0, running - desired)
