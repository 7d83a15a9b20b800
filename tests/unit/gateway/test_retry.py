from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from penstock.messages import Message
from penstock.ports import DependencyError
from penstock.records import Failure, RequestKey, Status
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.gateway.test_submit import Broken

SENT = {"Content-Type": "text/plain", "X-Tenant": "a", "X-Timeout-Seconds": "20", "X-Deadline-Seconds": "60"}


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def end(door, record, status=Status.FAILED):
    """End a request as a worker would, with its message."""
    failure = Failure(code="timeout", message="m") if status is Status.FAILED else None
    ended = replace(
        record,
        status=status,
        failure=failure,
        due_ms=None,
        started_ms=door.clock(),
        finished_ms=door.clock(),
        expires_at=door.clock() // 1000 + 600,
    )
    door.records.rows[record.key] = ended
    for delivery in door.queue.take(10):
        if Message.decode(delivery.body).key == record.key:
            door.queue.delete(delivery.handle)
    return ended


def submitted(door, **parts):
    answer = door.call(
        "POST", "/async/words", **({"body": b"hello", "headers": SENT, "query": {"top": ["3"]}} | parts)
    )
    assert answer.status == 202
    return door.records.rows[RequestKey(api="word-count", id=answer.json["id"])]


def retry(door, record, **parts):
    return door.call("POST", f"/async/words/{record.id}/retry", **parts)


def retried(door, record):
    answer = retry(door, record)
    assert answer.status == 202, answer.body
    return door.records.rows[RequestKey(api="word-count", id=answer.json["id"])]


def queued(door):
    return [Message.decode(delivery.body).key.id for delivery in door.queue.take(10)]


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED, Status.CANCELLED])
def test_a_request_that_ended_badly_runs_again_as_a_new_one_with_all_it_had(door, status):
    old = end(door, submitted(door), status)
    door.clock.advance(5)
    answer = retry(door, old, caller="arn:operator")
    new = door.records.rows[RequestKey(api="word-count", id=answer.json["id"])]
    assert answer.status == 202
    assert answer.headers["location"] == f"../{new.id}"
    assert answer.json["links"]["status"] == f"/async/words/{new.id}"
    assert (new.id != old.id, new.retry_of, new.status) == (True, old.id, Status.IN_QUEUE)
    assert (new.call, new.timeout_seconds, new.caller) == (old.call, 20, "arn:operator")
    assert (new.created_ms, new.deadline_ms) == (door.clock(), door.clock() + 60_000)
    assert (new.attempt, new.failure, new.finished_ms) == (0, None, None)
    assert new.payload.key != old.payload.key
    assert door.objects.bodies[new.payload.key] == b"hello"
    assert queued(door) == [new.id]
    assert door.records.rows[old.key] == old
    assert door.accepted[-1] == ("word-count", False)


def test_asking_twice_gives_one_request_and_one_payload(door):
    old = end(door, submitted(door))
    first = retry(door, old)
    door.clock.advance(1)
    second = retry(door, old)
    assert (first.status, first.json) == (second.status, second.json)
    assert len(door.records.rows) == len(door.objects.bodies) == 2
    assert len(door.queue) == 1
    assert [replayed for _, replayed in door.accepted] == [False, False, True]


def test_a_retry_that_has_gone_on_is_answered_for_and_not_started_again(door):
    old = end(door, submitted(door))
    new = end(door, retried(door, old))
    assert retry(door, old).json["status"] == "failed"
    assert len(door.queue) == 0
    assert door.records.rows[new.key] == new


def test_to_go_on_the_retry_is_retried(door):
    old = end(door, submitted(door))
    second = end(door, retried(door, old))
    third = retried(door, second)
    assert third.retry_of == second.id
    assert len({old.id, second.id, third.id}) == 3


@pytest.mark.parametrize("status", [Status.IN_QUEUE, Status.IN_PROGRESS, Status.COMPLETED])
def test_what_has_not_ended_and_what_succeeded_cannot_run_again(door, status):
    record = replace(submitted(door), status=status)
    door.records.rows[record.key] = record
    answer = retry(door, record)
    assert (answer.status, answer.json["code"]) == (409, "not_retryable")
    assert status in answer.json["detail"]
    assert list(door.records.rows.values()) == [record]


def test_an_unknown_request_and_one_past_its_retention_cannot_run_again(door):
    old = end(door, submitted(door))
    door.clock.advance(601)
    for request_id in (old.id, "b" * 26, "nonsense"):
        answer = door.call("POST", f"/async/words/{request_id}/retry")
        assert (answer.status, answer.json["code"]) == (404, "unknown_request")


def test_without_its_payload_a_request_cannot_run_again_and_nothing_is_left_behind(door):
    old = end(door, submitted(door))
    del door.objects.bodies[old.payload.key]
    answer = retry(door, old)
    assert (answer.status, answer.json["code"]) == (410, "payload_gone")
    assert list(door.records.rows) == [old.key]


def test_an_object_of_the_users_is_named_again_with_its_version(door):
    door.objects.foreign["pictures", "cat.jpg"] = b"cat"
    answer = door.call("POST", "/async/thumbnail", headers={"X-Payload-Url": "s3://pictures/cat.jpg"})
    old = end(door, door.records.rows[RequestKey(api="thumbnail", id=answer.json["id"])])
    again = door.call("POST", f"/async/thumbnail/{old.id}/retry")
    new = door.records.rows[RequestKey(api="thumbnail", id=again.json["id"])]
    assert new.payload == old.payload
    assert new.payload.etag is not None
    assert door.objects.bodies == {}


@pytest.mark.parametrize("now", [None, b"dog"])
def test_an_object_of_the_users_that_is_gone_or_another_cannot_run_again(door, now):
    door.objects.foreign["pictures", "cat.jpg"] = b"cat"
    answer = door.call("POST", "/async/thumbnail", headers={"X-Payload-Url": "s3://pictures/cat.jpg"})
    old = end(door, door.records.rows[RequestKey(api="thumbnail", id=answer.json["id"])])
    del door.objects.foreign["pictures", "cat.jpg"]
    if now is not None:
        door.objects.foreign["pictures", "cat.jpg"] = now
    again = door.call("POST", f"/async/thumbnail/{old.id}/retry")
    assert (again.status, again.json["code"]) == (410, "payload_gone")
    assert list(door.records.rows) == [old.key]


def test_a_key_that_stands_for_another_request_by_now_is_not_mixed_up_with_the_first_ones_retry(door):
    keyed = SENT | {"Idempotency-Key": "order-1"}
    old = end(door, submitted(door, headers=keyed))
    door.clock.advance(590)
    of_the_first = end(door, retried(door, old))
    door.clock.advance(20)
    another = submitted(door, headers=keyed, body=b"another")
    assert another.id == old.id
    of_the_second = retried(door, end(door, another))
    assert of_the_second.id != of_the_first.id
    assert door.objects.bodies[of_the_second.payload.key] == b"another"


FAULTS = [
    ("copies", {"before": ["copy"]}),
    ("copies", {"after": ["copy"]}),
    ("records", {"before": ["create"]}),
    ("records", {"after": ["create"]}),
    ("outbox", {"before": ["send"]}),
    ("outbox", {"after": ["send"]}),
]


@pytest.mark.parametrize(("part", "fault"), FAULTS)
def test_asking_again_heals_every_crash_point_of_a_retry(door, part, fault):
    old = end(door, submitted(door))
    whole = getattr(door, part)
    setattr(door, part, Broken(whole, **fault))
    door.build()
    answer = retry(door, old)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    setattr(door, part, whole)
    door.build()
    new = retried(door, old)
    assert door.objects.bodies[new.payload.key] == b"hello"
    assert queued(door) == [new.id]


def test_of_two_retries_at_once_one_runs_and_the_others_copy_is_removed(door):
    old = end(door, submitted(door))
    copy = door.copies.copy
    answers: list[Any] = []

    class Racing:
        def copy(self, source, key):
            copy(source, key)
            if not answers:
                answers.append(None)
                answers[0] = retry(door, old)

    door.copies = Racing()
    door.build()
    answers.append(retry(door, old))
    assert answers[0].json == answers[1].json
    (new,) = [record for record in door.records.rows.values() if record.retry_of]
    assert set(door.objects.bodies) == {old.payload.key, new.payload.key}
    assert queued(door) == [new.id]


def test_the_status_says_what_a_request_runs_again_and_links_to_its_retry(door):
    old = end(door, submitted(door))
    new = retried(door, old)
    statuses = [door.call("GET", f"/async/words/{one.id}").json for one in (old, new)]
    assert statuses[0]["links"]["retry"] == f"/async/words/{old.id}/retry"
    assert "retry_of" not in statuses[0]
    assert statuses[1]["retry_of"] == old.id
    assert "retry" not in statuses[1]["links"]


def test_a_store_that_cannot_be_asked_is_told_as_such(door):
    old = end(door, submitted(door))
    get = door.records.get
    calls = []

    class Forgetful:
        def __getattr__(self, name):
            return getattr(door_records, name)

        def get(self, key):
            calls.append(key)
            if len(calls) == 2:
                raise DependencyError("throttled")
            return get(key)

    door_records = door.records
    door.records = Forgetful()
    door.build()
    answer = retry(door, old)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
