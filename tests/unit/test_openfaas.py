from __future__ import annotations

from dataclasses import replace

import pytest

from penstock import openfaas
from penstock.records import Call, Failure, ResultRef, Status
from tests.examples import NOW_MS, record

CALL_ID = "eb8283f5-1679-48e0-afec-194544b054aa"


def ended(status=Status.COMPLETED, result=None, **changes):
    call = Call(call_id=CALL_ID)
    ended = record(
        call=call, status=status, result=result, started_ms=NOW_MS + 500, finished_ms=NOW_MS + 3385
    )
    return replace(ended, **changes)


def answer(**parts):
    image = ResultRef(key="results/r", size_bytes=4, status_code=200, content_type="image/png")
    return replace(image, **parts)


def told(made):
    return openfaas.outcome_headers(CALL_ID, made, function="words")


def test_a_call_is_told_by_its_id_and_the_nanosecond_it_was_accepted():
    assert openfaas.call_headers(CALL_ID, ended()) == {
        "X-Call-Id": CALL_ID,
        "X-Start-Time": "1700000000000000000",
    }


def test_a_completed_call_is_told_in_openfaas_headers_with_the_functions_own():
    made = ended(result=answer(status_code=201, headers={"etag": '"1"', "content-encoding": "gzip"}))
    assert told(made) == {
        "etag": '"1"',
        "content-encoding": "gzip",
        "Content-Type": "image/png",
        "X-Call-Id": CALL_ID,
        "X-Start-Time": "1700000000000000000",
        "X-Function-Name": "words",
        "X-Function-Status": "201",
        "X-Duration-Seconds": "2.885000",
    }


def test_a_failed_call_keeps_the_status_that_the_function_gave():
    made = ended(
        Status.FAILED,
        answer(status_code=500, content_type=None),
        failure=Failure(code="container_error", message="m"),
    )
    assert told(made)["X-Function-Status"] == "500"
    assert "Content-Type" not in told(made)


@pytest.mark.parametrize(
    ("status", "times", "duration"),
    [
        (Status.FAILED, {}, "2.885000"),
        (Status.CANCELLED, {"started_ms": None}, "0.000000"),
        (Status.EXPIRED, {"started_ms": None}, "0.000000"),
        # The clocks of a worker and of the gateway that cancels differ.
        (Status.CANCELLED, {"finished_ms": NOW_MS}, "0.000000"),
    ],
)
def test_a_call_without_an_answer_is_a_503_as_openfaas_has_it(status, times, duration):
    headers = told(ended(status, **times))
    assert (headers["X-Function-Status"], headers["X-Duration-Seconds"]) == ("503", duration)
    assert "Content-Type" not in headers


def test_what_the_function_says_does_not_replace_what_is_told_of_the_call():
    names = ["X-Call-Id", "X-Start-Time", "X-Function-Name", "X-Function-Status", "X-Duration-Seconds"]
    # Such headers are not kept today; a longer list of those that are must not change this.
    forged = told(ended(result=answer(headers=dict.fromkeys(names, "forged"))))
    assert "forged" not in {forged[name] for name in names}
