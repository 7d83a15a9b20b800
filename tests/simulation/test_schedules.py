"""Schedules of this file's fixture are many; the tests ask different things of the same ones."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import count, islice

import pytest

from tests.simulation.coverage import Coverage
from tests.simulation.faults import Fault, in_focus
from tests.simulation.points import ROOT
from tests.simulation.run import Summary, run_all
from tests.simulation.schedule import run
from tests.simulation.sites import lines_of, sites_in

# Half a minute on a machine that has nothing else to do.
pytestmark = [pytest.mark.xdist_group("schedules"), pytest.mark.timeout(600)]

LEAST, MOST, BLOCK = 800, 4000, 50

#: What hands calls on, which count where they are asked for; and what runs once, before a job's container.
ELSEWHERE = {"watched.py", "job_spec.py"}

#: Files whose calls of ports must all be reached.
SIMULATED = [
    *(
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "dequeuer").glob("*.py"))
        if path.name not in ELSEWHERE
    ),
    "gateway_lambda/gateway.py",
    "gateway_lambda/requests.py",
    "gateway_lambda/retry.py",
    "gateway_lambda/submit.py",
    "recovery_lambda/recorder.py",
    "recovery_lambda/sweeper.py",
]

#: What reads a stored result in parts changes nothing; presigning is no call; and objects are only looked
#: at in buckets of the user's, where nobody here puts any.
UNSIMULATED = {"objects.read_range", "objects.presign", "objects.describe"}


@pytest.fixture(scope="session")
def schedules() -> Summary:
    """So many that each point meets each fault, if that can be had at all; in the end, by seeds that aim."""
    summary = run_all(range(LEAST))
    seeds = count(LEAST)
    while (missing := summary.coverage.missing()) and summary.schedules < MOST:
        aiming = (seed for seed in seeds if any(in_focus(seed, *key) for key, _ in missing))
        summary.add(run_all(list(islice(aiming, BLOCK))))
    return summary


#: One version of Penstock runs here, and this puts back what one of another version has written.
_UNREACHED = {("dequeuer/worker.py", "source.release")}


def test_every_rule_holds_in_every_schedule_and_each_has_a_fault(schedules):
    told = [f"make simulate SEED={seed}: {failure}" for seed, failure in schedules.failures.items()]
    assert not told, "\n".join(told)


def test_every_call_of_a_port_meets_every_fault(schedules):
    assert {fault for _, fault in schedules.coverage.met} == set(Fault)
    assert schedules.coverage.missing() == []


def test_every_call_of_a_port_that_stands_in_the_source_is_reached(schedules):
    reached = {(file, line, call.partition(":")[0]) for _, file, _, line, call in schedules.coverage.reached}
    sites = [site for file in SIMULATED for site in sites_in(file) if site.call not in UNSIMULATED]
    unreached = [
        site
        for site in sites
        if (site.file, site.call) not in _UNREACHED
        and not any((site.file, line, site.call) in reached for line in lines_of(site))
    ]
    assert len(sites) > 20
    assert unreached == []


def test_a_fault_that_was_never_met_is_told():
    coverage = Coverage()
    key = ("worker", "dequeuer/worker.py", "Worker.run", 1, "source.receive")
    coverage.reached[key], coverage.met[key, Fault.CRASH] = 5, 1
    coverage.possible[key] = tuple(Fault)
    assert coverage.missing() == [(key, Fault.LOST), (key, Fault.THROTTLE)]
    assert "| worker | `Worker.run` | `source.receive` | 5 | 1 | 0 | 0 |" in coverage.table()


@pytest.mark.parametrize("seed", [3, 1979])
def test_a_seed_replays_to_the_letter_in_any_process(seed):
    first, second = run(seed, tracing=True), run(seed, tracing=True)
    assert first.trace == second.trace
    elsewhere = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(seed)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    told, _, _ = elsewhere.stdout.rpartition("\n\nseed ")
    assert _digest(told) == _digest(first.trace)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_schedules_differ():
    assert len({run(seed, tracing=True).trace for seed in range(20)}) == 20
