"""A short run of what ``make chaos`` does at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from localstack.emulator import free_port
from localstack.options import Options
from tests.chaos.run import Plan, run


@pytest.mark.emulator
@pytest.mark.timeout(600)
def test_a_hundred_requests_end_once_each_while_workers_are_killed_and_the_emulator_restarts(tmp_path: Path):
    # The 80th is sent after 13 s, so that there is time for faults on a machine of any speed.
    plan = Plan(
        requests=100, seed=4, per_second=6, restarts=(0.5,), tasks=2, calm_after=0.8, limit_seconds=300
    )
    report = run(plan, Options(state_dir=tmp_path / "local", port=free_port()))
    report.save(tmp_path / "report.md")
    assert report.passed, report.markdown()
    # Or nothing was proven.
    figures = report.verdict.figures
    assert figures["kills"] >= 3
    assert figures["rollouts"] >= 1
    assert figures["emulator restarts"] == 1
    assert figures["requests with several attempts"] >= 10
    assert figures["terminal events"] == 100
