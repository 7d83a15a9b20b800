from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from penstock.batch.jobs import JobStatus
from penstock.client import (
    ApiProblem,
    DelimitedFiles,
    FilePathLister,
    InvalidInput,
    ItemList,
    JobRequest,
    JobState,
    OnBadItem,
    UnexpectedAnswer,
    WaitTimeout,
)
from penstock.client.testing import JOB_ID, answer, failed_batch, job, job_accepted, problem
from penstock.records import Failure

ITEMS = ItemList(items=[[1, 2], "ü"], batch_size=1)


def bodies(server):
    return [json.loads(request.content) for request in server.requests]


def test_a_submission_is_sent_again_under_one_key_when_its_answer_is_lost(start):
    client, server = start(httpx.ReadError("broke"), problem(503, "unavailable"), job_accepted())

    submitted = client.batch.submit("sum-batch", JobRequest(source=ITEMS, workers=2))

    assert (submitted.api, submitted.id, submitted.status) == ("sum-batch", JOB_ID, JobStatus.PENDING)
    assert {(request.method, request.url.path) for request in server.requests} == {
        ("POST", "/prod/batch/sum-batch")
    }
    assert {request.headers["idempotency-key"] for request in server.requests} == {submitted.idempotency_key}
    assert bodies(server) == [{"workers": 2, "item_list": {"items": [[1, 2], "ü"], "batch_size": 1}}] * 3


def test_two_submissions_have_two_keys_unless_one_is_given(start):
    client, server = start(*[job_accepted()] * 3)

    for key in (None, None, "tonight"):
        client.batch.submit("sum-batch", {"workers": 1}, idempotency_key=key)

    first, second, third = (request.headers["idempotency-key"] for request in server.requests)
    assert first != second
    assert third == "tonight"


@pytest.mark.parametrize(
    ("request_", "document"),
    [
        (
            JobRequest(
                source=FilePathLister(s3_paths=["s3://b/p"], batch_size=3, includes=["**.jpg"]),
                workers=1,
                timeout_seconds=7200,
            ),
            {
                "workers": 1,
                "timeout": 7200,
                "file_path_lister": {
                    "s3_paths": ["s3://b/p"],
                    "includes": ["**.jpg"],
                    "excludes": [],
                    "batch_size": 3,
                },
            },
        ),
        (
            JobRequest(
                source=DelimitedFiles(s3_paths=["s3://b/p"], batch_size=3, on_bad_item=OnBadItem.SKIP),
                workers=1,
                config={"model": "large"},
                results=True,
            ),
            {
                "workers": 1,
                "config": {"model": "large"},
                "results": True,
                "delimited_files": {
                    "s3_paths": ["s3://b/p"],
                    "includes": [],
                    "excludes": [],
                    "batch_size": 3,
                    "on_bad_item": "skip",
                },
            },
        ),
    ],
    ids=["paths", "lines"],
)
def test_typed_arguments_become_the_submission(start, request_, document):
    client, server = start(job_accepted())

    client.batch.submit("sum-batch", request_, callback_url="https://hooks.test/done")

    assert bodies(server) == [document]
    assert server.requests[0].headers["x-callback-url"] == "https://hooks.test/done"


@pytest.mark.parametrize("config", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}])
def test_what_is_no_json_is_refused_before_anything_is_sent(start, config):
    client, server = start()

    with pytest.raises(InvalidInput):
        client.batch.submit("sum-batch", JobRequest(source=ITEMS, workers=1, config=config))

    assert server.requests == []


@pytest.mark.parametrize("option", ["idempotency_key", "callback_url"])
def test_a_header_that_cannot_be_sent_is_refused_before_anything_is_sent(start, option):
    client, server = start()

    with pytest.raises(InvalidInput):
        client.batch.submit("sum-batch", {}, **{option: "a\nb"})

    assert server.requests == []


def test_a_dry_run_tells_files_and_batches_and_reserves_no_key(start):
    client, server = start(
        answer(200, {"files": ["s3://b/1", "s3://b/2"], "batch_count": 2, "truncated": False, "new": 1})
    )

    found = client.batch.dry_run("sum-batch", {"workers": 1})

    assert (found.files, found.batch_count, found.truncated) == (["s3://b/1", "s3://b/2"], 2, False)
    (request,) = server.requests
    assert request.url.query == b"dryRun=true"
    assert "idempotency-key" not in request.headers


def test_get_reads_every_member_and_keeps_those_it_does_not_know(start):
    client, _ = start(
        job(
            "completed_with_failures",
            total_batch_count=100,
            enqueued_batch_count=100,
            succeeded=97,
            failed=2,
            cancelled=1,
            batches_in_queue=0,
            attempts=104,
            average_time_per_batch=1.25,
            percentiles={"p50": 1, "p90": 2.5, "p99": None},
            worker_counts={"running": 0, "left": 2, "abducted": 1},
            worker_failure={"code": "out_of_memory", "reason": "OutOfMemoryError", "deaths": 1},
            results_url="https://bucket.test/manifest?signature=secret",
            logs_url="https://console.test",
            started_at="2026-10-01T12:00:01.000Z",
            sealed_at="2026-10-01T12:00:02.000Z",
            completing_at="2026-10-01T12:00:03.000Z",
            finished_at="2026-10-01T12:00:04.000Z",
            hook={"attempts": 3, "status_code": 500, "error": {"code": "container_error", "message": "m"}},
            error={"code": "e", "message": "f"},
            retry_of="68cf2a1b00c0ff00",
            unknown_member=1,
        )
    )

    found = client.batch.get("sum-batch", JOB_ID)

    assert (found.api, found.id, found.status, found.workers) == (
        "sum-batch",
        JOB_ID,
        JobStatus.COMPLETED_WITH_FAILURES,
        2,
    )
    assert (found.total, found.succeeded, found.failed, found.cancelled) == (100, 97, 2, 1)
    assert (found.finished, found.in_queue, found.attempts) == (99, 0, 104)
    assert (found.average_seconds, found.percentile_seconds) == (1.25, {"p50": 1.0, "p90": 2.5})
    assert found.worker_counts == {"running": 0, "left": 2, "abducted": 1}
    moments = (
        found.created_at,
        found.started_at,
        found.sealed_at,
        found.completing_at,
        found.finished_at,
    )
    assert moments == tuple(datetime(2026, 10, 1, 12, 0, second, tzinfo=UTC) for second in range(5))
    assert (found.hook.attempts, found.hook.status_code, found.hook.error.code) == (3, 500, "container_error")
    assert found.error == Failure(code="e", message="f")
    assert found.retry_of == "68cf2a1b00c0ff00"
    assert found.worker_failure == "out_of_memory: OutOfMemoryError"
    assert (found.enqueued, found.logs_url) == (100, "https://console.test")
    assert found.results_url.endswith("secret")
    assert "secret" not in repr(found)
    assert found.document["unknown_member"] == 1


@pytest.mark.parametrize(
    "members",
    [
        {"job_id": None},
        {"api_name": 3},
        {"status": "sleeping"},
        {"workers": "two"},
        {"total_batch_count": 1.5},
        {"worker_counts": [1]},
        {"worker_counts": {"running": "two"}},
        {"percentiles": {"p50": "1"}},
        {"created_at": "yesterday"},
        {"hook": {}},
        {"worker_failure": {"reason": "x"}},
        {"error": {"code": "c"}},
    ],
)
def test_an_answer_that_is_no_job_is_told_as_such(start, members):
    client, _ = start(job(**{"status": "running", **members}))

    with pytest.raises(UnexpectedAnswer):
        client.batch.get("sum-batch", JOB_ID)


@pytest.mark.parametrize("files", [None, "s3://b/1", [1]])
def test_an_answer_that_is_no_dry_run_is_told_as_such(start, files):
    client, _ = start(answer(200, {"files": files, "batch_count": 1, "truncated": False}))

    with pytest.raises(UnexpectedAnswer):
        client.batch.dry_run("sum-batch", {})


def test_wait_tells_each_change_once_and_looks_every_two_seconds_at_most(start, manual):
    running = [job("running", total_batch_count=9, succeeded=count) for count in (1, 1, 5)]
    script = [job("pending"), *[job("enqueuing")] * 20, *running, job("succeeded", succeeded=9)]
    client, server = start(*script)
    seen: list[JobState] = []

    ended = client.batch.wait("sum-batch", JOB_ID, on_change=seen.append)

    assert ended.status is JobStatus.SUCCEEDED
    assert [(state.status.value, state.succeeded) for state in seen] == [
        ("pending", 0),
        ("enqueuing", 0),
        ("running", 1),
        ("running", 5),
        ("succeeded", 9),
    ]
    assert server.exhausted
    assert max(manual.sleeps_seconds) == 2.0


def test_a_wait_that_is_too_long_names_the_job_and_leaves_it_alone(start):
    client, server = start(*[job("running")] * 20)

    with pytest.raises(WaitTimeout, match=f"Job {JOB_ID} is still running after 5 s. It goes on") as caught:
        client.batch.wait("sum-batch", JOB_ID, timeout_seconds=5)

    assert caught.value.state.status is JobStatus.RUNNING
    assert {request.method for request in server.requests} == {"GET"}


def test_jobs_are_listed_page_by_page(start):
    client, server = start(
        answer(200, {"jobs": [job("stopped").json()], "next_cursor": "c"}),
        answer(200, {"jobs": [], "next_cursor": "d"}),
        answer(200, {"jobs": [job("stopped", job_id="68cf2a1b00c0ff00").json()]}),
    )

    listed = client.batch.list(
        "sum-batch",
        status=JobStatus.STOPPED,
        created_after=datetime(2026, 10, 1, tzinfo=UTC),
        page_size=1,
    )

    assert [found.id for found in listed] == [JOB_ID, "68cf2a1b00c0ff00"]
    filters = {"status": "stopped", "created_after": "2026-10-01T00:00:00+00:00", "limit": "1"}
    assert [dict(request.url.params) for request in server.requests] == [
        filters,
        {**filters, "cursor": "c"},
        {**filters, "cursor": "d"},
    ]


def test_stop_deletes_and_is_asked_for_again_when_its_answer_is_lost(start):
    client, server = start(httpx.ReadError("broke"), job("stopping"))

    assert client.batch.stop("sum-batch", JOB_ID).status is JobStatus.STOPPING

    assert [(request.method, request.url.path) for request in server.requests] == [
        ("DELETE", f"/prod/batch/sum-batch/{JOB_ID}")
    ] * 2


def test_stopping_what_has_ended_is_a_problem_with_its_code(start):
    client, _ = start(problem(409, "job_finished"))

    with pytest.raises(ApiProblem) as caught:
        client.batch.stop("sum-batch", JOB_ID)

    assert (caught.value.code, caught.value.transient) == ("job_finished", False)


def test_a_retry_is_a_new_job_and_is_asked_for_again_when_its_answer_is_lost(start):
    client, server = start(httpx.ReadError("broke"), job_accepted(job_id="68cf2a1b00c0aaaa"))

    retried = client.batch.retry("sum-batch", JOB_ID)

    assert (retried.id, retried.idempotency_key) == ("68cf2a1b00c0aaaa", None)
    assert {request.url.path for request in server.requests} == {f"/prod/batch/sum-batch/{JOB_ID}/retry"}


def test_failed_batches_are_listed_page_by_page_and_shown_one_by_one(start):
    client, server = start(
        answer(200, {"failed_batches": [failed_batch("0-1").json()], "next_cursor": "c"}),
        answer(200, {"failed_batches": [failed_batch("3-2").json()]}),
        failed_batch("0-1", extra=1, body=[[1], 2], body_url="https://b.test/?signature=secret"),
    )

    assert [batch.id for batch in client.batch.failed("sum-batch", JOB_ID)] == ["0-1", "3-2"]
    one = client.batch.failed_batch("sum-batch", JOB_ID, "0-1")

    assert (one.id, one.attempt, one.items, one.status_code) == ("0-1", 3, 20, 500)
    assert one.error == Failure(code="container_error", message="The container answered 500.")
    assert one.finished_at == datetime(2026, 10, 1, 12, 0, 9, tzinfo=UTC)
    assert (one.body, one.body_url) == ([[1], 2], "https://b.test/?signature=secret")
    assert "secret" not in repr(one)
    assert one.document["extra"] == 1
    paths = [request.url.path for request in server.requests]
    failed = f"/prod/batch/sum-batch/{JOB_ID}/failed"
    assert paths == [failed, failed, f"{failed}/0-1"]


def test_a_name_that_would_lead_elsewhere_is_refused(start):
    client, server = start()

    with pytest.raises(InvalidInput):
        client.batch.get("sum-batch", "..")

    assert server.requests == []
