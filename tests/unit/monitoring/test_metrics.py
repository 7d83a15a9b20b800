from __future__ import annotations

import json
from dataclasses import replace

import pytest

from penstock.aws.emf import MetricLog
from penstock.batch import jobs
from penstock.metrics import NAMESPACE, OF_END, OF_JOBS_END, Metric
from penstock.records import TERMINAL, Status
from tests.examples import NOW_MS, record
from tests.unit.dequeuer.batch.job_bench import RECORD as JOB
from webhook_lambda import measures
from webhook_lambda.counted import Counted

ENDED = record(
    created_ms=NOW_MS, started_ms=NOW_MS + 5000, finished_ms=NOW_MS + 9000, attempt=2, status=Status.COMPLETED
)


def test_a_line_has_the_deployment_and_the_api_as_its_only_dimensions(capsys, monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "recovery")
    MetricLog("shop").write("echo", [(Metric.COMPLETED, 1), (Metric.END_TO_END_TIME, 250)], store="queue")

    line = json.loads(capsys.readouterr().out)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": NAMESPACE,
        "Dimensions": [["deployment", "api"]],
        "Metrics": [
            {"Name": "Completed", "Unit": "Count"},
            {"Name": "EndToEndTime", "Unit": "Milliseconds"},
        ],
    }
    assert (line["deployment"], line["api"], line["store"]) == ("shop", "echo", "queue")
    assert (line["Completed"], line["EndToEndTime"]) == ([1], [250])


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_no_value_is_lost_however_many_there_are(count, capsys):
    MetricLog("shop").write("echo", [(Metric.ATTEMPTS, 1)] * count)
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert sum(len(line["Attempts"]) for line in lines) == count


def test_every_end_of_a_request_and_of_a_job_has_a_count_of_its_own():
    assert OF_END.keys() == TERMINAL
    assert OF_JOBS_END.keys() == jobs.TERMINAL
    both = [*OF_END.values(), *OF_JOBS_END.values()]
    assert len(set(both)) == len(both)


def test_a_request_that_ended_tells_its_end_its_attempts_and_its_times():
    assert dict(measures.of(ENDED)) == {
        Metric.COMPLETED: 1,
        Metric.ATTEMPTS: 2,
        Metric.PROCESSING_TIME: 4000,
        Metric.END_TO_END_TIME: 9000,
    }


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED])
def test_an_end_that_the_container_has_no_part_in_has_no_times(status):
    assert dict(measures.of(replace(ENDED, status=status))) == {OF_END[status]: 1}


def test_a_request_that_failed_before_it_ran_has_no_processing_time():
    told = dict(measures.of(replace(ENDED, status=Status.FAILED, started_ms=None, attempt=0)))
    assert told == {Metric.FAILED: 1, Metric.ATTEMPTS: 0, Metric.END_TO_END_TIME: 9000}


def test_a_job_is_counted_when_it_starts_and_when_it_ends():
    started = replace(JOB, status=jobs.JobStatus.ENQUEUING)
    ended = replace(JOB, status=jobs.JobStatus.TIMED_OUT, finished_ms=JOB.created_ms + 700)
    assert dict(measures.of(started)) == {Metric.JOBS_STARTED: 1}
    assert dict(measures.of(ended)) == {Metric.JOBS_TIMED_OUT: 1, Metric.JOB_TIME: 700}


def test_what_the_stream_tells_again_is_not_counted_before():
    counted = Counted()
    # As text "100" would come before "20".
    for place in ("9", "20", "100"):
        counted.add(place, replace(ENDED, id=place))

    def completed(*failed: str) -> int:
        values = counted.values(failed=failed).get(ENDED.api, [])
        return sum(metric is Metric.COMPLETED for metric, _ in values)

    assert [completed(), completed("100"), completed("20", "100"), completed("8")] == [3, 2, 1, 0]


def test_each_apis_ends_are_its_own():
    counted = Counted()
    counted.add("1", ENDED)
    counted.add("2", replace(ENDED, api="echo", status=Status.FAILED))
    found = counted.values(failed=[])
    assert {api: values[0] for api, values in found.items()} == {
        ENDED.api: (Metric.COMPLETED, 1),
        "echo": (Metric.FAILED, 1),
    }
