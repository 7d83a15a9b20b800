from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.part_lines import Answer, error_line, result_line
from penstock.records import Failure

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FAILURE = Failure(code="container_error", message="The container answered 500.")


def answer(body: bytes) -> Answer:
    return Answer(status_code=200, content_type="application/json", body=body, size_bytes=len(body))


@given(value=JSON, indent=st.none() | st.just(2))
def test_json_is_one_line_with_the_same_value(value, indent):
    line = result_line("0-1", answer(json.dumps(value, indent=indent).encode()))
    assert line.count(b"\n") == 1
    assert json.loads(line)["result"] == value


@given(body=st.binary())
def test_any_bytes_are_one_line_that_gives_them_back(body):
    line = result_line("0-1", answer(body))
    told = json.loads(line)
    assert line.endswith(b"\n")
    assert len(line.splitlines()) == 1
    if "result" in told:
        assert told["result"] == json.loads(body)
    else:
        assert base64.b64decode(told["result_base64"]) == body


def test_numbers_keep_the_digits_that_the_container_wrote():
    assert b'"result": 0.10000000000000000000001}' in result_line("0-1", answer(b"0.10000000000000000000001"))


def test_no_answer_leaves_the_reason_alone():
    assert json.loads(error_line("0-1", FAILURE, None, attempt=3)) == {
        "batch": "0-1",
        "failure": {"code": "container_error", "message": "The container answered 500."},
        "attempt": 3,
    }
