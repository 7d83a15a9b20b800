"""JSON that is cut, not read: each part is what was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch import raw_json
from penstock.batch.raw_json import NotJson, NumberTooLarge

#: Whitespace wherever JSON has it, and numbers as nobody's program would write them.
spaces = st.text(alphabet=" \t\r\n", max_size=3)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
texts = st.text(max_size=8).map(json.dumps) | st.text(max_size=8).map(
    lambda text: json.dumps(text, ensure_ascii=False)
).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text))
scalars = st.one_of(numbers, texts, st.sampled_from(["true", "false", "null"]))


@st.composite
def arrays(draw, elements):
    parts = draw(st.lists(elements, max_size=4))
    return f"[{draw(spaces)}" + ",".join(f"{draw(spaces)}{part}{draw(spaces)}" for part in parts) + "]"


@st.composite
def objects(draw, elements):
    parts = draw(st.lists(st.tuples(texts, elements), max_size=4))
    inner = ",".join(
        f"{draw(spaces)}{name}{draw(spaces)}:{draw(spaces)}{part}{draw(spaces)}" for name, part in parts
    )
    return f"{{{draw(spaces)}{inner}}}"


values = st.recursive(scalars, lambda inner: arrays(inner) | objects(inner), max_leaves=12)


def exact(text: str):
    """What the text says, with numbers as they are written."""
    return json.loads(text, parse_int=str, parse_float=str)


@given(st.lists(values, max_size=6), spaces)
def test_the_elements_of_an_array_are_what_was_written(parts, space):
    text = f"[{space}" + f"{space},{space}".join(parts) + f"{space}]"
    assert raw_json.elements(raw_json.checked(text.encode())) == parts


@given(st.lists(st.tuples(texts, values), max_size=6), spaces)
def test_the_members_of_an_object_are_what_was_written_and_the_last_of_equal_names_counts(parts, space):
    inner = f"{space},{space}".join(f"{name}{space}:{space}{part}" for name, part in parts)
    text = f"{{{space}{inner}{space}}}"
    assert raw_json.members(raw_json.checked(text.encode())) == {
        json.loads(name): part for name, part in parts
    }


@given(values)
def test_on_one_line_it_is_the_same_value(text):
    line = raw_json.one_line(text)
    assert "\n" not in line
    assert "\r" not in line
    assert exact(line) == exact(text)


@given(
    st.binary(max_size=40) | st.text(alphabet='[]{}",:0e-.\\u \nNaItruefalse', max_size=40).map(str.encode)
)
def test_any_bytes_are_json_as_python_has_it_or_refused(body):
    try:
        text = raw_json.checked(body)
    except NotJson:
        with pytest.raises(ValueError):  # noqa: PT011 - several kinds
            json.loads(body.decode("utf-8-sig"), parse_constant=raw_json._refuse)
        return
    assert exact(text) == exact(body.decode("utf-8-sig"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value in line 1, column 1"),
        (b'{"a": 1,}', "line 1, column"),
        (b'{\n"a" 1}', "in line 2, column 5"),
        (b"NaN", "NaN is no number of JSON"),
        (b"[1, -Infinity]", "-Infinity is no number of JSON"),
        (b"\xff", "byte 0 is not UTF-8"),
        ("{}".encode("utf-16"), "byte 0 is not UTF-8"),
        (b"{} {}", "Extra data"),
        (b"[" * 100_000, "nested too deeply"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_json_is_told_with_its_place(body, reason):
    with pytest.raises(NotJson, match=reason):
        raw_json.checked(body)


def test_a_byte_order_mark_is_passed_over():
    assert raw_json.checked(b"\xef\xbb\xbf{}") == "{}"


def test_a_value_that_nothing_can_read_is_told():
    assert raw_json.value("12345678901234567890123") == 12345678901234567890123
    for text, reason in (("1e999", "the number 1e999"), ("9" * 5000, "a number of 5000 digits")):
        with pytest.raises(NumberTooLarge, match=reason):
            raw_json.value(f"[{text}]")
