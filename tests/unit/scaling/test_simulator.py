"""The simulator: nothing is lost in it, and it says what the documentation promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.scaling.cron import Cron
from penstock.scaling.decision import ScalingPolicy
from penstock.scaling.timetable import Bounds, Schedule, Timetable
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


MORNING = Schedule(name="day", cron=Cron.parse("0 8 ? * * *"), timezone="UTC", bounds=Bounds(5, 50))
EVENING = Schedule(name="night", cron=Cron.parse("0 18 ? * * *"), timezone="UTC", bounds=Bounds(0, 20))
BY_DAY = Timetable(Bounds(0, 20), (MORNING, EVENING))
SEVEN = datetime(2030, 1, 7, 7, tzinfo=UTC)


def scheduled(arrivals, *, begins: datetime = SEVEN):
    policy = replace(FROM_ZERO, max_replicas=BY_DAY.widest.most)
    scenario = replace(BURST, arrivals=arrivals, tail_seconds=12 * 3600.0)
    return run(scenario, StepScaling.of(policy, BY_DAY, begins=begins))


def test_a_schedule_has_its_tasks_there_before_the_first_request():
    outcome = scheduled(Burst(count=5, at=2 * 3600.0))

    assert outcome.decisions[0] == (3600.0, 5)
    assert max(outcome.totals.waits) == 0


def test_the_minimum_of_a_schedule_is_never_scaled_in_under_and_goes_with_it():
    # Given an hour's work in the morning, and then nothing
    outcome = scheduled(Burst(count=5, at=2 * 3600.0))

    # Then spare tasks stay until the evening, and go after it.
    by_day = [look.desired for look in outcome.looks if 3600 < look.at < 11 * 3600]
    assert set(by_day) == {5}
    assert outcome.decisions[-1][1] == 0
    assert 11 * 3600 <= outcome.decisions[-1][0] < 11 * 3600 + 300


def test_a_run_that_begins_within_a_schedule_begins_with_its_tasks():
    assert scheduled(Burst(count=1), begins=SEVEN + timedelta(hours=2)).decisions[0] == (0.0, 5)


@pytest.mark.parametrize(("at_hours", "most"), [(0.5, 20), (2.0, 50)])
def test_the_maximum_is_that_of_the_schedule(at_hours, most):
    outcome = scheduled(Burst(count=200, at=at_hours * 3600))
    assert max(look.desired for look in outcome.looks if look.at < 11 * 3600) == most
