"""Batch jobs through the whole stack, judged by the ledger that their container keeps."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from penstock.batch.jobs import JobStatus
from penstock.batch.spec import OnBadItem
from penstock.client import ApiProblem, DelimitedFiles, FilePathLister, ItemList, JobRequest, JobState
from tests.e2e.jobs import ENDPOINT, INPUTS, Ledger, counted, ended, gone, results, submit

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

pytestmark = [
    pytest.mark.embedded_only("without ECS and Step Functions there are no jobs"),
    pytest.mark.timeout(300),
]

FILES = {
    "texts/a.jsonl": b'{"n": 1}\n\n{"n": 2, "text": "\\n"}\r\n[3]\n"4"',
    "texts/b.jsonl.gz": gzip.compress(b'{"n": 5}\n{"n": 6}\n'),
    "texts/c.csv": b'n,text\n7,"a\nb"\n8,\xc3\xa4\n',
    "texts/old/d.jsonl": b'{"n": 9}\n',
    "texts/readme.md": b"nothing to read\n",
    "bad/e.jsonl": b'{"n": 10}\n{"n": 11\n{"n": 12}\n',
}
LINES = [
    *({"n": 1}, {"n": 2, "text": "\n"}, [3], "4"),
    *({"n": 5}, {"n": 6}),
    *({"n": "7", "text": "a\nb"}, {"n": "8", "text": "ä"}),
]
ITEMS = [{"n": number} for number in range(25)]
FAILING = [{"n": 0}, {"n": 1, "do": "fail"}, {"n": 2, "do": "flaky"}, {"n": 3}, {"n": 4, "do": "fail"}]


@pytest.fixture(scope="module")
def inputs(stack: Stack) -> None:
    s3 = stack.aws("s3")
    s3.create_bucket(Bucket=INPUTS)
    for name, body in FILES.items():
        s3.put_object(Bucket=INPUTS, Key=name, Body=body)


def texts(**more: Any) -> DelimitedFiles:
    return DelimitedFiles(
        s3_paths=[f"s3://{INPUTS}/texts/"],
        includes=["s3://*/texts/*"],
        excludes=["**.md"],
        batch_size=3,
        **more,
    )


def paths() -> FilePathLister:
    return FilePathLister(
        s3_paths=[f"s3://{INPUTS}/texts/"],
        includes=["**.jsonl", "**.csv"],
        excludes=["**/old/**"],
        batch_size=2,
    )


@pytest.fixture(scope="module")
def jobs(stack: Stack, inputs: None) -> dict[str, str]:
    """Jobs that do not disturb each other, all at the same time: most of each is waiting for steps."""
    requests = {
        "items": JobRequest(source=ItemList(items=ITEMS, batch_size=4), workers=2, results=True),
        "paths": JobRequest(source=paths(), workers=1),
        "lines": JobRequest(source=texts(), workers=1, config={"any": ["thing", None]}),
        "failing": JobRequest(source=ItemList(items=FAILING, batch_size=1), workers=1, results=True),
        "bad": JobRequest(
            source=DelimitedFiles(s3_paths=[f"s3://{INPUTS}/bad/"], batch_size=1, on_bad_item=OnBadItem.SKIP),
            workers=1,
        ),
        "worse": JobRequest(
            source=DelimitedFiles(s3_paths=[f"s3://{INPUTS}/bad/"], batch_size=1, on_bad_item=OnBadItem.FAIL),
            workers=1,
        ),
        "hook": JobRequest(source=ItemList(items=[1], batch_size=1), workers=1, config={"hook": 409}),
    }
    return {name: stack.client.batch.submit(ENDPOINT, request).id for name, request in requests.items()}


def done(stack: Stack, job: str) -> tuple[JobState, Ledger]:
    return ended(stack, job), Ledger(stack, job)


def test_each_item_of_a_list_reaches_the_container_once_and_its_answer_is_kept(stack, jobs):
    state, ledger = done(stack, jobs["items"])

    batches = ledger.done()
    assert counted([item for items in batches.values() for item in items]) == counted(ITEMS)
    assert Counter(map(len, batches.values())) == {4: 6, 1: 1}
    # Nothing crashed: each batch was called once.
    assert len(ledger.calls("begun")) == 7
    assert (state.status, state.total) == (JobStatus.SUCCEEDED, 7)
    assert (state.succeeded, state.failed, state.cancelled, state.attempts) == (7, 0, 0, 7)
    kept = results(stack, state)
    assert {batch: line["result"]["items"] for batch, line in kept.items()} == batches


def test_the_container_is_told_once_that_the_job_is_complete_after_all_its_batches(stack, jobs):
    state, ledger = done(stack, jobs["items"])

    [call] = ledger.calls("complete")
    assert call.batch == "complete"
    told = {name: call.stats[name] for name in ("job_id", "total_batch_count", "succeeded", "failed")}
    assert told == {"job_id": state.id, "total_batch_count": 7, "succeeded": 7, "failed": 0}
    assert state.hook is not None
    assert (state.hook.attempts, state.hook.status_code, state.hook.error) == (1, 200, None)


def test_paths_are_those_that_the_patterns_let_through(stack, jobs):
    state, ledger = done(stack, jobs["paths"])

    [items] = ledger.done().values()
    assert sorted(items) == [f"s3://{INPUTS}/texts/a.jsonl", f"s3://{INPUTS}/texts/c.csv"]
    assert (state.status, state.total, state.succeeded) == (JobStatus.SUCCEEDED, 1, 1)


def test_each_line_of_json_csv_and_gzip_is_an_item(stack, jobs):
    state, ledger = done(stack, jobs["lines"])

    batches = ledger.done()
    assert counted([item for items in batches.values() for item in items]) == counted(LINES)
    assert all(1 <= len(items) <= 3 for items in batches.values())
    assert (state.status, state.succeeded) == (JobStatus.SUCCEEDED, len(batches))
    [call] = ledger.calls("complete")
    assert call.stats["config"] == {"any": ["thing", None]}


def test_what_fails_is_tried_again_then_listed_and_can_be_run_again(stack, jobs):
    # Given a job two of whose batches fail in each attempt, and one in the first
    state, ledger = done(stack, jobs["failing"])
    assert (state.status, state.succeeded, state.failed) == (JobStatus.COMPLETED_WITH_FAILURES, 3, 2)
    assert Counter(items[0]["n"] for items in ledger.done().values()) == {0: 1, 2: 1, 3: 1}
    calls = Counter(call.items[0]["n"] for call in ledger.calls("begun"))
    assert calls == {0: 1, 1: 2, 2: 2, 3: 1, 4: 2}
    assert state.attempts == 8

    # Then those two are listed, with their items,
    listed = {batch.id: batch for batch in stack.client.batch.failed(ENDPOINT, state.id)}
    assert all(batch.attempt == 2 for batch in listed.values())
    bodies = [stack.client.batch.failed_batch(ENDPOINT, state.id, batch).body for batch in listed]
    assert counted(bodies) == counted([[FAILING[1]], [FAILING[4]]])
    errors = results(stack, state, "errors")
    assert errors.keys() == listed.keys()

    # and a retry runs them alone, in a job of its own.
    retry = stack.client.batch.retry(ENDPOINT, state.id)
    assert stack.client.batch.retry(ENDPOINT, state.id).id == retry.id
    again, its_ledger = done(stack, retry.id)
    assert (again.status, again.total, again.retry_of) == (JobStatus.SUCCEEDED, 2, state.id)
    assert counted([item for items in its_ledger.done().values() for item in items]) == counted(
        [FAILING[1], FAILING[4]]
    )


def test_a_line_that_is_no_item_is_passed_over_if_the_job_says_so(stack, jobs):
    state, ledger = done(stack, jobs["bad"])
    assert state.skipped_items == 1

    assert counted([items[0] for items in ledger.done().values()]) == counted([{"n": 10}, {"n": 12}])
    assert (state.status, state.succeeded) == (JobStatus.SUCCEEDED, 2)


def test_a_line_that_is_no_item_ends_the_job_with_its_file_and_number(stack, jobs):
    state, _ = done(stack, jobs["worse"])

    assert state.status is JobStatus.ENQUEUE_FAILED
    assert state.error is not None
    assert f"s3://{INPUTS}/bad/e.jsonl" in state.error.message
    assert "line 2" in state.error.message


def test_a_hook_that_fails_shows_on_the_job_and_undoes_nothing(stack, jobs):
    state, ledger = done(stack, jobs["hook"])

    assert (state.status, state.succeeded) == (JobStatus.SUCCEEDED, 1)
    assert len(ledger.calls("complete")) == 1
    assert state.hook is not None
    assert (state.hook.status_code, state.hook.error is None) == (409, False)


def test_nothing_that_runs_or_costs_is_left_of_a_job(stack, jobs):
    for job in jobs.values():
        ended(stack, job)
        gone(stack, job)


def test_a_dry_run_says_what_there_is_to_do_and_makes_nothing(stack, inputs):
    def jobs_there() -> list[str]:
        return [job.id for job in stack.client.batch.list(ENDPOINT)]

    before = jobs_there()

    listed = stack.client.batch.dry_run(ENDPOINT, JobRequest(source=paths(), workers=1))
    counted_lines = stack.client.batch.dry_run(ENDPOINT, JobRequest(source=texts(), workers=1))

    assert sorted(listed.files) == [f"s3://{INPUTS}/texts/a.jsonl", f"s3://{INPUTS}/texts/c.csv"]
    assert (listed.batch_count, listed.truncated) == (1, False)
    assert counted_lines.batch_count == 3
    assert jobs_there() == before
    # Jobs that run meanwhile write more objects of theirs.
    assert {key.split("/")[2] for key in stack.keys("jobs/ledger/")} <= set(before)


def test_the_same_key_twice_is_one_job(stack, jobs):
    request = JobRequest(source=ItemList(items=[1], batch_size=1), workers=1)
    one, other = (stack.client.batch.submit(ENDPOINT, request, idempotency_key="nightly") for _ in range(2))

    assert one.id == other.id
    state, ledger = done(stack, one.id)
    assert state.status is JobStatus.SUCCEEDED
    assert len(ledger.calls("begun")) == 1


LIST = {"items": [1], "batch_size": 1}
FILE = {"s3_paths": [f"s3://{INPUTS}/texts/"], "batch_size": 1}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"workers": 1}, 422, "invalid_submission"),
        ({"workers": 1, "item_list": LIST, "file_path_lister": FILE}, 422, "invalid_submission"),
        ({"workers": 0, "item_list": LIST}, 422, "invalid_submission"),
        ({"workers": 1, "item_list": {**LIST, "items": []}}, 422, "invalid_submission"),
        ({"workers": 1, "item_list": {**LIST, "items": ["x" * 2**21]}}, 422, "invalid_submission"),
        ({"workers": 1, "delimited_files": {**FILE, "includes": ["**.none"]}}, 422, "no_files_found"),
        (
            {"workers": 1, "file_path_lister": {**FILE, "s3_paths": ["s3://somebody-s/x"]}},
            403,
            "input_bucket_not_allowed",
        ),
    ],
    ids=["no source", "two sources", "no workers", "no items", "large item", "no file", "foreign bucket"],
)
def test_a_submission_that_cannot_work_is_refused_and_makes_nothing(stack, inputs, body, status, code):
    before = len(stack.keys("jobs/ledger/"))

    answer = stack.http.post(f"/batch/{ENDPOINT}", content=json.dumps(body).encode())

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(stack.keys("jobs/ledger/")) == before


def test_a_job_is_known_to_its_own_api_only(stack, jobs):
    job = jobs["items"]
    for endpoint in ("led", "sum-batch", "word-count", "nobody"):
        answer = stack.http.get(f"/batch/{endpoint}/{job}")
        assert (endpoint, answer.status_code) == (endpoint, 404)
    # By its name, which is not its endpoint.
    assert stack.http.get(f"/batch/ledger/{job}").status_code == 404
    assert stack.http.post("/batch/word-count", content=b"{}").status_code == 404
    assert stack.http.post(f"/async/{ENDPOINT}", content=b"{}").status_code == 404


def test_a_job_that_has_ended_can_neither_be_stopped_nor_run_again_without_failures(stack, jobs):
    state, _ = done(stack, jobs["items"])

    for call in (stack.client.batch.stop, stack.client.batch.retry):
        with pytest.raises(ApiProblem) as refused:
            call(ENDPOINT, state.id)
        assert refused.value.status == 409


def test_the_newest_job_is_listed_first(stack, jobs):
    listed = [job.id for job in stack.client.batch.list(ENDPOINT, page_size=3)]

    assert set(jobs.values()) <= set(listed)
    assert listed == sorted(listed)


def test_large_batches_reach_the_container_whole(stack):
    # Four of these do not fit into a message.
    items = [{"n": number, "text": str(number) * 100_000} for number in range(8)]
    job = submit(stack, items, batch_size=4)

    state, ledger = done(stack, job)

    assert state.status is JobStatus.SUCCEEDED
    assert counted([item for batch in ledger.done().values() for item in batch]) == counted(items)
