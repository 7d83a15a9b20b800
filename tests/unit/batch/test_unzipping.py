"""gzip comes out as it went in, in pieces; and what is cut off is told."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.unzipping import BadGzip, unzipped


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(1, 50), st.integers(0, 9))
def test_members_follow_each_other_and_padding_is_none(members, size, padding):
    data = b"".join(gzip.compress(member) + bytes(padding) for member in members)
    assert b"".join(unzipped(cut(data, size))) == b"".join(members)


@given(st.binary(max_size=300), st.data())
def test_a_file_that_ends_early_is_told(content, data):
    whole = gzip.compress(content)
    with pytest.raises(BadGzip, match="ends early"):
        list(unzipped([whole[: data.draw(st.integers(0, len(whole) - 1))]]))


@pytest.mark.parametrize(
    "behind", [b"more", gzip.compress(b"x")[:-1] + b"!"], ids=["no member", "a damaged member"]
)
def test_what_is_not_gzip_is_told(behind):
    with pytest.raises(BadGzip, match="not valid gzip"):
        list(unzipped([gzip.compress(b"fine") + behind]))


def test_a_few_bytes_that_stand_for_many_come_out_in_bounded_pieces():
    bomb = gzip.compress(bytes(50 << 20))
    sizes = [len(piece) for piece in unzipped([bomb])]
    assert sum(sizes) == 50 << 20
    assert max(sizes) <= 256 * 1024
