"""Jobs over HTTP: shown and listed."""

from __future__ import annotations

import pytest

from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.chunks import EnqueuedChunk
from penstock.batch.jobs import JobStatus
from penstock.batch.lanes import Death, Lane
from penstock.batch.tallies import Tally
from penstock.ports import DependencyError
from penstock.records import Failure
from penstock.testing import MemoryJobParts
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


def test_a_job_that_nobody_has_begun_has_nothing_yet(door):
    found = job(door, submit(door).json["job_id"])
    assert found["status"] == "pending"
    assert "total_batch_count" not in found
    assert (found["enqueued_batch_count"], found["batches_in_queue"], found["attempts"]) == (0, 0, 0)
    assert found["worker_counts"] == {"pending": 2, "running": 0, "lost": 0, "left": 0, "failed": 0}
    assert found["logs_url"] == "https://console.invalid/sum-batch"
    assert not {"average_time_per_batch", "percentiles", "error", "hook", "results_url"} & found.keys()


def test_before_the_seal_what_is_enqueued_so_far_is_counted(door):
    job_id = begun(door)
    door.parts.put_chunk(key_of(job_id), EnqueuedChunk(index=0, batches=7, items=14), expires_at=1)
    door.parts.put_chunk(key_of(job_id), EnqueuedChunk(index=1, batches=3, items=6, skipped=2), expires_at=1)
    end_batches(door, job_id, batch(0), batch(1, failure=FAILURE))
    found = job(door, job_id)
    assert (found["enqueued_batch_count"], found["batches_in_queue"]) == (10, 8)
    assert found["skipped_item_count"] == 2
    assert (found["succeeded"], found["failed"]) == (1, 1)
    assert "total_batch_count" not in found


def test_batches_that_ended_before_their_chunk_was_noted_make_no_negative_queue(door):
    job_id = begun(door)
    end_batches(door, job_id, batch(0))
    assert job(door, job_id)["batches_in_queue"] == 0


def test_sealed_the_queue_is_exact(door):
    job_id = begun(door)
    move(door, job_id, moves.seal(total=5, skipped=3, now_ms=door.clock()))
    end_batches(door, job_id, batch(0), worker="w1")
    end_batches(door, job_id, batch(1, failure=FAILURE), batch(2), worker="w2")
    found = job(door, job_id)
    assert (found["status"], found["total_batch_count"], found["batches_in_queue"]) == ("running", 5, 2)
    assert (found["succeeded"], found["failed"], found["attempts"]) == (2, 1, 3)
    assert found["skipped_item_count"] == 3


def test_times_of_batches_are_seconds(door):
    job_id = begun(door)
    end_batches(door, job_id, *(batch(number, ms=1000) for number in range(9)), batch(9, ms=11_000))
    found = job(door, job_id)
    assert found["average_time_per_batch"] == 2.0
    assert 1 <= found["percentiles"]["p50"] <= 1.2
    assert 11 <= found["percentiles"]["p99"] <= 13.2


async def test_workers_are_told_apart_by_their_state(door):
    job_id = begun(door, ITEMS | {"workers": 6})
    workers = door.workers_of_jobs
    for name in ("running", "left", "lost"):
        await workers.arrive(key_of(job_id), name, now_ms=door.clock(), expires_at=1)
    await workers.leave(key_of(job_id), "left", now_ms=door.clock())
    door.clock.advance(61)
    await workers.alive(key_of(job_id), "running", now_ms=door.clock())
    gone = Lane(index=4, deaths=5, last_death=Death.OUT_OF_MEMORY, reason="OutOfMemoryError", over=True)
    door.parts.put_lane(key_of(job_id), gone, expires_at=1)
    door.parts.put_lane(key_of(job_id), Lane(index=1, deaths=1, last_death=Death.ERROR), expires_at=1)
    found = job(door, job_id)
    assert found["worker_counts"] == {"pending": 4, "running": 1, "lost": 1, "left": 1, "failed": 1}
    assert found["worker_failure"] == {"code": "out_of_memory", "reason": "OutOfMemoryError", "deaths": 5}


def test_a_job_tells_what_was_asked_for(door):
    config = {"model": "large", "big": 12345678901234567890}
    job_id = begun(door, ITEMS | {"config": config, "timeout": 60})
    found = job(door, job_id)
    assert (found["config"], found["timeout"]) == (config, 60)


def test_an_end_is_told_with_frozen_counts_and_what_became_of_the_hook(door):
    job_id = begun(door)
    end_job(door, job_id, succeeded=4, failed=1)
    # An increment of a worker that did not know.
    end_batches(door, job_id, batch(99))
    found = job(door, job_id)
    assert found["status"] == "completed_with_failures"
    assert (found["succeeded"], found["failed"], found["cancelled"]) == (4, 1, 0)
    assert (found["batches_in_queue"], found["worker_counts"]["pending"]) == (0, 0)
    assert found["hook"] == {"attempts": 1, "status_code": 200}
    assert {"finished_at", "sealed_at", "completing_at", "started_at"} <= found.keys()
    assert "deadline_at" not in found
    assert found["links"]["retry"] == f"/batch/sums/{job_id}/retry"


def test_an_early_end_is_told_with_its_reason(door):
    job_id = begun(door)
    failure = Failure(code="bad_item", message="s3://lists/a, line 3: the item is not JSON")
    move(door, job_id, moves.stop(ending=JobStatus.ENQUEUE_FAILED, failure=failure, now_ms=door.clock()))
    end = moves.end(
        ending=JobStatus.ENQUEUE_FAILED, total=3, tally=Tally(), now_ms=door.clock(), retention_seconds=60
    )
    move(door, job_id, end)
    found = job(door, job_id)
    assert (found["status"], found["cancelled"]) == ("enqueue_failed", 3)
    assert found["error"] == {"code": failure.code, "message": failure.message}


def test_the_results_are_linked_when_their_list_is_there(door):
    job_id = begun(door, ITEMS | {"results": True})
    manifest = keys.job_object(key_of(job_id), objects.MANIFEST)
    door.objects.bodies[manifest] = b"{}"
    assert "results_url" not in job(door, job_id)
    end_job(door, job_id, succeeded=1, failed=0)
    assert manifest in job(door, job_id)["results_url"]
    del door.objects.bodies[manifest]
    assert "results_url" not in job(door, job_id)


def test_cortexs_way_to_name_a_job_gives_the_same_answer(door):
    job_id = begun(door)
    assert door.call("GET", "/batch/sums", query={"jobID": [job_id]}).json == job(door, job_id)
    further = {"jobID": [job_id], "limit": ["2"]}
    assert code(door.call("GET", "/batch/sums", query=further)) == (400, "invalid_query")


@pytest.mark.parametrize("job_id", ["0" * 16, "x", "0" * 17, "a" * 26, "../x", ""])
def test_a_job_that_is_not_there_is_unknown_however_it_is_asked_for(door, job_id):
    assert code(door.call("GET", "/batch/sums", query={"jobID": [job_id]})) == (404, "unknown_job")
    assert code(door.call("DELETE", "/batch/sums", query={"jobID": [job_id]})) == (404, "unknown_job")


def test_a_job_of_another_api_is_unknown_also_where_one_name_begins_with_the_other(door):
    job_id = begun(door)
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/failed"), ("GET", "/failed/0-1"),
    ):  # fmt: skip
        assert code(door.call(method, f"/batch/sum/{job_id}{path}")) == (404, "unknown_job")
    assert job(door, job_id)["status"] == "enqueuing"
    assert door.call("GET", "/batch/sum").json["jobs"] == []


def test_a_job_whose_retention_is_over_is_unknown(door):
    job_id = begun(door)
    end_job(door, job_id, succeeded=1, failed=1)
    door.clock.advance(3600)
    assert code(door.call("GET", f"/batch/sums/{job_id}")) == (404, "unknown_job")
    assert code(door.call("DELETE", f"/batch/sums/{job_id}")) == (404, "unknown_job")


def test_stores_that_fail_are_told_as_such(door):
    job_id = begun(door)

    class Failing(MemoryJobParts):
        def tallies(self, key):
            raise DependencyError("no answer")

    door.parts = Failing()
    door.build()
    assert code(door.call("GET", f"/batch/sums/{job_id}")) == (503, "unavailable")


def test_jobs_are_listed_newest_first_a_page_at_a_time(door):
    made = []
    for _ in range(5):
        made.append(submit(door).json["job_id"])
        door.clock.advance(1)
    listed, query = [], {"limit": ["2"]}
    for _ in range(10):
        page = door.call("GET", "/batch/sums", query=query).json
        listed += [entry["job_id"] for entry in page["jobs"]]
        if "next_cursor" not in page:
            break
        query = {"limit": ["2"], "cursor": [page["next_cursor"]]}
    assert listed == made[::-1]


def test_a_list_of_jobs_is_selected_by_status(door):
    stopped, other = begun(door), begun(door)
    door.call("DELETE", f"/batch/sums/{stopped}")
    page = door.call("GET", "/batch/sums", query={"status": ["stopping"]}).json
    assert [entry["job_id"] for entry in page["jobs"]] == [stopped]
    page = door.call("GET", "/batch/sums", query={"status": ["enqueuing"]}).json
    assert [entry["job_id"] for entry in page["jobs"]] == [other]


def test_a_list_of_jobs_is_selected_by_time(door):
    submit(door)
    door.clock.advance(3600)
    late = submit(door).json["job_id"]
    page = door.call("GET", "/batch/sums", query={"created_after": ["2023-11-14T23:00:00Z"]}).json
    assert [entry["job_id"] for entry in page["jobs"]] == [late]


@pytest.mark.parametrize("query", [{"status": ["completed"]}, {"state": ["x"]}, {"limit": ["0"]}])
def test_a_query_of_a_list_of_jobs_that_is_not_understood_is_refused(door, query):
    assert code(door.call("GET", "/batch/sums", query=query)) == (400, "invalid_query")


def test_a_cursor_is_good_for_its_own_list_only(door):
    for _ in range(2):
        submit(door)
        door.clock.advance(1)
    cursor = door.call("GET", "/batch/sums", query={"limit": ["1"]}).json["next_cursor"]
    for path in ("/batch/sum", "/async/words", "/webhooks/words"):
        assert code(door.call("GET", path, query={"cursor": [cursor]})) == (400, "invalid_cursor")
