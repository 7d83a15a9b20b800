"""The simulator: nothing is lost in it, and it says what the documentation promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.scaling.decision import ScalingPolicy
from penstock.simulator import spoken
from penstock.simulator.autoscalers import AlwaysOn, Cortex, StepScaling, TargetTracking
from penstock.simulator.delays import Delays
from penstock.simulator.run import Scenario, run
from penstock.simulator.summary import summarise
from penstock.simulator.workload import BadArrivals, Burst, Listed, Poisson, ServiceTime

FROM_ZERO = ScalingPolicy(min_replicas=0)
BURST = Scenario(
    arrivals=Burst(count=1000), service_time=ServiceTime(median_seconds=60, spread=0.3), delays=Delays()
)


def told(scenario: Scenario, autoscaler) -> Any:
    return summarise(run(scenario, autoscaler), dollars_per_task_hour=1)


@pytest.fixture(scope="module")
def ours() -> Any:
    return told(BURST, StepScaling.of(FROM_ZERO))


def test_zero_is_left_within_twenty_seconds_and_the_most_asked_for_within_sixty(ours):
    assert 0 < ours.first_task <= 20 + Delays().action
    assert 0 < ours.most_tasks <= 60
    assert ours.peak_tasks == 100


def test_all_tasks_are_gone_ten_minutes_after_the_load_and_no_busy_one_was_stopped(ours):
    assert ours.to_none <= 600
    assert ours.busy_stopped == ours.interrupted == 0
    assert ours.completed == 1000


def test_cortex_takes_minutes_up_and_more_than_an_hour_down():
    cortex = told(BURST, Cortex())
    assert cortex.first_task >= 60
    assert cortex.most_tasks > 600
    assert cortex.to_none > 4000


def test_target_tracking_never_gets_back_to_none():
    assert told(BURST, TargetTracking()).to_none is None


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**16),
    st.sampled_from([0.0, 2.0]),
    st.sampled_from([1, 4]),
    st.floats(0.01, 0.5),
)
def test_every_request_completes_whatever_is_interrupted(seed, interruptions, slots, rate):
    scenario = Scenario(
        arrivals=Poisson(per_second=rate, seconds=1800),
        service_time=ServiceTime(median_seconds=20, spread=1),
        delays=Delays(spot_interruptions_per_hour=interruptions, provision=10, image_pull=5),
        max_concurrency=slots,
        seed=seed,
    )
    policy = replace(FROM_ZERO, max_concurrency=slots, target_in_flight=slots)

    outcome = run(scenario, StepScaling.of(policy))

    assert outcome.totals.completed == outcome.arrived
    assert max(desired for _, desired in outcome.decisions or ((0, 0),)) <= policy.max_replicas


def test_the_same_seed_is_the_same_day():
    scenario = replace(BURST, arrivals=Poisson(per_second=1, seconds=600), seed=7)
    first, again = (run(scenario, StepScaling.of(FROM_ZERO)) for _ in range(2))
    other = run(replace(scenario, seed=8), StepScaling.of(FROM_ZERO))
    assert first == again
    assert first != other


def test_an_always_on_fleet_waits_for_nothing_but_its_own_start():
    ready = replace(BURST, arrivals=Burst(count=50, at=600), tail_seconds=600)
    assert told(ready, AlwaysOn(100)).wait_p99 == 0


@pytest.mark.parametrize(
    "text",
    ["", "burst", "burst:0", "burst:-1", "burst:x", "poisson:1/s", "poisson:0/s,1h", "poisson:1/x,1h",
     "poisson:1/s,1w", "daily:1/s,x", "daily:1/s,0", "csv:", "poisson:9999999/s,9999h", "burst:99999999999"],
)  # fmt: skip
def test_arrivals_that_cannot_be_read_are_refused_with_the_reason(text):
    with pytest.raises(BadArrivals, match=r".{10}"):
        spoken.arrivals(text, lines_of=lambda _path: [])


def test_timestamps_come_from_a_file_with_or_without_a_heading():
    assert Listed.read(["seconds", "12.5", "", "10", "11"]) == Listed((0, 1, 2.5))
    with pytest.raises(BadArrivals, match="line 2"):
        Listed.read(["1", "soon"])
    with pytest.raises(BadArrivals, match="no arrival"):
        Listed.read([])
    with pytest.raises(BadArrivals, match="no moment"):
        Listed.read(["1", "nan"])
