"""What holds for the number of tasks, whatever the queue does."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from penstock.scaling.decision import Decision, Observation, Sample, ScalingPolicy, decide

TICK_MS = 10_000

policies = st.builds(
    lambda fewest, more, **parts: ScalingPolicy(min_replicas=fewest, max_replicas=fewest + more, **parts),
    st.integers(0, 5),
    st.integers(1, 50),
    target_in_flight=st.sampled_from([0.5, 1.0, 3.0, 8.0]),
    max_concurrency=st.integers(1, 8),
    window_ms=st.sampled_from([10_000, 60_000]),
    upscale_stabilization_ms=st.sampled_from([0, 30_000]),
    downscale_stabilization_ms=st.sampled_from([0, 60_000, 300_000]),
    max_upscale_factor=st.sampled_from([1.5, 4.0, 100.0]),
    max_downscale_factor=st.sampled_from([0.0, 0.25, 0.75]),
)
depths = st.tuples(st.integers(0, 300), st.integers(0, 60))


def follow(
    policy: ScalingPolicy, seen: list[tuple[int, int]], *, desired: int, missed: frozenset[int] = frozenset()
) -> list[Decision]:
    """Decide at each tick but those that were missed, with a service that does what was decided."""
    history: tuple[Sample, ...] = ()
    decisions = []
    for number, (visible, in_progress) in enumerate(seen):
        if number in missed:
            continue
        observation = Observation(
            now_ms=number * TICK_MS,
            visible=visible,
            in_progress=min(in_progress, desired * policy.max_concurrency),
            desired=desired,
        )
        decision = decide(policy, observation, history)
        decisions.append(decision)
        history, desired = decision.history, decision.replicas
    return decisions


@given(policies, st.lists(depths, max_size=40), st.integers(0, 60))
def test_never_above_max_and_never_below_min(policy, seen, desired):
    for decision in follow(policy, seen, desired=desired):
        assert policy.min_replicas <= decision.replicas <= policy.max_replicas


@given(policies, st.lists(depths, max_size=40))
def test_never_scales_in_under_work_in_progress(policy, seen):
    desired = policy.max_replicas
    history: tuple[Sample, ...] = ()
    for number, (visible, in_progress) in enumerate(seen):
        running = min(in_progress, desired * policy.max_concurrency)
        observation = Observation(
            now_ms=number * TICK_MS, visible=visible, in_progress=running, desired=desired
        )
        decision = decide(policy, observation, history)
        assert decision.replicas * policy.max_concurrency >= running
        history, desired = decision.history, decision.replicas


@given(policies, depths)
def test_settles_on_a_constant_load_and_stays(policy, depth):
    decisions = follow(policy, [depth] * 160, desired=policy.min_replicas)
    assert len({decision.replicas for decision in decisions[-40:]}) == 1


@given(policies, st.lists(depths, max_size=20), depths, st.integers(0, 200))
def test_more_waiting_never_means_fewer_tasks(policy, seen, depth, further):
    before = follow(policy, [*seen, (0, 0)], desired=policy.min_replicas)[-1]
    visible, in_progress = depth
    observation = Observation(
        now_ms=len(seen) * TICK_MS + TICK_MS,
        visible=visible,
        in_progress=min(in_progress, before.replicas * policy.max_concurrency),
        desired=before.replicas,
    )
    deeper = replace(observation, visible=visible + further)
    assert (
        decide(policy, observation, before.history).replicas
        <= decide(policy, deeper, before.history).replicas
    )


@given(policies, depths, st.frozensets(st.integers(0, 120), max_size=60))
def test_recovers_from_missing_data(policy, depth, missed):
    whole = follow(policy, [depth] * 200, desired=policy.min_replicas)
    holed = follow(policy, [depth] * 200, desired=policy.min_replicas, missed=missed)
    assert holed[-1].replicas == whole[-1].replicas


@given(st.integers(1, 1000))
def test_leaves_zero_at_once(waiting):
    policy = ScalingPolicy(min_replicas=0)
    observation = Observation(now_ms=0, visible=waiting, in_progress=0, desired=0)
    assert decide(policy, observation).replicas == min(waiting, 100)


def test_a_lull_shorter_than_the_stabilisation_keeps_the_tasks():
    policy = ScalingPolicy(min_replicas=0)
    seen = [(50, 0)] * 40 + [(0, 0)] * 20 + [(50, 0)] * 10
    assert {decision.replicas for decision in follow(policy, seen, desired=0)} == {50}


def test_nothing_is_taken_away_before_it_is_known_what_was_needed():
    policy = ScalingPolicy(min_replicas=0)
    restarted = Observation(now_ms=0, visible=0, in_progress=0, desired=40)
    assert decide(policy, restarted).spare == 0


@given(st.lists(st.integers(-400, 400), min_size=80, max_size=80))
def test_looks_that_come_a_little_late_do_not_keep_tasks_for_ever(lateness):
    policy = ScalingPolicy(min_replicas=0, downscale_stabilization_ms=20_000)
    history: tuple[Sample, ...] = ()
    desired = 8
    for number, late_ms in enumerate(lateness):
        now_ms = number * TICK_MS + late_ms
        decision = decide(
            policy, Observation(now_ms=now_ms, visible=0, in_progress=0, desired=desired), history
        )
        history, desired = decision.history, decision.replicas
    assert desired == 0
