from __future__ import annotations

import json

import pytest

from penstock.records import Status
from tests.unit.dequeuer.workbench import Workbench


@pytest.fixture
def bench() -> Workbench:
    return Workbench()


def told(capsys) -> dict[str, list[float]]:
    """Values by metric, of all lines so far."""
    values: dict[str, list[float]] = {}
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            values.setdefault(metric["Name"], []).extend(line[metric["Name"]])
    return values


async def test_the_wait_is_told_when_the_first_attempt_begins(bench, capsys):
    bench.submit()
    await bench.deliver()
    assert bench.now.status is Status.COMPLETED
    assert told(capsys) == {"QueueWait": [bench.now.started_ms - bench.now.created_ms]}


@pytest.mark.parametrize("before", [{"attempt": 1}, {"releases": 1}], ids=["tried", "given-back"])
async def test_a_request_that_ran_before_tells_no_wait(before, bench, capsys):
    bench.submit(**before)
    await bench.deliver()
    assert bench.now.status is Status.COMPLETED
    assert told(capsys) == {}


async def test_an_attempt_that_is_followed_by_another_is_counted(bench, capsys):
    bench.container.status = 503
    bench.submit()
    await bench.deliver()
    assert told(capsys)["AttemptsFailed"] == [1]
