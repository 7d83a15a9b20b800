"""Jobs over HTTP: stopped, run again, and what failed of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.jobs import JobStatus
from penstock.batch.spec import JobSpec, Source, SourceKind
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.gateway.jobs import (
    FAILURE,
    ITEMS,
    batch,
    begun,
    code,
    end_batches,
    end_job,
    job,
    key_of,
    move,
    submit,
)


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def test_a_live_job_is_told_to_stop_and_once_is_enough(door):
    job_id = begun(door)
    for _ in range(2):
        answer = door.call("DELETE", f"/batch/sums/{job_id}")
        assert (answer.status, answer.json["status"]) == (200, "stopping")
        assert answer.json["message"] == f"stopped job {job_id}"
    record = door.jobs.rows[key_of(job_id)]
    assert (record.ending, record.stopping_ms) == (JobStatus.STOPPED, door.clock())


def test_a_job_is_stopped_in_cortexs_way_to_name_it_as_well(door):
    job_id = begun(door)
    assert door.call("DELETE", "/batch/sums", query={"jobID": [job_id]}).json["status"] == "stopping"
    assert code(door.call("DELETE", "/batch/sums")) == (400, "invalid_query")
    assert code(door.call("DELETE", "/batch/sums", query={"jobId": [job_id]})) == (400, "invalid_query")


def test_a_job_that_stops_for_another_reason_keeps_it(door):
    job_id = begun(door)
    move(door, job_id, moves.stop(ending=JobStatus.TIMED_OUT, failure=None, now_ms=door.clock()))
    assert door.call("DELETE", f"/batch/sums/{job_id}").status == 200
    assert door.jobs.rows[key_of(job_id)].ending is JobStatus.TIMED_OUT


def test_a_job_that_has_ended_cannot_be_stopped(door):
    job_id = begun(door)
    end_job(door, job_id, succeeded=1, failed=0)
    answer = door.call("DELETE", f"/batch/sums/{job_id}")
    assert code(answer) == (409, "job_finished")
    assert "succeeded" in answer.json["detail"]


def ended_job(door: FrontDoor, *, failed: int = 1) -> str:
    job_id = begun(door, ITEMS | {"timeout": 60, "config": {"a": 1}, "results": True})
    end_job(door, job_id, succeeded=2, failed=failed)
    return job_id


def test_failed_batches_run_again_in_a_new_job_with_the_same_terms(door):
    job_id = ended_job(door)
    answer = door.call("POST", f"/batch/sums/{job_id}/retry")
    new = answer.json["job_id"]
    assert (answer.status, answer.headers["location"]) == (202, f"../{new}")
    assert answer.json["retry_of"] == job_id
    spec = JobSpec.from_json(door.objects.bodies[keys.job_object(key_of(new), objects.SPEC)])
    assert spec == JobSpec(
        workers=2,
        source=Source(kind=SourceKind.RETRY, batch_size=0, retry_of=job_id),
        timeout_seconds=60,
        config={"a": 1},
        results=True,
    )
    assert door.executions.started[-1] == key_of(new)


def test_a_retry_whose_queue_has_left_the_configuration_is_refused_as_a_submission_is(door):
    arn = "arn:aws:sqs:eu-central-1:111122223333:lost.fifo"
    job_id = begun(door, ITEMS | {"dead_letter_queue": {"arn": arn, "max_receive_count": 3}})
    end_job(door, job_id, succeeded=2, failed=1)
    door.apis = tuple(replace(api, dead_letter_queues=()) for api in door.apis)
    door.build()
    refused = door.call("POST", f"/batch/sums/{job_id}/retry")
    assert code(refused) == (403, "dead_letter_queue_not_allowed")
    assert list(door.jobs.rows) == [key_of(job_id)]


def test_a_retry_asked_for_twice_is_one_job(door):
    job_id = ended_job(door)
    ids = {door.call("POST", f"/batch/sums/{job_id}/retry").json["job_id"] for _ in range(3)}
    assert len(ids) == 1
    assert len(door.jobs.rows) == 2


def test_a_job_that_runs_another_again_is_run_again_itself(door):
    first = door.call("POST", f"/batch/sums/{ended_job(door)}/retry").json["job_id"]
    move(door, first, moves.start(queue_url="http://q", now_ms=door.clock()))
    end_job(door, first, succeeded=0, failed=1)
    second = door.call("POST", f"/batch/sums/{first}/retry").json
    assert second["retry_of"] == first
    assert second["job_id"] != first


def test_a_job_that_goes_on_or_has_no_failed_batch_is_not_run_again(door):
    assert code(door.call("POST", f"/batch/sums/{begun(door)}/retry")) == (409, "job_not_retryable")
    whole = ended_job(door, failed=0)
    assert code(door.call("POST", f"/batch/sums/{whole}/retry")) == (409, "job_not_retryable")
    assert "retry" not in job(door, whole)["links"]


def test_a_job_whose_submission_is_gone_is_not_run_again(door):
    job_id = ended_job(door)
    del door.objects.bodies[keys.job_object(key_of(job_id), objects.SPEC)]
    assert code(door.call("POST", f"/batch/sums/{job_id}/retry")) == (410, "submission_gone")


def test_failed_batches_are_listed_a_page_at_a_time_while_the_job_runs(door):
    job_id = begun(door)
    end_batches(door, job_id, *(batch(number, failure=FAILURE) for number in range(5)), batch(7))
    listed, query = [], {"limit": ["2"]}
    for _ in range(10):
        page = door.call("GET", f"/batch/sums/{job_id}/failed", query=query).json
        listed += [entry["batch_id"] for entry in page["failed_batches"]]
        if "next_cursor" not in page:
            break
        query = {"limit": ["2"], "cursor": [page["next_cursor"]]}
    assert listed == [f"0-{number}" for number in range(5)]
    assert page["failed_batches"][0] == {
        "batch_id": "0-4",
        "error": {"code": FAILURE.code, "message": FAILURE.message},
        "attempt": 3,
        "items": 2,
        "finished_at": "2023-11-14T22:13:20.000Z",
        "status_code": 500,
        "links": {"batch": f"/batch/sums/{job_id}/failed/0-4", "job": f"/batch/sums/{job_id}"},
    }


def test_a_cursor_of_failed_batches_is_good_for_its_own_job_only(door):
    one, other = begun(door), begun(door)
    end_batches(door, one, batch(0, failure=FAILURE))
    cursor = door.call("GET", f"/batch/sums/{one}/failed", query={"limit": ["1"]}).json["next_cursor"]
    answer = door.call("GET", f"/batch/sums/{other}/failed", query={"cursor": [cursor]})
    assert code(answer) == (400, "invalid_cursor")


def test_a_small_failed_batch_is_told_with_its_items_as_they_were_sent(door):
    job_id = begun(door)
    failed = batch(0, failure=FAILURE)
    end_batches(door, job_id, failed)
    door.objects.bodies[str(failed.body_key)] = b'[1.0, 1e2, "\\u00fc"]'
    answer = door.call("GET", f"/batch/sums/{job_id}/failed/0-0")
    assert answer.json["body"] == [1.0, 100.0, "ü"]
    assert b'"body": [1.0, 1e2, "\\u00fc"]}' in answer.body


@pytest.mark.parametrize(
    "body", [b"[" + b"1," * 200_000 + b"1]", b"\xff", b"NaN"], ids=["large", "bytes", "nan"]
)
def test_a_failed_batch_that_is_large_or_no_json_is_linked(door, body):
    job_id = begun(door)
    failed = batch(0, failure=FAILURE)
    end_batches(door, job_id, failed)
    door.objects.bodies[str(failed.body_key)] = body
    answer = door.call("GET", f"/batch/sums/{job_id}/failed/0-0")
    assert str(failed.body_key) in answer.json["body_url"]
    assert "body" not in answer.json


def test_a_failed_batch_whose_items_are_gone_is_told_without_them(door):
    job_id = begun(door)
    end_batches(door, job_id, batch(0, failure=FAILURE))
    answer = door.call("GET", f"/batch/sums/{job_id}/failed/0-0")
    assert answer.status == 200
    assert not {"body", "body_url"} & answer.json.keys()


@pytest.mark.parametrize("name", ["0-1", "0-7", "x", "00-1", "0-1-1"])
def test_a_batch_that_did_not_fail_or_is_none_is_unknown(door, name):
    job_id = begun(door)
    end_batches(door, job_id, batch(0, failure=FAILURE), batch(7))
    answer = door.call("GET", f"/batch/sums/{job_id}/failed/{name}")
    assert code(answer) == (404, "unknown_batch")


def test_a_key_is_good_for_the_jobs_of_its_own_api(door):
    ours = {"key_id": "k1", "apis": "sum-batch"}
    job_id = submit(door, authorizer=ours).json["job_id"]
    assert door.only_job.caller == "key:k1"
    assert door.call("GET", f"/batch/sums/{job_id}", authorizer=ours).status == 200
    assert code(door.call("GET", "/batch/sum", authorizer=ours)) == (403, "access_denied")
    theirs = {"key_id": "k2", "apis": "sum"}
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/failed/0-0")):
        answer = door.call(method, f"/batch/sums/{job_id}{path}", authorizer=theirs)
        assert code(answer) == (403, "access_denied")
    assert door.only_job.status is JobStatus.PENDING
