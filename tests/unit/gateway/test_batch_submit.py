"""Jobs over HTTP: submitted, and submitted again."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.ports import DependencyError
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.gateway.jobs import (
    ITEMS,
    KEY,
    code,
    key_of,
    move,
    submit,
)


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


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
