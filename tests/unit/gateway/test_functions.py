from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_lambda.functions import path_of_call
from gateway_lambda.gateway import MAX_RESULT_BYTES
from gateway_lambda.incoming import Incoming
from gateway_lambda.waiting import MAX_WAIT_SECONDS
from penstock import ids
from penstock.catalogue import ApiEntry
from penstock.messages import Message
from penstock.ports import DependencyError
from penstock.records import Failure, ResultRef, Status
from penstock.testing import MemoryDirectory, MemoryOutbox
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.gateway.test_openapi import held

CALL_ID = "eb8283f5-1679-48e0-afec-194544b054aa"
CHOSEN = {"X-Call-Id": CALL_ID}

SUBMIT, SUBMIT_PATH = "/async-function/{api}", "/async-function/{api}/{path}"
CALL = "/function/{api}"


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def submit(door, path="/async-function/words", **parts):
    return door.call("POST", path, **{"body": b"x", **parts})


def end(door, *, status=Status.COMPLETED, body=b"answer", **parts):
    """Let the only request end while its caller makes the first pause."""
    text = ResultRef(key="results/r", size_bytes=len(body), status_code=200, content_type="text/plain")
    result = replace(text, **parts)

    def meanwhile():
        record = door.only_record
        door.objects.bodies["results/r"] = body
        started_ms, finished_ms = record.created_ms + 10, record.created_ms + 1510
        door.records.rows[record.key] = replace(
            record, status=status, started_ms=started_ms, finished_ms=finished_ms, result=result
        )

    door.meanwhile = meanwhile


def test_a_call_is_accepted_without_a_body_and_with_an_id_to_know_it_by(door):
    answer = held(submit(door), "POST", SUBMIT)
    assert (answer.status, answer.body) == (202, b"")
    call_id = answer.headers["x-call-id"]
    assert ids.is_request_id(call_id)
    assert answer.headers["x-start-time"] == str(door.clock() * 1_000_000)
    record = door.only_record
    assert (record.api, record.call.call_id) == ("word-count", call_id)
    assert door.objects.bodies == {record.payload.key: b"x"}
    assert [Message.decode(one.body).key.id for one in door.queue.take(10)] == [record.id]
    assert door.accepted == [("word-count", False)]


def test_the_callers_id_is_kept_and_echoed(door):
    answer = held(submit(door, headers=CHOSEN), "POST", SUBMIT)
    assert answer.headers["x-call-id"] == door.only_record.call.call_id == CALL_ID


def test_a_call_id_is_an_idempotency_key_by_another_name(door):
    by_key = door.call("POST", "/async/words", body=b"x", headers={"Idempotency-Key": CALL_ID})
    by_id = submit(door, headers=CHOSEN)
    both_names = submit(door, headers={"Idempotency-Key": CALL_ID})
    assert by_id.headers["x-call-id"] == both_names.headers["x-call-id"] == CALL_ID
    assert door.only_record.id == by_key.json["id"]
    assert [replayed for _, replayed in door.accepted] == [False, True, True]


def test_an_empty_call_id_is_none(door):
    assert ids.is_request_id(submit(door, headers={"X-Call-Id": ""}).headers["x-call-id"])


@pytest.mark.parametrize("call_id", ["two words", "ümlaut", "x" * 256, "tab\t"])
def test_an_unusable_call_id_is_refused_and_nothing_is_stored(door, call_id):
    answer = held(submit(door, headers={"X-Call-Id": call_id}), "POST", SUBMIT)
    assert (answer.status, answer.json["code"]) == (400, "invalid_call_id")
    assert not door.records.rows


@pytest.mark.parametrize(
    "other", [{"body": b"y"}, {"query": {"a": ["1"]}}, {"path": "/async-function/words/elsewhere"}]
)
def test_another_call_under_the_same_id_is_refused_and_leaves_the_first_alone(door, other):
    submit(door, headers=CHOSEN)
    before = (dict(door.records.rows), dict(door.objects.bodies), len(door.queue))
    answer = submit(door, headers=CHOSEN, **other)
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert (dict(door.records.rows), dict(door.objects.bodies), len(door.queue)) == before


def test_another_method_under_the_same_id_is_another_call(door):
    door.call("PUT", "/function/words", body=b"x", headers=CHOSEN | {"Prefer": "wait=0"})
    again = door.call("POST", "/function/words", body=b"x", headers=CHOSEN | {"Prefer": "wait=0"})
    assert again.json["code"] == "idempotency_key_reused"


def test_another_callers_id_stands_for_another_call(door):
    for caller in ("arn:a", "arn:b"):
        submit(door, headers=CHOSEN, caller=caller)
    assert len(door.records.rows) == 2
    (seen,) = {door.call("GET", f"/async-function/{CALL_ID}", caller="arn:a").json["id"]}
    assert door.call("GET", f"/async-function/{CALL_ID}", caller="arn:b").json["id"] != seen
    assert door.call("GET", f"/async-function/{CALL_ID}", caller="arn:c").status == 404


def test_a_call_whose_id_nobody_chose_is_taken_back_if_it_cannot_be_queued(door):
    class Down(MemoryOutbox):
        def send(self, message):
            raise DependencyError("down")

    door.outbox = Down(door.queue)
    door.build()
    assert held(submit(door), "POST", SUBMIT).json["code"] == "unavailable"
    assert (door.records.rows, door.objects.bodies) == ({}, {})
    # A chosen one stays: its caller's own retry heals it.
    assert submit(door, headers=CHOSEN).status == 503
    assert len(door.records.rows) == 1


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/async-function/words", "/"),
        ("/async-function/words/", "/"),
        ("/async-function/words/a/b", "/a/b"),
        ("/async-function/words/a/b/", "/a/b/"),
        ("/async-function/words/a%2Fb/%C3%BC%20", "/a%2Fb/%C3%BC%20"),
        ("/async-function/words//a", "//a"),
        ("/async-function/words/a/../b", "/a/../b"),
        ("/function/words/result", "/result"),
    ],
)
def test_the_path_behind_the_name_is_the_functions(door, path, seen):
    answer = submit(door, path, headers={"Prefer": "wait=0"})
    assert answer.status == 202
    assert door.only_record.call.path == seen


@pytest.mark.parametrize(
    ("url_path", "variables", "seen"),
    [
        # A custom domain's base path comes before.
        ("/base/function/words/a", {"api": "words", "proxy": "a"}, "/a"),
        ("/function/function/words/a", {"api": "words", "proxy": "a"}, "/a"),
        # The emulator's paths have lost their escapes.
        ("/function/words/a b/ü?#%zz\r\n", {"api": "words", "proxy": "…"}, "/a%20b/%C3%BC%3F%23%25zz%0D%0A"),
        # The name was escaped, which nobody needs to do.
        ("/function/w%6Frds/a", {"api": "words", "proxy": "a b"}, "/a%20b"),
        ("/function/w%6Frds", {"api": "words"}, "/"),
        # A name that begins like another one.
        ("/function/words-2/words/a", {"api": "words-2", "proxy": "words/a"}, "/words/a"),
    ],
)
def test_the_path_is_found_whatever_api_gateway_makes_of_it(url_path, variables, seen):
    assert path_of_call(incoming(url_path, variables)) == seen


def incoming(url_path, variables):
    return Incoming(path=variables, headers={}, query="", body=b"", caller="", url_path=url_path)


@given(st.text())
def test_no_path_can_break_out_of_the_request_line(tail):
    path = path_of_call(incoming(f"/function/words/{tail}", {"api": "words", "proxy": tail}))
    assert path.startswith("/")
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set(' ?#"<>\\^`{|}')
    # What is an escaped path already stays as it is.
    assert path_of_call(incoming(f"/function/words{path}", {"api": "words"})) == path


def test_credentials_are_not_stored_and_the_calls_own_headers_cannot_be_forged(door):
    door.apis = (replace(door.apis[0], forward_headers=("x-call-id", "x-start-time", "x-tenant")),)
    door.build()
    sent = CHOSEN | {"X-Start-Time": "1", "X-Tenant": "a", "Authorization": "secret", "Cookie": "secret"}
    submit(door, headers=sent)
    assert door.only_record.call.headers == {"x-tenant": "a"}
    assert "secret" not in repr(door.records.rows)


@pytest.mark.parametrize(
    ("header", "code"), [("X-Upload-Id", "invalid_upload"), ("X-Payload-Url", "invalid_payload_url")]
)
def test_other_payloads_than_the_body_are_refused_rather_than_passed_over(door, header, code):
    answer = held(submit(door, headers={header: "x"}), "POST", SUBMIT)
    assert (answer.status, answer.json["code"]) == (400, code)


def test_limits_hold_for_calls_of_functions_too(door):
    submit(door, headers={"X-Timeout-Seconds": "7", "X-Deadline-Seconds": "60"})
    assert (door.only_record.timeout_seconds, door.only_record.deadline_ms) == (7, door.clock() + 60_000)


CALLBACK = "https://hooks.example.com/done"


@pytest.mark.parametrize("path", ["/async-function/words", "/async-function/words/a/b", "/function/words"])
def test_a_callback_is_stored_with_the_call_and_how_deep_it_came(door, path):
    end(door)
    answer = submit(door, path, headers={"X-Callback-Url": CALLBACK, "X-Penstock-Depth": "2"})
    assert answer.status in {200, 202}
    assert (door.only_record.callback, door.only_record.depth) == (CALLBACK, 2)
    assert door.only_record.call.call_id == answer.headers["x-call-id"]
    assert "x-callback-url" not in door.only_record.call.headers


def test_an_empty_callback_is_none(door):
    assert submit(door, headers={"X-Callback-Url": ""}).status == 202
    assert door.only_record.callback is None


@pytest.mark.parametrize("path", ["/async-function/words", "/function/words"])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Callback-Url": "https://10.0.0.1/"}, "callback_address_refused"),
        ({"X-Callback-Url": "http://hooks.example.com/"}, "callback_scheme_refused"),
        ({"X-Callback-Url": "https://nowhere.example.com/"}, "callback_unresolvable"),
        ({"X-Callback-Url": "/async/other"}, "callback_api_refused"),
        ({"X-Callback-Url": "/async/thumbnail", "X-Penstock-Depth": "3"}, "callback_loop"),
        ({"X-Penstock-Depth": "4"}, "callback_loop"),
    ],
)
def test_a_callback_that_may_not_be_called_is_refused_and_nothing_is_stored(door, path, headers, code):
    answer = submit(door, path, headers=headers)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert (door.records.rows, door.objects.bodies) == ({}, {})


def test_the_callback_is_part_of_what_a_call_id_stands_for(door):
    assert submit(door, headers=CHOSEN | {"X-Callback-Url": CALLBACK}).status == 202
    other = submit(door, headers=CHOSEN | {"X-Callback-Url": f"{CALLBACK}/elsewhere"})
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert door.only_record.callback == CALLBACK


@pytest.mark.parametrize("path", ["/async-function/nope", "/async-function/nope/a", "/function/nope"])
def test_an_unknown_function_is_refused_at_once(door, path):
    answer = submit(door, path)
    assert (answer.status, answer.json["code"]) == (404, "unknown_api")
    assert not door.records.rows


@pytest.mark.parametrize("path", [f"/async-function/{CALL_ID}", f"/async-function/words/{CALL_ID}"])
def test_a_call_is_looked_up_and_cancelled_by_its_id(door, path):
    submit(door, headers=CHOSEN)
    route = SUBMIT if path.count("/") == 2 else SUBMIT_PATH
    status = held(door.call("GET", path), "GET", route)
    assert (status.json["id"], status.json["status"]) == (door.only_record.id, "in_queue")
    for _ in range(2):
        answer = held(door.call("DELETE", path), "DELETE", route)
        assert (answer.status, answer.body) == (202, b"")
    assert door.only_record.status is Status.CANCELLED
    assert door.call("GET", path).json["links"]["result"] == f"/async/words/{door.only_record.id}/result"


def test_an_id_that_was_made_for_the_caller_is_looked_up_and_replayed_alike(door):
    call_id = submit(door).headers["x-call-id"]
    assert door.call("GET", f"/async-function/{call_id}").json["id"] == door.only_record.id
    assert submit(door, headers={"X-Call-Id": call_id}).status == 202
    assert len(door.records.rows) == 1


@pytest.mark.parametrize("call_id", ["a%2Fb%25", "order:1", "a%3Fb%23", "100%2525", "=%22%5C"])
def test_any_id_can_be_asked_for_if_it_is_escaped(door, call_id):
    chosen = {
        "a%2Fb%25": "a/b%",
        "order:1": "order:1",
        "a%3Fb%23": "a?b#",
        "100%2525": "100%25",
        "=%22%5C": '="\\',
    }
    submit(door, headers={"X-Call-Id": chosen[call_id]})
    assert door.call("GET", f"/async-function/{call_id}").json["id"] == door.only_record.id
    assert door.call("GET", f"/async-function/words/{call_id}").json["id"] == door.only_record.id


def test_an_id_that_was_used_for_several_functions_needs_the_functions_name(door):
    for name in ("words", "thumbnail"):
        submit(door, f"/async-function/{name}", headers=CHOSEN)
    for method in ("GET", "DELETE"):
        answer = held(door.call(method, f"/async-function/{CALL_ID}"), method, SUBMIT)
        assert (answer.status, answer.json["code"]) == (409, "ambiguous_call_id")
        assert "thumbnail, words" in answer.json["detail"]
    assert door.call("DELETE", f"/async-function/thumbnail/{CALL_ID}").status == 202
    assert door.call("GET", f"/async-function/words/{CALL_ID}").json["status"] == "in_queue"


def test_a_call_that_is_unknown_or_past_its_retention_is_not_found(door):
    submit(door, headers=CHOSEN)
    assert door.call("GET", "/async-function/other").json["code"] == "unknown_request"
    assert door.call("GET", f"/async-function/thumbnail/{CALL_ID}").json["code"] == "unknown_request"
    assert door.call("GET", f"/async-function/nope/{CALL_ID}").json["code"] == "unknown_api"
    door.call("DELETE", f"/async-function/{CALL_ID}")
    door.clock.advance(601)
    for method in ("GET", "DELETE"):
        assert door.call(method, f"/async-function/{CALL_ID}").status == 404


def test_a_finished_call_cannot_be_cancelled(door):
    submit(door, headers=CHOSEN)
    end(door)
    door.meanwhile()
    answer = held(door.call("DELETE", f"/async-function/{CALL_ID}"), "DELETE", SUBMIT)
    assert (answer.status, answer.json["code"]) == (409, "already_finished")


def test_more_functions_than_can_be_read_at_once_are_all_looked_at(door):
    door.apis = tuple(
        ApiEntry(name=f"api-{n}", endpoint=f"api-{n}", timeout_seconds=1, max_attempts=1,
                 retention_seconds=1, inline_result_bytes=1)
        for n in range(250)
    )  # fmt: skip
    sizes = []

    class Bounded(MemoryDirectory):
        def read(self, keys, **how):
            sizes.append(len(keys))
            return super().read(keys, **how)

    door.directory = Bounded(door.records)
    door.build()
    submit(door, "/async-function/api-249", headers=CHOSEN)
    assert door.call("GET", f"/async-function/{CALL_ID}").json["api"] == "api-249"
    assert (max(sizes), sum(sizes)) == (100, 250)


def test_a_failing_store_is_a_503_not_a_404(door):
    class Down(MemoryDirectory):
        def read(self, keys, **how):
            raise DependencyError("down")

    door.directory = Down(door.records)
    door.build()
    answer = held(door.call("GET", f"/async-function/{CALL_ID}"), "GET", SUBMIT)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")


def test_a_waiting_call_is_answered_by_the_function_itself(door):
    end(door, body=b"\x00\xff", content_type="image/png", headers={"etag": '"1"'})
    answer = held(
        door.call("POST", "/function/words", body=b"x", headers=CHOSEN | {"Accept": "*/*"}), "POST", CALL
    )
    assert (answer.status, answer.body) == (200, b"\x00\xff")
    told = {name: answer.headers[name] for name in ("content-type", "etag", "x-call-id", "x-function-name")}
    assert told == {
        "content-type": "image/png",
        "etag": '"1"',
        "x-call-id": CALL_ID,
        "x-function-name": "words",
    }
    assert (answer.headers["x-function-status"], answer.headers["x-duration-seconds"]) == ("200", "1.500000")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/function/words", "/function/words/a"])
def test_any_method_calls_a_function_and_is_passed_on(door, method, path):
    end(door)
    answer = door.call(method, path, query={"q": ["1", "2"]})
    assert (answer.status, answer.headers["x-function-status"]) == (200, "200")
    assert (door.only_record.call.method, door.only_record.call.query) == (method, "q=1&q=2")


@pytest.mark.parametrize(("code", "status"), [(204, 204), (302, 302), (404, 404), (500, 500), (599, 599)])
def test_the_functions_status_is_the_answers(door, code, status):
    failed = Status.COMPLETED if code < 300 else Status.FAILED
    end(door, status=failed, body=b"why", status_code=code, content_type=None)
    answer = door.call("POST", "/function/words", body=b"x")
    assert (answer.status, answer.body) == (status, b"why")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-function-status"] == str(code)


def test_a_status_that_no_answer_can_have_is_told_as_a_bad_gateways(door):
    end(door, status=Status.FAILED, status_code=700)
    answer = door.call("POST", "/function/words", body=b"x")
    assert (answer.status, answer.headers["x-function-status"]) == (502, "700")


def test_a_part_is_not_given_of_an_answer_that_is_made_for_this_call(door):
    end(door)
    answer = door.call("POST", "/function/words", body=b"x", headers={"Range": "bytes=0-1"})
    assert (answer.status, answer.body) == (200, b"answer")


@pytest.mark.parametrize(
    ("parts", "sent"),
    [({"size_bytes": MAX_RESULT_BYTES + 1}, {"Accept": "*/*"}), ({"body": b"\xff"}, {})],
)
def test_what_cannot_travel_in_the_answer_is_linked(door, parts, sent):
    end(door, **parts)
    answer = held(door.call("POST", "/function/words", body=b"x", headers=sent), "POST", CALL)
    assert (answer.status, answer.headers["x-function-status"]) == (303, "200")
    assert answer.headers["location"].startswith("https://objects.invalid/results/r")


@pytest.mark.parametrize(
    ("status", "failure", "reason"),
    [
        (Status.FAILED, Failure(code="timeout", message="Not within 5 s."), "Not within 5 s."),
        (Status.CANCELLED, None, "The request is cancelled."),
        (Status.EXPIRED, None, "The request is expired."),
    ],
)
def test_an_end_without_an_answer_is_a_502_with_the_reason(door, status, failure, reason):
    submit(door, "/function/words", headers=CHOSEN | {"Prefer": "wait=0"})
    record = door.only_record
    door.records.rows[record.key] = replace(record, status=status, failure=failure, finished_ms=door.clock())
    answer = held(door.call("POST", "/function/words", body=b"x", headers=CHOSEN), "POST", CALL)
    assert (answer.status, answer.json["code"]) == (502, "function_failed")
    assert answer.json["detail"] == f"Function words gave no answer. {reason}"
    assert (answer.headers["x-call-id"], answer.headers["x-function-status"]) == (CALL_ID, "503")


def test_a_call_waits_as_long_as_api_gateway_would_and_then_goes_on(door):
    answer = held(door.call("POST", "/function/words", body=b"x"), "POST", CALL)
    assert (answer.status, answer.body) == (202, b"")
    assert sum(door.pauses_seconds) == pytest.approx(MAX_WAIT_SECONDS, abs=0.01)
    assert "x-function-status" not in answer.headers
    assert door.call("GET", f"/async-function/{answer.headers['x-call-id']}").json["status"] == "in_queue"


@pytest.mark.parametrize(("preferred", "waited"), [(3, 3), (0, 0), (99, MAX_WAIT_SECONDS)])
def test_a_caller_may_prefer_a_shorter_wait(door, preferred, waited):
    sent = {"Prefer": f"wait={preferred}"}
    answer = held(door.call("POST", "/function/words", body=b"x", headers=sent), "POST", CALL)
    assert (answer.status, answer.headers["preference-applied"]) == (202, f"wait={waited}")
    assert sum(door.pauses_seconds) == pytest.approx(waited, abs=0.01)


def test_a_malformed_preference_is_refused_before_anything_is_stored(door):
    answer = held(door.call("POST", "/function/words", headers={"Prefer": "wait=soon"}), "POST", CALL)
    assert answer.json["code"] == "invalid_preference"
    assert not door.records.rows


def test_when_too_many_wait_a_call_goes_on_at_once(door):
    door.slot_count = 0
    door.build()
    answer = held(door.call("POST", "/function/words", body=b"x"), "POST", CALL)
    assert (answer.status, door.pauses_seconds) == (202, [])


def test_the_same_id_again_is_answered_by_what_has_become_of_it(door):
    end(door)
    first = door.call("POST", "/function/words", body=b"x", headers=CHOSEN)
    again = door.call("POST", "/function/words", body=b"x", headers=CHOSEN)
    assert (again.status, again.body, again.headers) == (first.status, first.body, first.headers)
    assert len(door.queue) == 1
