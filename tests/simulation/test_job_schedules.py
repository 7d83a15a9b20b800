"""Schedules of jobs; as ``test_schedules`` is for requests."""

from __future__ import annotations

import pytest

from tests.simulation.faults import Fault
from tests.simulation.job_plants import JOB_PLANTS
from tests.simulation.job_schedule import run
from tests.simulation.points import ROOT
from tests.simulation.run import Summary, first_failure, run_all
from tests.simulation.sites import lines_of, sites_in

pytestmark = [pytest.mark.xdist_group("job schedules"), pytest.mark.timeout(600)]

#: By far more than any planted fault needs.
WITHIN = 400
SCHEDULES = 300

#: Put together elsewhere, or hands calls on.
_PLUMBING = {"main.py", "watched.py", "handler.py"}
#: Items of jobs come from lists here: how other sources are read is tried by properties. And no container
#: gives an answer that is too large for a line.
_UNSIMULATED = {"answers.py"}
SIMULATED = [
    *(
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "dequeuer" / "batch").glob("*.py"))
        if path.name not in _PLUMBING | _UNSIMULATED
    ),
    *(
        f"batch_lambda/{name}.py"
        for name in ("clean_up", "enqueue", "finish", "lane", "prepare", "seal", "sending", "stop")
    ),
    "penstock/batch/closing.py",
    "recovery_lambda/job_recorder.py",
]
#: Only should each lane have failed otherwise than by its workers' deaths: the last of those stops the job.
_UNREACHED = {("batch_lambda/finish.py", "parts.lanes")}
#: Calls that are handed to it are made from its own line.
_HANDED_TO = "dequeuer/batch/patience.py"


@pytest.fixture(scope="module")
def schedules() -> Summary:
    """Some; `make simulate-jobs N=…` runs more, and tells which calls met which faults."""
    return run_all(range(SCHEDULES), simulate=run)


def test_every_rule_holds_in_every_schedule_of_a_job(schedules):
    told = [
        f"python -m tests.simulation --jobs --seed {seed}: {failure}"
        for seed, failure in schedules.failures.items()
    ]
    assert not told, "\n".join(told)


def test_jobs_meet_every_kind_of_fault(schedules):
    assert {fault for _, fault in schedules.coverage.met} == set(Fault)


def test_every_call_of_a_job_s_port_that_stands_in_the_source_is_reached(schedules):
    reached = {(file, line, call.partition(":")[0]) for _, file, _, line, call in schedules.coverage.reached}
    sites = [site for file in SIMULATED for site in sites_in(file)]
    handed = {call for file, _, call in reached if file == _HANDED_TO}
    unreached = [
        site
        for site in sites
        if site.call not in handed
        and (site.file, site.call) not in _UNREACHED
        and not any((site.file, line, site.call) in reached for line in lines_of(site))
    ]
    assert len(sites) > 20
    assert unreached == []


def test_a_job_s_seed_replays_to_the_letter():
    assert run(7, tracing=True).trace == run(7, tracing=True).trace


@pytest.mark.parametrize("plant", JOB_PLANTS, ids=lambda plant: plant.__name__)
def test_a_fault_planted_in_jobs_is_found(plant):
    assert first_failure(plant, range(WITHIN), simulate=run) is not None, plant.__doc__
