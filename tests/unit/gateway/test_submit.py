from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import urljoin

import pytest

from gateway_lambda.incoming import MAX_BODY_BYTES
from penstock.messages import Message
from penstock.ports import DependencyError
from penstock.records import Status
from penstock.testing import MemoryObjects, MemoryOutbox, MemoryRecords
from tests.unit.gateway.front_door import FrontDoor, event

TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def queued(door):
    return [Message.decode(delivery.body).key.id for delivery in door.queue.take(10)]


def test_an_accepted_request_is_stored_queued_and_answered_with_its_links(door):
    answer = door.call("POST", "/async/words", body=b"hello", headers=TEXT)
    assert answer.status == 202
    record = door.only_record
    assert answer.json["id"] == record.id
    assert answer.json["status"] == "in_queue"
    assert answer.json["links"]["result"] == f"/async/words/{record.id}/result"
    assert answer.headers["location"] == f"words/{record.id}"
    assert door.objects.bodies == {record.payload.key: b"hello"}
    assert queued(door) == [record.id]
    assert door.accepted == [("word-count", False)]


@pytest.mark.parametrize("slash", ["", "/"])
def test_location_leads_to_the_request_also_from_a_path_that_ends_with_a_slash(door, slash):
    path = f"/async/words{slash}"
    answer = door.call("POST", path, body=b"hello", headers=TEXT)
    assert urljoin(path, answer.headers["location"]) == answer.json["links"]["status"]

    door.call("DELETE", answer.json["links"]["status"])
    path = f"{answer.json['links']['status']}/retry{slash}"
    answer = door.call("POST", path)
    assert urljoin(path, answer.headers["location"]) == answer.json["links"]["status"]


@pytest.mark.parametrize(
    "headers", [None, {}, {"Accept": "image/png"}, {"content-type": "application/x-odd"}, TEXT]
)
@pytest.mark.parametrize("body", [b"", b"text", b'{"a": 1}', bytes(range(256))])
def test_any_bytes_with_any_headers_or_none_are_accepted_as_they_are(door, headers, body):
    assert door.call("POST", "/async/words", body=body, headers=headers).status == 202
    assert door.objects.bodies[door.only_record.payload.key] == body


def test_content_type_query_and_allowed_headers_are_kept_and_credentials_are_not(door):
    sent = TEXT | {
        "Accept": "application/json",
        "X-Tenant": "a",
        "Authorization": "secret",
        "Cookie": "secret",
        "X-Api-Key": "secret",
        "X-Other": "y",
    }
    door.call("POST", "/async/words", body=b"x", headers=sent, query={"top": ["3"], "q": ["a b", "c"]})
    call = door.only_record.call
    assert call.content_type == "text/plain"
    assert call.query == "top=3&q=a+b&q=c"
    assert call.headers == {"accept": "application/json", "x-tenant": "a"}
    assert "secret" not in repr(door.records.rows)


def test_an_unknown_api_is_refused_and_the_known_ones_are_named(door):
    answer = door.call("POST", "/async/nope", body=b"x")
    assert (answer.status, answer.json["code"]) == (404, "unknown_api")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "words" in answer.json["detail"]
    assert not door.records.rows


def test_a_body_that_is_not_the_base64_it_claims_to_be_is_refused(door):
    broken = event("POST", "/async/words") | {"body": "%%%", "isBase64Encoded": True}
    answer = door.send(broken)
    assert (answer.status, answer.json["code"]) == (400, "invalid_body")


def test_a_binary_body_that_api_gateway_took_for_text_is_refused_rather_than_stored_damaged(door):
    damaged = event("POST", "/async/words") | {"body": "PNG\ufffd\ufffd", "isBase64Encoded": False}
    answer = door.send(damaged)
    assert (answer.status, answer.json["code"]) == (400, "invalid_body")
    assert "Content-Type" in answer.json["detail"]
    assert not door.records.rows


def test_a_body_over_the_limit_is_refused_with_the_limit(door):
    answer = door.call("POST", "/async/words", body=b"x" * (MAX_BODY_BYTES + 1))
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")
    assert str(MAX_BODY_BYTES) in answer.json["detail"]
    assert not door.objects.bodies


@pytest.mark.parametrize("content_type", ["text/plain; name=\u00fc", "a\nb", "x" * 3000])
def test_a_content_type_that_could_not_be_sent_on_is_refused(door, content_type):
    answer = door.call("POST", "/async/words", body=b"x", headers={"Content-Type": content_type})
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")
    assert not door.records.rows


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "ümlaut", "tab\t"])
def test_an_unusable_idempotency_key_is_refused(door, key):
    answer = door.call("POST", "/async/words", body=b"x", headers={"Idempotency-Key": key})
    assert (answer.status, answer.json["code"]) == (400, "invalid_idempotency_key")
    assert not door.records.rows


def test_a_malformed_preference_is_refused(door):
    answer = door.call("POST", "/async/words", body=b"x", headers={"Prefer": "wait=soon"})
    assert (answer.status, answer.json["code"]) == (400, "invalid_preference")
    assert not door.records.rows


def test_a_callers_own_limits_are_kept_with_the_request(door):
    limits = {"X-Timeout-Seconds": "300", "X-Deadline-Seconds": "60"}
    assert door.call("POST", "/async/words", body=b"x", headers=TEXT | limits).status == 202
    record = door.only_record
    assert record.timeout_seconds == 300
    assert record.deadline_ms == record.due_ms == door.clock() + 60_000


def test_without_limits_a_request_has_the_apis_run_limit_and_thirteen_days(door):
    door.call("POST", "/async/words", body=b"x", headers=TEXT)
    assert door.only_record.timeout_seconds is None
    assert door.only_record.deadline_ms == door.clock() + 13 * 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Timeout-Seconds", "301"),  # the API allows 300
        ("X-Timeout-Seconds", "0"),
        ("X-Timeout-Seconds", "-1"),
        ("X-Timeout-Seconds", "1.5"),
        ("X-Timeout-Seconds", "5s"),
        ("X-Timeout-Seconds", ""),
        ("X-Deadline-Seconds", "1123201"),
        ("X-Deadline-Seconds", "0"),
        ("X-Deadline-Seconds", "9" * 400),
        ("X-Deadline-Seconds", "\N{ARABIC-INDIC DIGIT FIVE}"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_by_name_with_what_is_allowed(door, header, value):
    answer = door.call("POST", "/async/words", body=b"x", headers=TEXT | {header: value})
    assert (answer.status, answer.json["code"]) == (400, "invalid_limit")
    assert answer.json["detail"].startswith(f"{header} takes a whole number of seconds, 1 to ")
    assert not door.records.rows
    assert not door.objects.bodies


def test_another_limit_under_the_same_key_is_another_request(door):
    door.call("POST", "/async/words", body=b"x", headers=KEYED)
    again = door.call("POST", "/async/words", body=b"x", headers=KEYED | {"X-Deadline-Seconds": "60"})
    assert (again.status, again.json["code"]) == (422, "idempotency_key_reused")


KEYED = TEXT | {"Idempotency-Key": "order-1"}


def test_the_same_request_under_the_same_key_is_one_request(door):
    first = door.call("POST", "/async/words", body=b"x", headers=KEYED)
    second = door.call("POST", "/async/words", body=b"x", headers=KEYED)
    assert first.status == second.status == 202
    assert first.json == second.json
    assert len(door.queue) == 1
    assert list(door.objects.bodies) == [door.only_record.payload.key]
    assert [replayed for _, replayed in door.accepted] == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        {"body": b"y"},
        {"headers": KEYED | {"Content-Type": "text/html"}},
        {"query": {"top": ["1"]}},
    ],
)
def test_another_request_under_the_same_key_is_refused_and_leaves_the_first_alone(door, other):
    door.call("POST", "/async/words", body=b"x", headers=KEYED)
    before = (dict(door.records.rows), dict(door.objects.bodies), len(door.queue))
    answer = door.call("POST", "/async/words", **({"body": b"x", "headers": KEYED} | other))
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert (dict(door.records.rows), dict(door.objects.bodies), len(door.queue)) == before


def test_another_callers_key_and_another_apis_key_stand_for_other_requests(door):
    ids = {
        door.call("POST", "/async/words", body=b"x", headers=KEYED, caller="arn:a").json["id"],
        door.call("POST", "/async/words", body=b"x", headers=KEYED, caller="arn:b").json["id"],
        door.call("POST", "/async/thumbnail", body=b"x", headers=KEYED, caller="arn:a").json["id"],
    }
    assert len(ids) == 3


def test_sessions_of_one_role_are_one_caller_and_users_are_each_their_own(door):
    def submitted(caller):
        return door.call("POST", "/async/words", body=b"x", headers=KEYED, caller=caller).json["id"]

    role = "arn:aws:sts::123456789012:assumed-role/service"
    assert submitted(f"{role}/instance-1") == submitted(f"{role}/instance-2")
    assert submitted(f"{role}/x") != submitted(f"{role}-2/x")
    user = "arn:aws:iam::123456789012:user/team"
    assert submitted(f"{user}/ann") != submitted(f"{user}/bob")


def test_a_key_is_free_again_when_its_request_is_past_its_retention(door):
    first = door.call("POST", "/async/words", body=b"x", headers=KEYED).json["id"]
    door.call("DELETE", f"/async/words/{first}")
    door.clock.advance(601)
    again = door.call("POST", "/async/words", body=b"y", headers=KEYED)
    assert (again.status, again.json["status"]) == (202, "in_queue")


class Broken:
    """A store whose named methods fail, before or after taking effect."""

    def __init__(self, whole, *, before=(), after=()):
        self._whole, self._before, self._after = whole, before, after

    def __getattr__(self, name):
        method = getattr(self._whole, name)

        def call(*args, **kwargs):
            if name in self._before:
                raise DependencyError(f"{name} failed")
            answer = method(*args, **kwargs)
            if name in self._after:
                raise DependencyError(f"answer of {name} lost")
            return answer

        return call if callable(method) and name in {*self._before, *self._after} else method


FAULTS = [
    ("objects", {"before": ["put"]}),
    ("objects", {"after": ["put"]}),
    ("records", {"before": ["create"]}),
    ("records", {"after": ["create"]}),
    ("outbox", {"before": ["send"]}),
    ("outbox", {"after": ["send"]}),
]


@pytest.mark.parametrize(("part", "fault"), FAULTS)
def test_what_cannot_be_stored_is_not_accepted_and_leaves_nothing_that_could_run(door, part, fault):
    whole = getattr(door, part)
    setattr(door, part, Broken(whole, **fault))
    door.build()
    answer = door.call("POST", "/async/words", body=b"x", headers=TEXT)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert not door.records.rows
    assert not (door.objects._whole if isinstance(door.objects, Broken) else door.objects).bodies


@pytest.mark.parametrize(("part", "fault"), FAULTS)
def test_a_retry_with_the_same_key_heals_every_crash_point_of_a_submission(door, part, fault):
    whole = getattr(door, part)
    setattr(door, part, Broken(whole, **fault))
    door.build()
    assert door.call("POST", "/async/words", body=b"x", headers=KEYED).status == 503
    setattr(door, part, whole)
    door.build()
    healed = door.call("POST", "/async/words", body=b"x", headers=KEYED)
    assert healed.status == 202
    record = door.only_record
    assert door.objects.bodies[record.payload.key] == b"x"
    assert queued(door) == [record.id]


def test_a_replay_sends_nothing_again_once_a_worker_has_taken_the_request_up(door):
    door.call("POST", "/async/words", body=b"x", headers=KEYED)
    record = door.only_record
    door.records.rows[record.key] = type(record)(
        **{name: getattr(record, name) for name in record.__slots__}
        | {"status": Status.IN_PROGRESS, "attempt": 1, "started_ms": door.clock(), "lease": "l"}
    )
    door.objects.bodies.clear()
    door.clock.advance(600)
    answer = door.call("POST", "/async/words", body=b"x", headers=KEYED)
    assert answer.json["status"] == "in_progress"
    assert not door.objects.bodies
    assert len(door.queue) == 1


def test_a_slow_replay_leaves_no_payload_of_a_request_that_was_completed_meanwhile(door):
    door.call("POST", "/async/words", body=b"x", headers=KEYED)
    record = door.only_record

    class Objects(MemoryObjects):
        def put_if_absent(self, key, body, *, content_type):
            door.records.rows[record.key] = replace(record, status=Status.COMPLETED)
            del self.bodies[key]
            return super().put_if_absent(key, body, content_type=content_type)

    slow = Objects()
    slow.bodies = door.objects.bodies
    door.objects = slow
    door.build()
    assert door.call("POST", "/async/words", body=b"x", headers=KEYED).status == 202
    assert not slow.bodies


def test_a_request_that_a_worker_took_up_before_the_lost_answer_keeps_its_payload(door):
    """The send took effect, its answer was lost, and the worker was faster than the withdrawal."""

    class Outbox(MemoryOutbox):
        def send(self, message):
            (record,) = door.records.rows.values()
            claimed = {"status": Status.IN_PROGRESS, "attempt": 1, "started_ms": 1, "lease": "l"}
            values = {name: getattr(record, name) for name in record.__slots__}
            door.records.rows[record.key] = type(record)(**values | claimed)
            raise DependencyError("answer lost")

    door.outbox = Outbox(door.queue)
    door.build()
    assert door.call("POST", "/async/words", body=b"x", headers=TEXT).status == 503
    assert door.objects.bodies[door.only_record.payload.key] == b"x"


def test_an_unexpected_error_is_a_problem_document_without_its_details(door):
    class Faulty(MemoryRecords):
        def create(self, record):
            raise ZeroDivisionError("inner secret")

    door.records = Faulty()
    door.build()
    answer = door.call("POST", "/async/words", body=b"x")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(answer.json)


def test_objects_kept_under_a_nonce_survive_a_replay_with_another_body(door):
    assert isinstance(door.objects, MemoryObjects)
    door.call("POST", "/async/words", body=b"x", headers=KEYED)
    door.call("POST", "/async/words", body=b"replaced", headers=KEYED)
    assert list(door.objects.bodies.values()) == [b"x"]
