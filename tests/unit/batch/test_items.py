"""What is an item, and what is told of what is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.items import NoItem, item

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values, st.booleans(), st.sampled_from([b"", b" ", b"\t", b"\r"]))
def test_an_item_stays_as_it_was_written(value, escaped, around):
    text = json.dumps(value, ensure_ascii=escaped)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # a lone surrogate has no bytes
        return
    assert item(around + data + around) == text


@pytest.mark.parametrize("text", ["1e999", "-0.0", "1" * 10_000, '"\\ud800"', '{"a":1,"a":2}', "[ 1 ]"])
def test_what_json_allows_is_an_item(text):
    assert item(text.encode()) == text


@pytest.mark.parametrize("line", [b"", b"   ", b"\r", b"\t\r"])
def test_an_empty_line_is_passed_over(line):
    assert item(line) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "is not JSON: Expecting property name"),
        (b"{} {}", "is not JSON: Extra data"),
        (b"nope", "is not JSON: Expecting value at its column 1"),
        (b"NaN", "is not JSON: NaN is no number"),
        (b"[Infinity]", "is not JSON: Infinity is no number"),
        (b'{"a": -Infinity}', "is not JSON: -Infinity is no number"),
        (b'"a\tb"', "is not JSON: Invalid control character"),
        (b'"\xff"', "is not UTF-8: invalid start byte at its byte 1"),
        (b"\xed\xa0\x80", "is not UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested too deeply"),
        (b'"\x00"', "is not JSON"),
        (None, "has more than 1048576 bytes"),
    ],
    ids=[
        "open", "two", "word", "nan", "infinity", "minus infinity", "control", "latin", "surrogate", "deep",
        "zero", "long",
    ],
)  # fmt: skip
def test_what_is_no_item_is_told_why(line, reason):
    with pytest.raises(NoItem, match=reason.replace("-", "\\-")):
        item(line)
