"""Jobs over HTTP: submitted, shown, listed, stopped, run again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.chunks import EnqueuedChunk
from penstock.batch.commits import Commit, FinishedBatch
from penstock.batch.jobs import Hook, JobKey, JobStatus
from penstock.batch.lanes import Death, Lane
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.batch.tallies import Tally
from penstock.ports import DependencyError
from penstock.records import Failure
from penstock.testing import MemoryJobParts
from tests.unit.gateway.front_door import Answer, FrontDoor

ITEMS = {"workers": 2, "item_list": {"items": [1, [2.50], {"a": "b"}], "batch_size": 2}}
KEY = {"Idempotency-Key": "tonight"}
FAILURE = Failure(code="container_error", message="The container answered 500.")


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def submit(door: FrontDoor, content: Any = ITEMS, *, api: str = "sums", **parts: Any) -> Answer:
    return door.call("POST", f"/batch/{api}", body=json.dumps(content).encode(), **parts)


def begun(door: FrontDoor, content: Any = ITEMS) -> str:
    """A job whose execution has prepared it."""
    job_id = str(submit(door, content).json["job_id"])
    move(door, job_id, moves.start(queue_url="http://q/1", now_ms=door.clock()))
    door.clock.advance(1)
    return job_id


def key_of(job_id: str) -> JobKey:
    return JobKey(api="sum-batch", id=job_id)


def move(door: FrontDoor, job_id: str, transition: Any) -> None:
    door.jobs.apply(key_of(job_id), transition)


def batch(number: int, *, failure: Failure | None = None, ms: int = 100) -> FinishedBatch:
    return FinishedBatch(
        id=f"0-{number}",
        failure=failure,
        attempt=3 if failure else 1,
        duration_ms=ms,
        items=2,
        finished_ms=1_700_000_000_000,
        status_code=500 if failure else 200,
        body_key=f"jobs/sum-batch/x/failed/0-{number}.json" if failure else None,
    )


def end_batches(door: FrontDoor, job_id: str, *batches: FinishedBatch, worker: str = "w1") -> None:
    token = "-".join(one.id for one in batches)
    door.parts.commit(
        Commit(key=key_of(job_id), worker=worker, token=token, batches=batches, expires_at=10**10)
    )


def end_job(door: FrontDoor, job_id: str, *, succeeded: int, failed: int) -> None:
    now_ms = door.clock()
    move(door, job_id, moves.seal(total=succeeded + failed, now_ms=now_ms))
    move(door, job_id, moves.complete(now_ms=now_ms))
    tally = Tally(succeeded=succeeded, failed=failed)
    hook = Hook(attempts=1, status_code=200)
    move(door, job_id, moves.finish(tally=tally, hook=hook, now_ms=now_ms, retention_seconds=3600))


def job(door: FrontDoor, job_id: str) -> dict[str, Any]:
    answer = door.call("GET", f"/batch/sums/{job_id}")
    assert answer.status == 200, answer.body
    return answer.json


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def test_a_job_is_recorded_stored_begun_and_answered(door):
    answer = submit(door)
    record = door.only_job
    assert (answer.status, answer.headers["location"]) == (202, f"sums/{record.id}")
    assert answer.json["job_id"] == record.id
    assert (answer.json["api_name"], answer.json["kind"]) == ("sum-batch", "BatchAPI")
    assert (answer.json["status"], answer.json["workers"]) == ("pending", 2)
    assert answer.json["links"]["status"] == f"/batch/sums/{record.id}"
    spec = JobSpec.from_json(door.objects.bodies[keys.job_object(record.key, objects.SPEC)])
    assert spec.source == Source(kind=SourceKind.ITEM_LIST, batch_size=2, items=3)
    assert door.objects.bodies[keys.job_object(record.key, objects.ITEMS)] == b'1\n[2.5]\n{"a": "b"}\n'
    assert door.executions.started == [record.key]
    assert door.accepted == [("sum-batch", False)]


def test_items_are_stored_as_they_were_written(door):
    body = b'{"workers":1,"item_list":{"batch_size":1,"items":[1.0, 1e2,\n 12345678901234567890.10 ]}}'
    door.call("POST", "/batch/sums", body=body)
    (items,) = (text for name, text in door.objects.bodies.items() if name.endswith("items.jsonl"))
    assert items == b"1.0\n1e2\n12345678901234567890.10\n"


def test_the_record_of_a_job_has_what_workers_need(door):
    arn = "arn:aws:sqs:eu-central-1:111122223333:lost.fifo"
    queue = {"arn": arn, "max_receive_count": 7}
    submit(door, ITEMS | {"timeout": 60, "results": True, "sqs_dead_letter_queue": queue})
    record, now_ms = door.only_job, door.clock()
    assert (record.max_attempts, record.dead_letter_arn, record.results) == (7, arn, True)
    assert record.deadline_ms == now_ms + 60_000
    # Nobody was told of it before its execution begins.
    assert record.expires_at == now_ms // 1000 + 24 * 3600


def test_without_a_timeout_a_job_ends_before_sqs_forgets_its_batches(door):
    submit(door)
    assert door.only_job.deadline_ms == door.clock() + 13 * 86400 * 1000
    assert door.only_job.max_attempts == 3


def test_jobs_of_the_same_moment_are_different_jobs(door):
    ids = {submit(door).json["job_id"] for _ in range(5)}
    assert len(ids) == len(door.jobs.rows) == len(door.executions.started) == 5


def test_the_callback_is_checked_and_kept(door):
    submit(door, headers={"X-Callback-Url": "https://hooks.example.com/done"})
    assert door.only_job.callback == "https://hooks.example.com/done"
    refused = submit(door, headers={"X-Callback-Url": "https://127.0.0.1/"})
    assert code(refused) == (400, "callback_address_refused")
    assert len(door.jobs.rows) == 1


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/batch/sums", b"", (400, "invalid_body")),
        ("/batch/sums", b"{}", (422, "invalid_submission")),
        ("/batch/words", b"{}", (404, "unknown_api")),
        ("/batch/su", b"{}", (404, "unknown_api")),
        ("/batch/sum-batch", b"{}", (404, "unknown_api")),
        ("/async/sums", b"{}", (404, "unknown_api")),
    ],
)
def test_what_cannot_be_a_job_leaves_nothing_behind(door, path, body, expected):
    assert code(door.call("POST", path, body=body)) == expected
    assert not door.jobs.rows
    assert not door.objects.bodies
    assert not door.executions.started


def test_an_api_of_the_other_kind_is_told_where_it_is_called(door):
    assert "/async/words" in submit(door, api="words").json["detail"]


@pytest.mark.parametrize("query", [{"dryrun": ["true"]}, {"dryRun": ["1"]}, {"dryRun": ["true", "true"]}])
def test_a_query_that_is_not_understood_makes_no_job(door, query):
    assert code(submit(door, query=query)) == (400, "invalid_query")
    assert not door.jobs.rows


def test_with_the_dry_run_switched_off_a_job_is_made(door):
    assert submit(door, query={"dryRun": ["false"]}).status == 202


def test_the_same_key_and_submission_are_the_same_job(door):
    first = submit(door, headers=KEY)
    door.clock.advance(3600)
    again = submit(door, headers=KEY)
    assert (again.status, again.json, again.headers) == (202, first.json, first.headers)
    assert len(door.jobs.rows) == 1
    assert [replayed for _, replayed in door.accepted] == [False, True]


def test_the_same_key_with_another_submission_is_refused_and_changes_nothing(door):
    submit(door, headers=KEY)
    stored = dict(door.objects.bodies)
    for content, headers in (
        (ITEMS | {"workers": 3}, {}),
        (ITEMS, {"X-Callback-Url": "https://hooks.example.com/done"}),
    ):
        answer = submit(door, content, headers=KEY | headers)
        assert code(answer) == (422, "idempotency_key_reused")
    assert (len(door.jobs.rows), door.objects.bodies) == (1, stored)


def test_a_key_is_its_callers_and_its_apis_own(door):
    made = [
        submit(door, headers=KEY, caller="arn:aws:iam::111122223333:user/ann"),
        submit(door, headers=KEY, caller="arn:aws:iam::111122223333:user/bob"),
        submit(door, headers=KEY, api="sum"),
    ]
    assert [answer.status for answer in made] == [202] * 3
    assert len(door.jobs.rows) == 3


def test_a_replay_tells_where_the_job_is_now(door):
    job_id = submit(door, headers=KEY).json["job_id"]
    move(door, job_id, moves.start(queue_url="http://q", now_ms=door.clock()))
    assert submit(door, headers=KEY).json["status"] == "enqueuing"


def test_a_replay_is_answered_though_the_files_are_gone(door):
    door.objects.foreign["lists", "a"] = b"1"
    files = {"workers": 1, "file_path_lister": {"s3_paths": ["s3://lists/"], "batch_size": 1}}
    first = submit(door, files, headers=KEY)
    door.objects.foreign.clear()
    assert submit(door, files, headers=KEY).json == first.json
    assert submit(door, files).status == 422


def test_what_was_refused_for_its_files_may_be_sent_again_under_its_key(door):
    files = {"workers": 1, "file_path_lister": {"s3_paths": ["s3://lists/"], "batch_size": 1}}
    assert submit(door, files, headers=KEY).status == 422
    door.objects.foreign["lists", "a"] = b"1"
    assert submit(door, files, headers=KEY).status == 202
    assert len(door.jobs.rows) == 1


@pytest.mark.parametrize("place", ["create", "put", "start"])
@pytest.mark.parametrize("takes_effect", [True, False], ids=["after it took effect", "before"])
def test_a_crash_anywhere_is_healed_by_sending_again(door, place, takes_effect):
    store = {"create": door.jobs, "put": door.objects, "start": door.executions}[place]
    whole = getattr(store, place)

    def broken(*arguments: Any, **named: Any) -> Any:
        setattr(store, place, whole)
        if takes_effect:
            whole(*arguments, **named)
        raise DependencyError("the store hung up")

    setattr(store, place, broken)
    assert code(submit(door, headers=KEY)) == (503, "unavailable")
    door.clock.advance(2)
    answer = submit(door, headers=KEY)
    assert answer.status == 202
    assert door.executions.started == [key_of(answer.json["job_id"])]
    assert {name.rpartition("/")[2] for name in door.objects.bodies} == {"spec.json", "items.jsonl"}
    assert len(door.jobs.rows) == 1


def test_a_key_whose_job_is_forgotten_is_free_and_its_new_job_has_a_new_id(door):
    old = submit(door, headers=KEY).json["job_id"]
    # Its execution never began.
    door.clock.advance(25 * 3600)
    new = submit(door, ITEMS | {"workers": 9}, headers=KEY).json["job_id"]
    assert new != old
    del door.jobs.rows[key_of(old)]
    assert submit(door, ITEMS | {"workers": 9}, headers=KEY).json["job_id"] == new
    assert door.executions.started == [key_of(old), key_of(new)]


def test_two_submissions_of_one_moment_under_two_keys_are_two_jobs(door):
    ids = {submit(door, headers={"Idempotency-Key": key}).json["job_id"] for key in ("a", "b", "c")}
    assert len(ids) == 3


def test_a_key_that_cannot_be_one_makes_no_job(door):
    assert code(submit(door, headers={"Idempotency-Key": "a b"})) == (400, "invalid_idempotency_key")


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
    door.parts.put_chunk(key_of(job_id), EnqueuedChunk(index=1, batches=3, items=6), expires_at=1)
    end_batches(door, job_id, batch(0), batch(1, failure=FAILURE))
    found = job(door, job_id)
    assert (found["enqueued_batch_count"], found["batches_in_queue"]) == (10, 8)
    assert (found["succeeded"], found["failed"]) == (1, 1)
    assert "total_batch_count" not in found


def test_batches_that_ended_before_their_chunk_was_noted_make_no_negative_queue(door):
    job_id = begun(door)
    end_batches(door, job_id, batch(0))
    assert job(door, job_id)["batches_in_queue"] == 0


def test_sealed_the_queue_is_exact(door):
    job_id = begun(door)
    move(door, job_id, moves.seal(total=5, now_ms=door.clock()))
    end_batches(door, job_id, batch(0), worker="w1")
    end_batches(door, job_id, batch(1, failure=FAILURE), batch(2), worker="w2")
    found = job(door, job_id)
    assert (found["status"], found["total_batch_count"], found["batches_in_queue"]) == ("running", 5, 2)
    assert (found["succeeded"], found["failed"], found["attempts"]) == (2, 1, 3)


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
