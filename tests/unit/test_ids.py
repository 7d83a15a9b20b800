from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import ids

texts = st.text(max_size=20)
PARTS = ("deployment", "api", "caller", "key")


@given(st.tuples(texts, texts, texts, texts), st.tuples(texts, texts, texts, texts))
def test_a_key_stands_for_one_id_and_another_caller_api_or_key_for_another(first, second):
    def of(parts):
        return ids.keyed_request_id(**dict(zip(PARTS, parts, strict=True)))

    assert of(first) == of(first)
    assert (of(first) == of(second)) == (first == second)


@given(st.text())
def test_whatever_the_key_the_id_fits_a_queue_group_a_path_and_a_url(key):
    made = ids.keyed_request_id(deployment="d", api="a", caller="c", key=key)
    assert ids.is_request_id(made)
    assert len(made) <= 128
    assert made.isalnum()


def test_fresh_ids_differ_and_have_the_shape_of_keyed_ones():
    fresh = {ids.new_request_id() for _ in range(1000)}
    assert len(fresh) == 1000
    assert all(ids.is_request_id(one) for one in fresh)


@pytest.mark.parametrize(
    "text", ["", "healthz", "A" * 26, "a" * 25, "a" * 27, "../" + "a" * 23, "a" * 25 + "1"]
)
def test_other_text_is_no_id(text):
    assert not ids.is_request_id(text)


SAME: dict[str, Any] = {
    "body": b"x",
    "content_type": "text/plain",
    "method": "POST",
    "path": "/",
    "query": "a=1",
    "stored": None,
    "timeout_seconds": None,
    "deadline_seconds": None,
    "callback": None,
}


def test_the_same_request_has_the_same_fingerprint():
    assert ids.fingerprint(**SAME) == ids.fingerprint(**SAME)


@pytest.mark.parametrize(
    "change",
    [{"body": b"y"}, {"content_type": None}, {"content_type": "text/html"}, {"method": "PUT"}, {"path": "/x"},
     {"query": ""}, {"stored": "5 e"}, {"timeout_seconds": 5}, {"deadline_seconds": 5},
     {"callback": "https://hooks.example.com/"}],
)  # fmt: skip
def test_every_part_of_a_request_is_in_its_fingerprint(change):
    assert ids.fingerprint(**SAME | change) != ids.fingerprint(**SAME)


def test_no_part_of_a_request_is_left_out_of_the_table_above():
    assert set(inspect.signature(ids.fingerprint).parameters) == set(SAME)
