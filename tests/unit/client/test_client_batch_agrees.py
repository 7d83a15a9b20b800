"""The client's jobs against the gateway itself, on stores in memory: what one sends the other takes."""

from __future__ import annotations

import httpx
import pytest

from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.commits import Commit, FinishedBatch
from penstock.batch.jobs import Hook, JobKey, JobStatus
from penstock.batch.tallies import total
from penstock.client import (
    ApiProblem,
    Client,
    DelimitedFiles,
    FilePathLister,
    ItemList,
    JobRequest,
    OnBadItem,
)
from penstock.client.testing import ManualTiming
from penstock.records import Failure
from tests.unit.gateway.front_door import FrontDoor

ITEMS = JobRequest(source=ItemList(items=[[1, 2], 3], batch_size=1), workers=2, timeout_seconds=60)


@pytest.fixture
def door():
    return FrontDoor()


@pytest.fixture
def client(door):
    def answer(sent: httpx.Request) -> httpx.Response:
        query = sent.url.params
        answered = door.call(
            sent.method,
            sent.url.path,
            body=sent.content,
            headers=dict(sent.headers),
            query={name: query.get_list(name) for name in query} or None,
        )
        return httpx.Response(answered.status, content=answered.body, headers=answered.headers)

    with Client(
        "https://penstock.test",
        transport=httpx.MockTransport(answer),
        auth=httpx.Auth(),
        timing=ManualTiming().timing,
    ) as client:
        yield client


def ended(door, job_id, *, failed):
    """Let the job run to its end, with one batch that succeeds and perhaps one that fails."""
    key, now_ms = JobKey(api="sum-batch", id=job_id), door.clock()
    batches = [FinishedBatch(id="0-0", attempt=1, duration_ms=900, items=1, finished_ms=now_ms)]
    if failed:
        body_key = keys.job_object(key, objects.failed("0-1"))
        door.objects.put(body_key, b"[3]", content_type="application/json")
        failure = Failure(code="container_error", message="The container answered 500.")
        batches.append(
            FinishedBatch(
                id="0-1", attempt=3, duration_ms=9, items=1, finished_ms=now_ms, failure=failure,
                status_code=500, body_key=body_key,
            )
        )  # fmt: skip
    door.jobs.apply(key, moves.start(queue_url="https://queue.invalid", now_ms=now_ms))
    door.jobs.apply(key, moves.seal(total=len(batches), now_ms=now_ms))
    door.parts.commit(
        Commit(key=key, worker="w", token="t", batches=tuple(batches), expires_at=now_ms // 1000 + 600)
    )
    door.jobs.apply(key, moves.complete(now_ms=now_ms))
    tally, hook = total(door.parts.tallies(key)), Hook(attempts=1, status_code=404)
    door.jobs.apply(key, moves.finish(tally=tally, hook=hook, now_ms=now_ms, retention_seconds=600))


def test_a_job_is_submitted_looked_at_and_stopped(client):
    submitted = client.batch.submit("sums", ITEMS, idempotency_key="tonight")
    again = client.batch.submit("sums", ITEMS, idempotency_key="tonight")

    state = client.batch.get("sums", submitted.id)

    assert (submitted.id, submitted.status) == (again.id, JobStatus.PENDING)
    assert (state.api, state.id, state.workers) == ("sum-batch", submitted.id, 2)
    assert (state.total, state.enqueued, state.succeeded, state.in_queue) == (None, 0, 0, 0)
    assert state.worker_counts["pending"] == 2
    assert state.document["timeout"] == 60
    assert client.batch.stop("sums", submitted.id).status is JobStatus.STOPPING
    assert client.batch.stop("sums", submitted.id).status is JobStatus.STOPPING


@pytest.mark.parametrize(
    "source",
    [
        FilePathLister(s3_paths=["s3://lists/in/"], includes=["**.jsonl"], batch_size=1),
        DelimitedFiles(
            s3_paths=["s3://lists/in/"], excludes=["**.csv"], batch_size=1, on_bad_item=OnBadItem.SKIP
        ),
    ],
    ids=["paths", "lines"],
)
def test_the_gateway_takes_each_source_and_a_dry_run_of_it(client, door, source):
    door.objects.foreign["lists", "in/1.jsonl"] = b"[1]\n"
    door.objects.foreign["lists", "in/2.csv"] = b"a\n1\n"
    job = JobRequest(source=source, workers=1, config={"a": [1]}, results=True)

    found = client.batch.dry_run("sums", job)

    assert (found.files, found.batch_count, found.truncated) == (["s3://lists/in/1.jsonl"], 1, False)
    assert client.batch.submit("sums", job).status is JobStatus.PENDING


def test_jobs_are_listed_and_filtered(client, door):
    ids = []
    for _ in range(3):
        ids.append(client.batch.submit("sums", ITEMS).id)
        door.clock.advance(1)
    client.batch.stop("sums", ids[1])

    assert [state.id for state in client.batch.list("sums", page_size=1)] == ids[::-1]
    assert [state.id for state in client.batch.list("sums", status=JobStatus.STOPPING)] == [ids[1]]


def test_an_end_is_told_with_its_failed_batches_and_they_run_again(client, door):
    job = client.batch.submit("sums", ITEMS)
    ended(door, job.id, failed=True)

    state = client.batch.wait("sums", job.id)
    (listed,) = client.batch.failed("sums", job.id, page_size=1)
    shown = client.batch.failed_batch("sums", job.id, "0-1")
    retried = client.batch.retry("sums", job.id)

    assert state.status is JobStatus.COMPLETED_WITH_FAILURES
    assert (state.total, state.succeeded, state.failed, state.cancelled, state.attempts) == (2, 1, 1, 0, 2)
    assert state.hook is not None
    assert (state.hook.status_code, state.hook.error) == (404, None)
    assert state.percentile_seconds.keys() == {"p50", "p90", "p99"}
    assert (listed.id, listed.error.code, listed.status_code) == ("0-1", "container_error", 500)
    assert shown.body == [3]
    assert client.batch.get("sums", retried.id).retry_of == job.id
    assert client.batch.retry("sums", job.id).id == retried.id


def test_refusals_have_the_codes_that_the_client_is_documented_to_raise(client, door):
    job = client.batch.submit("sums", ITEMS)
    ended(door, job.id, failed=False)

    for call, code in (
        (lambda: client.batch.stop("sums", job.id), "job_finished"),
        (lambda: client.batch.retry("sums", job.id), "job_not_retryable"),
        (lambda: client.batch.get("sums", "7fffffffffffffff"), "unknown_job"),
        (lambda: client.batch.failed_batch("sums", job.id, "9-9"), "unknown_batch"),
        (lambda: client.batch.submit("sums", {"workers": 1}), "invalid_submission"),
        (lambda: client.batch.get("words", job.id), "unknown_api"),
    ):
        with pytest.raises(ApiProblem) as caught:
            call()
        assert caught.value.code == code
