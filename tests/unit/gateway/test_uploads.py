"""Payloads that lie in S3 before they are submitted: uploads, and objects of the user's."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_lambda.uploads import MAX_UPLOAD_BYTES
from penstock import ids, transitions
from penstock.messages import Message
from penstock.ports import DependencyError
from penstock.records import Status
from penstock.testing import MemoryObjects, MemoryOutbox, UploadRefused
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.gateway.test_openapi import RESULT, SUBMIT, held
from tests.unit.gateway.test_reading import finish as finish_with
from tests.unit.gateway.test_submit import Broken

BODY = b"a large payload"
INVITE = "/uploads/{api}"


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def invite(door, api="words", terms=None, **parts) -> Any:
    terms = {"size_bytes": len(BODY), "content_type": "video/mp4"} if terms is None else terms
    return held(
        door.call("POST", f"/uploads/{api}", body=json.dumps(terms).encode(), **parts), "POST", INVITE
    )


def uploaded(door, body=BODY, **parts) -> str:
    answer = invite(door, **parts).json
    door.objects.upload(answer["url"], body, answer["headers"])
    return answer["upload_id"]


def submit(door, api="words", *, headers, **parts) -> Any:
    return held(door.call("POST", f"/async/{api}", headers=headers, **parts), "POST", SUBMIT)


def queued(door):
    return [Message.decode(delivery.body).key.id for delivery in door.queue.take(10)]


def finish(door, status=Status.COMPLETED):
    """What a worker leaves behind."""
    record = door.only_record
    ended = {"status": status, "attempt": 1, "started_ms": door.clock(), "finished_ms": door.clock()}
    door.records.rows[record.key] = replace(record, **ended)
    if key := door.only_record.spent_payload_key:
        door.objects.delete(key)


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def test_an_upload_is_answered_with_all_that_its_put_needs(door):
    answer = invite(door, terms={"size_bytes": 7, "content_type": "a/b", "checksum_sha256": sha256(b"x")})
    assert answer.status == 201
    assert answer.json["method"] == "PUT"
    assert answer.json["headers"] == {
        "Content-Length": "7",
        "Content-Type": "a/b",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": sha256(b"x"),
    }
    assert answer.json["url"].endswith("expires=3600")
    assert answer.json["expires_at"] == "2023-11-14T23:13:20Z"
    assert not door.records.rows, "nothing is stored for an upload that may never come"


def test_an_uploaded_payload_is_submitted_by_its_id_and_runs_with_its_type(door):
    upload_id = uploaded(door)
    answer = submit(door, headers={"X-Upload-Id": upload_id, "Content-Type": "text/plain"})
    assert answer.status == 202
    record = door.only_record
    assert queued(door) == [record.id] == [answer.json["id"]]
    assert record.payload.size_bytes == len(BODY)
    assert record.payload.etag
    assert record.call.content_type == "video/mp4"
    assert door.objects.bodies == {record.payload.key: BODY}


def test_one_upload_is_one_request_however_often_it_is_submitted(door):
    upload_id = uploaded(door)
    first = submit(door, headers={"X-Upload-Id": upload_id})
    door.clock.advance(1)
    again = submit(door, headers={"X-Upload-Id": upload_id})
    assert (again.status, again.json) == (202, first.json)
    assert [replayed for _, replayed in door.accepted] == [False, True]
    assert door.objects.bodies == {door.only_record.payload.key: BODY}
    other = submit(door, headers={"X-Upload-Id": upload_id}, query={"top": ["1"]})
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert door.objects.bodies == {door.only_record.payload.key: BODY}, "the first request still needs it"


def test_sending_again_is_answered_for_the_completed_request_whose_payload_is_gone(door):
    upload_id = uploaded(door, terms={"size_bytes": len(BODY), "checksum_sha256": sha256(BODY)})
    first = submit(door, headers={"X-Upload-Id": upload_id})
    finish(door)
    assert not door.objects.bodies
    again = submit(door, headers={"X-Upload-Id": upload_id})
    assert (again.json["id"], again.json["status"]) == (first.json["id"], "completed")


KEY = {"Idempotency-Key": "order-1"}


def test_a_key_makes_the_whole_upload_repeatable(door):
    first = invite(door, headers=KEY).json
    assert invite(door, headers=KEY).json["upload_id"] == first["upload_id"]
    door.objects.upload(first["url"], BODY, first["headers"])
    accepted = submit(door, headers=KEY | {"X-Upload-Id": first["upload_id"]})
    assert accepted.status == 202
    finish(door)
    # The whole of it once more, by a client that does not know how far it had come.
    assert uploaded(door, headers=KEY) == first["upload_id"]
    again = submit(door, headers=KEY | {"X-Upload-Id": first["upload_id"]})
    assert (again.json["id"], again.json["status"]) == (accepted.json["id"], "completed")
    assert not door.objects.bodies, "the second upload is nobody's"


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_an_end_after_which_the_request_may_be_retried_keeps_the_upload(door, status):
    upload_id = uploaded(door)
    submit(door, headers={"X-Upload-Id": upload_id})
    finish(door, status)
    assert submit(door, headers={"X-Upload-Id": upload_id}).json["status"] == status
    assert list(door.objects.bodies.values()) == [BODY]


def test_another_content_under_the_same_key_is_refused_and_leaves_nothing(door):
    submit(door, headers=KEY | {"X-Upload-Id": uploaded(door, headers=KEY)})
    before = dict(door.objects.bodies)
    other = uploaded(door, b"other", terms={"size_bytes": 5}, headers=KEY)
    answer = submit(door, headers=KEY | {"X-Upload-Id": other})
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert door.objects.bodies == before


def test_a_key_that_the_upload_was_not_asked_for_with_is_refused(door):
    upload_id = uploaded(door)
    answer = submit(door, headers=KEY | {"X-Upload-Id": upload_id})
    assert (answer.status, answer.json["code"]) == (400, "invalid_idempotency_key")
    assert "POST /uploads" in answer.json["detail"]
    assert not door.records.rows


@pytest.mark.parametrize(
    "made",
    [
        lambda door: invite(door).json["upload_id"],  # never made
        lambda door: uploaded(door, api="thumbnail"),  # for another API
        lambda door: uploaded(door, caller="arn:somebody-else"),
        lambda _door: f"{'a' * 26}-{'b' * 26}",
    ],
    ids=["never made", "another api's", "another caller's", "invented"],
)
def test_an_upload_that_is_not_this_callers_for_this_api_is_missing(door, made):
    upload_id = made(door)
    before = dict(door.objects.bodies)
    answer = submit(door, headers={"X-Upload-Id": upload_id})
    assert (answer.status, answer.json["code"]) == (404, "upload_missing")
    assert not door.records.rows
    assert door.objects.bodies == before


def test_what_a_store_took_against_the_terms_is_no_upload(door):
    answer = invite(door).json
    request_id, nonce = answer["upload_id"].split("-")
    door.objects.bodies[f"payloads/word-count/{request_id}/upload-{nonce}"] = b"something else"
    assert submit(door, headers={"X-Upload-Id": answer["upload_id"]}).json["code"] == "upload_missing"


def test_an_upload_that_does_not_keep_its_terms_is_refused_and_leaves_nothing(door):
    answer = invite(door, terms={"size_bytes": 3, "checksum_sha256": sha256(b"abc")}).json
    for body, headers in [
        (b"abcd", answer["headers"]),
        (b"abd", answer["headers"]),
        (b"abc", answer["headers"] | {"Content-Type": "text/html"}),
        (b"abc", {}),
    ]:
        with pytest.raises(UploadRefused):
            door.objects.upload(answer["url"], body, headers)
    assert not door.objects.bodies
    door.objects.upload(answer["url"], b"abc", answer["headers"])
    with pytest.raises(UploadRefused):
        door.objects.upload(answer["url"], b"abc", answer["headers"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_upload"),
        (b"x", "invalid_upload"),
        (b"[]", "invalid_upload"),
        (b"\xff", "invalid_upload"),
        (b"[" * 100_000, "invalid_upload"),
        (b"{}", "invalid_upload"),
        (b'{"size_bytes": 0}', "invalid_upload"),
        (b'{"size_bytes": true}', "invalid_upload"),
        (b'{"size_bytes": 1.5}', "invalid_upload"),
        (b'{"size_bytes": "1"}', "invalid_upload"),
        (b'{"size_bytes": 5000000001}', "payload_too_large"),
        (b'{"size_bytes": 1, "name": "x"}', "invalid_upload"),
        (b'{"size_bytes": 1, "content_type": ""}', "invalid_upload"),
        (b'{"size_bytes": 1, "content_type": null}', "invalid_upload"),
        (b'{"size_bytes": 1, "content_type": "a\\nb"}', "invalid_upload"),
        (b'{"size_bytes": 1, "content_type": " a/b"}', "invalid_upload"),
        (b'{"size_bytes": 1, "checksum_sha256": "abc"}', "invalid_upload"),
        (b'{"size_bytes": 1, "checksum_sha256": 5}', "invalid_upload"),
        (b'{"size_bytes": 1, "checksum_sha256": "\xc3\xa4"}', "invalid_upload"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(door, body, code):
    answer = held(door.call("POST", "/uploads/words", body=body), "POST", INVITE)
    assert answer.json["code"] == code
    assert answer.status == (413 if code == "payload_too_large" else 400)


def test_the_largest_upload_is_taken_and_the_limit_is_told(door):
    assert invite(door, terms={"size_bytes": MAX_UPLOAD_BYTES}).status == 201
    assert str(MAX_UPLOAD_BYTES) in invite(door, terms={"size_bytes": MAX_UPLOAD_BYTES + 1}).json["detail"]


def test_an_upload_for_an_unknown_api_or_with_an_unusable_key_is_refused(door):
    assert invite(door, api="nope").json["code"] == "unknown_api"
    assert invite(door, headers={"Idempotency-Key": ""}).json["code"] == "invalid_idempotency_key"


@given(st.text() | st.from_regex(r"[a-z2-7]{26}-[a-z2-7]{26}", fullmatch=True))
def test_any_text_as_upload_id_is_a_clear_problem(text):
    answer = submit(FrontDoor(), headers={"X-Upload-Id": text})
    assert answer.json["code"] in {"invalid_upload", "upload_missing"}


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"X-Upload-Id": "upload"}, b"x", "invalid_upload"),
        ({"X-Upload-Id": "upload", "X-Payload-Url": "s3://pictures/a"}, b"", "invalid_upload"),
        ({"X-Payload-Url": "s3://pictures/a"}, b"x", "invalid_payload_url"),
    ],
)
def test_a_request_has_one_payload(door, headers, body, code):
    answer = submit(door, "thumbnail", headers=headers, body=body)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert not door.records.rows


FAULTS = [
    ("objects", {"before": ["describe"]}),
    ("records", {"before": ["create"]}),
    ("records", {"after": ["create"]}),
    ("outbox", {"before": ["send"]}),
    ("outbox", {"after": ["send"]}),
]


@pytest.mark.parametrize(("part", "fault"), FAULTS)
def test_submitting_an_upload_again_heals_every_crash_point_and_the_upload_is_never_lost(door, part, fault):
    upload_id = uploaded(door)
    whole = getattr(door, part)
    setattr(door, part, Broken(whole, **fault))
    door.build()
    assert submit(door, headers={"X-Upload-Id": upload_id}).status == 503
    setattr(door, part, whole)
    door.build()
    assert list(door.objects.bodies.values()) == [BODY]
    assert submit(door, headers={"X-Upload-Id": upload_id}).status == 202
    assert queued(door) == [door.only_record.id]
    assert list(door.objects.bodies.values()) == [BODY]


PICTURE = {"X-Payload-Url": "s3://pictures/2026/a b%20+u.png"}
PICTURE_KEY = ("pictures", "2026/a b%20+u.png")


@pytest.fixture
def pictures(door) -> FrontDoor:
    door.objects.foreign[PICTURE_KEY] = b"PNG"
    return door


def test_an_object_of_a_listed_bucket_is_a_payload_as_it_was_at_that_moment(pictures):
    answer = submit(pictures, "thumbnail", headers=PICTURE | {"Content-Type": "image/png"})
    assert answer.status == 202
    payload = pictures.only_record.payload
    assert (payload.bucket, payload.key) == PICTURE_KEY
    assert (payload.size_bytes, payload.etag) == (
        3,
        pictures.objects.describe(payload.key, bucket="pictures").etag,
    )
    assert pictures.only_record.call.content_type == "image/png"
    assert queued(pictures) == [pictures.only_record.id]
    assert not pictures.objects.bodies


def test_without_a_content_type_the_objects_own_is_taken(pictures):
    submit(pictures, "thumbnail", headers=PICTURE)
    assert pictures.only_record.call.content_type == "application/octet-stream"


def test_a_payload_of_the_users_is_never_deleted(pictures):
    """Neither by a replay, nor by a withdrawal, nor when its request is completed."""
    submit(pictures, "thumbnail", headers=PICTURE | KEY)
    pictures.clock.advance(1)
    submit(pictures, "thumbnail", headers=PICTURE | KEY)
    finish(pictures)
    assert pictures.only_record.spent_payload_key is None
    submit(pictures, "thumbnail", headers=PICTURE | KEY)
    pictures.outbox = Broken(pictures.outbox, before=["send"])
    pictures.build()
    assert submit(pictures, "thumbnail", headers=PICTURE).status == 503
    assert len(pictures.records.rows) == 1, "a request that nobody was told of is taken back"
    assert pictures.objects.foreign == {PICTURE_KEY: b"PNG"}


def test_the_same_key_with_the_object_replaced_is_another_request(pictures):
    submit(pictures, "thumbnail", headers=PICTURE | KEY)
    assert submit(pictures, "thumbnail", headers=PICTURE | KEY).status == 202
    pictures.objects.foreign[PICTURE_KEY] = b"JPG"
    answer = submit(pictures, "thumbnail", headers=PICTURE | KEY)
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")


def test_the_same_object_without_a_key_makes_a_request_each_time(pictures):
    answers = [submit(pictures, "thumbnail", headers=PICTURE).json["id"] for _ in range(2)]
    assert len(set(answers)) == 2


@pytest.mark.parametrize(
    ("api", "url", "status", "code"),
    [
        ("words", "s3://pictures/a", 403, "payload_url_not_allowed"),  # listed by another API only
        ("thumbnail", "s3://elsewhere/a", 403, "payload_url_not_allowed"),
        ("thumbnail", "s3://penstock-demo-1-eu/results/word-count/x", 403, "payload_url_not_allowed"),
        ("thumbnail", "s3://pictures/none", 404, "payload_url_unreadable"),
        ("thumbnail", "s3://pictures/", 400, "invalid_payload_url"),
        ("thumbnail", "s3://pictures", 400, "invalid_payload_url"),
        ("thumbnail", "https://pictures/a", 400, "invalid_payload_url"),
        ("thumbnail", "S3://pictures/a", 400, "invalid_payload_url"),
        ("thumbnail", "s3://pictures/\u00e4", 400, "invalid_payload_url"),
        ("thumbnail", "s3://pictures/" + "k" * 1025, 400, "invalid_payload_url"),
        ("thumbnail", "", 400, "invalid_payload_url"),
    ],
)
def test_an_object_that_cannot_be_the_payload_is_a_clear_problem(pictures, api, url, status, code):
    answer = submit(pictures, api, headers={"X-Payload-Url": url})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert not pictures.records.rows
    if code == "payload_url_not_allowed":
        assert "input_buckets" in answer.json["detail"]


def test_a_bucket_that_cannot_be_asked_is_a_503(pictures):
    pictures.objects = Broken(pictures.objects, before=["describe"])
    pictures.build()
    assert submit(pictures, "thumbnail", headers=PICTURE).json["code"] == "unavailable"


def test_a_worker_that_was_faster_than_the_answer_keeps_its_upload(door):
    class Outbox(MemoryOutbox):
        def send(self, message):
            door.records.apply(
                message.key,
                transitions.claim(lease="l", now_ms=door.clock(), lease_until_ms=2**50, max_attempts=3),
            )
            raise DependencyError("answer lost")

    upload_id = uploaded(door)
    door.outbox = Outbox(door.queue)
    door.build()
    assert submit(door, headers={"X-Upload-Id": upload_id}).status == 503
    assert submit(door, headers={"X-Upload-Id": upload_id}).json["status"] == "in_progress"
    assert list(door.objects.bodies.values()) == [BODY]


RESULT_BODY = bytes(range(100))


@pytest.fixture
def finished(door) -> FrontDoor:

    door.call("POST", "/async/words", body=b"x")
    finish_with(door, RESULT_BODY, "image/png")
    return door


def ranged(door, text, **headers) -> Any:
    path = f"/async/words/{door.only_record.id}/result"
    return held(door.call("GET", path, headers={"Accept": "*/*", "Range": text} | headers), "GET", RESULT)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-9", 0, 9),
        ("bytes=90-", 90, 99),
        ("bytes=90-1000", 90, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-1000", 0, 99),
        ("Bytes= 5-6", 5, 6),
    ],
)
def test_a_part_of_a_result_is_given(finished, text, first, last):
    answer = ranged(finished, text)
    assert (answer.status, answer.body) == (206, RESULT_BODY[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/100"
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999999-"])
def test_a_part_behind_the_end_is_refused_with_the_size(finished, text):
    answer = ranged(finished, text)
    assert (answer.status, answer.json["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */100"


@pytest.mark.parametrize(
    "text",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes=1"],
)
def test_what_is_no_single_range_means_the_whole(finished, text):
    answer = ranged(finished, text)
    assert (answer.status, answer.body) == (200, RESULT_BODY)
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_part_on_condition_is_the_whole_because_results_have_no_validator(finished):
    assert ranged(finished, "bytes=0-1", **{"If-Range": '"x"'}).status == 200


@given(st.text(alphabet="bytes=-,0123456789 ", max_size=30))
def test_any_range_is_answered_as_described(text):
    door = FrontDoor()
    door.call("POST", "/async/words", body=b"x")

    finish_with(door, b"0123456789", "text/plain")
    answer = ranged(door, text)
    assert answer.status in {200, 206, 416}
    if answer.status == 206:
        assert answer.body in b"0123456789"


def test_a_small_part_of_a_large_result_is_given_and_a_large_part_linked(door):

    door.call("POST", "/async/words", body=b"x")
    finish_with(door, b"x" * 5_000_000, "text/plain")
    assert ranged(door, "bytes=4999990-").body == b"x" * 10
    assert ranged(door, "bytes=0-4499999").status == 206
    assert ranged(door, "bytes=0-4500000").status == 303


def test_an_empty_result_has_no_part(door):

    door.call("POST", "/async/words", body=b"x")
    finish_with(door, b"")
    assert ranged(door, "bytes=0-").status == 416


def test_the_id_of_an_upload_tells_nothing_of_its_caller():
    one = ids.upload_nonce(request_id="a", caller="arn:x", terms=["1", "a/b", None])
    assert one != ids.upload_nonce(request_id="a", caller="arn:y", terms=["1", "a/b", None])
    assert ids.is_request_id(one)
    assert "arn" not in one


def test_a_failing_store_at_a_part_is_a_503(finished):
    class Down(MemoryObjects):
        def read_range(self, key, *, first, last):
            raise DependencyError("down")

    finished.objects = Down()
    finished.build()
    assert ranged(finished, "bytes=0-1").json["code"] == "unavailable"
