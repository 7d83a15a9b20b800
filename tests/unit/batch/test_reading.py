"""What is told of input that is not as it must be: the file, the line and the reason."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.batching import MOST_BODY_BYTES, batches
from penstock.batch.chunks import Form, Segment
from penstock.batch.items import BadItem, InputFault
from penstock.batch.reading import BLOCK_BYTES, body_of, items_of, located
from penstock.testing import MemoryObjects, MemoryRanges


def stored(
    data: bytes, form: Form, *, first: int = 0, end: int | None = None
) -> tuple[Segment, MemoryRanges]:
    objects = MemoryObjects()
    objects.foreign["lake", "file"] = data
    etag = objects.describe("file", bucket="lake").etag
    segment = Segment(
        bucket="lake", key="file", etag=etag, form=form, first=first, end=len(data) if end is None else end
    )
    return segment, MemoryRanges(objects, own_bucket="own")


def read(data: bytes, form: Form) -> list[str | BadItem]:
    return list(items_of(*stored(data, form)))


def told(data: bytes, form: Form) -> list[str]:
    return [found if isinstance(found, str) else f"! {found}" for found in read(data, form)]


def test_a_bad_line_is_told_with_its_file_and_line():
    assert told(b'1\n\n{"a":\n3\n', Form.LINES)[1] == (
        "! s3://lake/file, line 3, byte 3: the item is not JSON: Expecting value at its column 6"
    )


def test_a_bad_line_of_a_compressed_file_is_told_with_its_line():
    assert told(gzip.compress(b"1\nx\n3"), Form.LINES_GZIP) == [
        "1",
        "! s3://lake/file, line 2: the item is not JSON: Expecting value at its column 1",
        "3",
    ]


@given(st.lists(st.sampled_from([b"1", b"", b"22", b"[\r"]), min_size=1, max_size=20), st.integers(0, 40))
def test_the_line_of_a_bad_item_in_the_middle_of_a_file_is_found(texts, first):
    data = b"\n".join(texts)
    segment, ranges = stored(data, Form.LINES, first=min(first, len(data)))
    for found in items_of(segment, ranges):
        if isinstance(found, BadItem):
            at = located(found, segment, ranges)
            assert at.line is not None
            assert texts[at.line - 1] == b"[\r"
            assert at.line == data[: found.byte].count(b"\n") + 1


def test_quoted_newlines_and_commas_belong_to_their_field():
    data = b'a,b\r\n"1\n2","x,""y"""\r\n\r\n3,\xc3\xa4'
    assert [json.loads(item) for item in told(data, Form.CSV)] == [
        {"a": "1\n2", "b": 'x,"y"'},
        {"a": "3", "b": "ä"},
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1", "line 3, byte 8: the item has 1 fields, and the header 2"),
        (b"1,2,3", "line 3, byte 8: the item has 3 fields, and the header 2"),
        (b'"1"x,2', "is not CSV: ',' expected after"),
        (b"\xff,2", "line 3, byte 8: the item is not UTF-8: invalid start byte in line 3"),
        (b'"' + b"x" * (1 << 20) + b'",2', "line 3, byte 8: the item has more than 1048576 bytes"),
        (b"x" * (5 << 20), "line 3, byte 8: the item has more than 1048576 bytes"),
    ],
    ids=["narrow", "wide", "quote", "latin", "long", "endless"],
)
def test_a_bad_row_is_told_and_the_next_is_read(row, reason):
    found = told(b"a,b\nx,y\n" + row + b"\n5,6\n", Form.CSV)
    assert found[0] == '{"a":"x","b":"y"}'
    assert found[-1] == '{"a":"5","b":"6"}'
    assert reason in found[1]
    assert len(found) == 3


def test_a_quote_that_never_ends_is_told_without_the_rest_of_the_file_in_memory():
    data = b'a\n1\n"2\n' + b"x\n" * (1 << 20)
    segment, ranges = stored(data, Form.CSV)
    found = items_of(segment, ranges)
    assert next(found) == '{"a":"1"}'
    assert str(next(found)) == "s3://lake/file, line 3, byte 4: the item has more than 1048576 bytes"
    # What comes behind is read again.
    assert next(found) == '{"a":"x"}'


def test_a_quote_that_is_open_at_the_end_is_told():
    assert told(b'a\n"1', Form.CSV) == [
        "! s3://lake/file, line 2, byte 2: the item is not CSV: unexpected end of data"
    ]


@pytest.mark.parametrize(
    ("data", "form", "message"),
    [
        (b"\n1\n", Form.CSV, "the first line must be the header, and is empty"),
        (b"a,a\n1,2\n", Form.CSV, "the header has two columns 'a'"),
        (b'"a\n', Form.CSV, "the header is not usable: it is not CSV: unexpected end of data"),
        (b"\xff\n1\n", Form.CSV, "the header is not usable: it is not UTF-8"),
        (b"1\n2\n", Form.LINES_GZIP, "the file is not valid gzip"),
        (gzip.compress(b"1\n2\n")[:-3], Form.LINES_GZIP, "the file is no whole gzip file: it ends early"),
        (b"", Form.LINES_GZIP, "the file is no whole gzip file: it ends early"),
    ],
    ids=["no header", "double", "open", "latin", "plain", "cut", "empty"],
)
def test_a_file_that_cannot_be_read_is_named(data, form, message):
    with pytest.raises(InputFault, match=f"^s3://lake/file: {message}") as caught:
        read(data, form)
    assert caught.value.code == "invalid_file"


def test_a_file_that_was_replaced_is_named():
    segment, ranges = stored(b"1\n", Form.LINES)
    ranges._objects.foreign["lake", "file"] = b"2\n"
    with pytest.raises(InputFault, match="s3://lake/file was replaced") as caught:
        list(items_of(segment, ranges))
    assert caught.value.code == "input_changed"


def test_a_file_that_is_gone_is_named_and_so_is_what_to_do():
    segment, ranges = stored(b"1\n", Form.LINES)
    ranges._objects.foreign.clear()
    with pytest.raises(InputFault, match=r"s3://lake/file is not there.*input_buckets") as caught:
        list(items_of(segment, ranges))
    assert caught.value.code == "input_missing"


@pytest.mark.parametrize("form", [Form.LINES, Form.CSV])
def test_a_file_of_many_blocks_is_read_whole(form):
    data = b'"n"\n' + b"".join(b'"%0100d"\n' % number for number in range(100_000))
    assert len(data) > BLOCK_BYTES
    found = told(data, form)
    last = f'"{99_999:0100}"'
    assert found[-1] == (f'{{"n":{last}}}' if form is Form.CSV else last)
    assert len(found) == 100_000 + (form is Form.LINES)


def test_a_stored_batch_that_was_removed_is_named():
    segment, ranges = stored(b"[1]", Form.BATCH)
    ranges._objects.foreign.clear()
    with pytest.raises(InputFault, match="s3://lake/file is not there any more: the failed batches"):
        body_of(segment, ranges)


def test_a_stored_batch_is_read_as_it_is():
    assert body_of(*stored('[1, 2 ,\t"ä"]'.encode(), Form.BATCH, end=0)) == '[1, 2 ,\t"ä"]'


def test_a_batch_that_is_too_large_is_told_before_it_is_held():
    item = '"' + "x" * ((1 << 20) - 2) + '"'
    with pytest.raises(InputFault, match=r"32 items of a batch .* make batch_size smaller"):
        list(batches(0, (item for _ in range(MOST_BODY_BYTES)), size=1000))
