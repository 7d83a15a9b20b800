"""Wherever a file is cut, each line is found once, whole and in order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.lines import MOST_ITEM_BYTES, Line, lines, starts_at

files = st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r\n", b"\xc3\xa4", b"{}"]), max_size=40).map(
    b"".join
)


def blocks(file: bytes, first: int, sizes: list[int]):
    at, turn = starts_at(first), 0
    while at < len(file):
        size = sizes[turn % len(sizes)]
        yield file[at : at + size]
        at, turn = at + size, turn + 1


def parts(file: bytes, cuts: list[int]) -> list[tuple[int, int]]:
    borders = sorted({0, len(file), *(cut % (len(file) + 1) for cut in cuts)})
    return list(pairwise(borders))


@given(files, st.lists(st.integers(0, 200)), st.lists(st.integers(1, 9), min_size=1))
def test_lines_of_all_parts_are_the_files_lines(file, cuts, sizes):
    found = [
        line
        for first, end in parts(file, cuts)
        for line in lines(blocks(file, first, sizes), first=first, end=end)
    ]
    expected = file.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line.data for line in found] == expected
    assert all(file[line.start :].startswith(line.data or b"") for line in found)
    assert [line.start for line in found] == sorted({line.start for line in found})


@given(files, st.lists(st.integers(0, 200)))
def test_lines_are_counted_from_the_parts_first(file, cuts):
    for first, end in parts(file, cuts):
        found = list(lines(blocks(file, first, [4]), first=first, end=end))
        assert [line.number for line in found] == list(range(len(found)))


@pytest.mark.parametrize("block", [1000, MOST_ITEM_BYTES // 3, 8 * MOST_ITEM_BYTES])
def test_a_line_that_is_too_long_is_told_without_its_bytes(block):
    long = b"x" * (3 * MOST_ITEM_BYTES)
    file = b"1\n" + long + b"\n2\n"
    found = list(lines(blocks(file, 0, [block]), first=0))
    assert found == [Line(0, 0, b"1"), Line(2, 1, None), Line(len(long) + 3, 2, b"2")]


@pytest.mark.parametrize(("more", "data"), [(0, b"x" * MOST_ITEM_BYTES), (1, None)])
def test_an_item_may_be_as_long_as_the_limit_says(more, data):
    file = b"x" * (MOST_ITEM_BYTES + more) + b"\n"
    assert [line.data for line in lines([file], first=0)] == [data]


def test_of_a_line_without_an_end_no_more_is_read_than_must_be():
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * MOST_ITEM_BYTES

    # In the part where it begins, until it is known to be too long and the part is over.
    assert [line.data for line in lines(endless(), first=0, end=5)] == [None]
    assert taken <= 3
    # In a part that it goes through, until the part is over.
    taken = 0
    assert list(lines(endless(), first=10, end=MOST_ITEM_BYTES)) == []
    assert taken <= 2
