"""No item is lost, doubled or cut, whatever files there are and wherever they are cut."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.batching import batches
from penstock.batch.chunks import Chunk, Form, Segment
from penstock.batch.planning import CHUNK_BYTES, MOST_SEGMENTS, InputFile, Packer, cuts, form_of
from penstock.batch.reading import items_of
from penstock.testing import MemoryObjects, MemoryRanges

BUCKET = "lake"

numbers = st.lists(st.integers(0, 10**9), max_size=30)
kinds = st.sampled_from(["jsonl", "jsonl.gz", "csv", "csv.gz"])
endings = st.sampled_from(["\n", "\r\n", "\n\n", " \n"])


def written(kind: str, items: list[int], ending: str, *, bom: bool, last: bool) -> bytes:
    texts = [f"{item}" for item in items]
    if "csv" in kind:
        ending = ending.replace(" ", "")
        texts = ["n", *(f'"{text}"' for text in texts)]
    text = ending.join(texts) + (ending if last else "")
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    return gzip.compress(data) if kind.endswith("gz") else data


def items_in(kind: str, items: list[int]) -> list[str]:
    return [
        json.dumps({"n": f"{item}"}, separators=(",", ":")) if "csv" in kind else f"{item}" for item in items
    ]


def packed(files: list[InputFile], chunk_bytes: int = CHUNK_BYTES) -> list[Chunk]:
    packer = Packer(chunk_bytes=chunk_bytes)
    chunks = [chunk for file in files for chunk in packer.add(file)]
    return [*chunks, *packer.rest()]


def input_file(key: str, size_bytes: int) -> InputFile:
    return InputFile(bucket=BUCKET, key=key, etag="", size_bytes=size_bytes)


@given(
    st.lists(st.tuples(kinds, numbers, endings, st.booleans(), st.booleans()), max_size=6),
    st.integers(1, 60),
    st.integers(1, 7),
)
def test_the_chunks_batches_hold_each_item_once_and_in_order(files, chunk_bytes, size):
    objects = MemoryObjects()
    listed, expected = [], []
    for number, (kind, items, ending, bom, last) in enumerate(files):
        key, data = f"{number}.{kind}", written(kind, items, ending, bom=bom, last=last)
        objects.foreign[BUCKET, key] = data
        listed.append(input_file(key, len(data)))
        expected += items_in(kind, items)
    ranges = MemoryRanges(objects, own_bucket="own")
    chunks = packed(listed, chunk_bytes)
    made = [
        batch
        for chunk in chunks
        for batch in batches(
            chunk.index,
            (str(item) for segment in chunk.segments for item in items_of(segment, ranges)),
            size=size,
        )
    ]
    assert [
        json.dumps(item, separators=(",", ":")) for batch in made for item in json.loads(batch.body)
    ] == expected
    assert [len(json.loads(batch.body)) for batch in made] == [batch.items for batch in made]
    assert len({batch.id for batch in made}) == len(made)
    assert max((batch.items for batch in made), default=0) <= size


@given(st.lists(st.tuples(kinds, st.integers(0, 3 * CHUNK_BYTES)), max_size=30))
def test_chunks_cover_each_byte_once_and_are_of_bounded_size(files):
    listed = [input_file(f"{number}.{kind}", size) for number, (kind, size) in enumerate(files)]
    chunks = packed(listed)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    segments = [segment for chunk in chunks for segment in chunk.segments]
    for file in listed:
        at = 0
        for segment in (segment for segment in segments if segment.key == file.key):
            assert segment.first == at
            at = segment.end
        assert at == file.size_bytes
    whole = [segment for segment in segments if segment.form is not Form.LINES]
    assert all(segment.first == 0 for segment in whole)
    for chunk in chunks:
        size = sum(segment.end - segment.first for segment in chunk.segments)
        assert size <= CHUNK_BYTES or len(chunk.segments) == 1


def test_a_chunk_has_a_bounded_number_of_segments():
    chunks = packed([input_file(f"{number}.jsonl", 1) for number in range(2 * MOST_SEGMENTS + 1)])
    assert [len(chunk.segments) for chunk in chunks] == [MOST_SEGMENTS, MOST_SEGMENTS, 1]


def test_a_packer_goes_on_where_another_has_ended():
    files = [input_file(f"{number}.jsonl", 3 << 20) for number in range(10)]
    first = Packer()
    chunks = [chunk for file in files[:4] for chunk in first.add(file)]
    second = Packer(index=first.index, segments=first.segments)
    chunks += [chunk for file in files[4:] for chunk in second.add(file)]
    assert [*chunks, *second.rest()] == packed(files)


@given(st.lists(st.integers(1, CHUNK_BYTES), max_size=40), st.integers(1, 12))
def test_a_list_is_cut_at_full_batches(lengths, batch_size):
    borders = [0]
    for length in lengths:
        borders.append(borders[-1] + length)
    at = 0
    for first, end in cuts(lengths, batch_size=batch_size):
        assert first == at
        assert borders.index(first) % batch_size == 0
        at = end
    assert at == borders[-1]


@pytest.mark.parametrize(
    ("key", "form"),
    [
        ("a/b.csv", Form.CSV),
        ("a/B.CSV", Form.CSV),
        ("b.csv.gz", Form.CSV_GZIP),
        ("b.jsonl", Form.LINES),
        ("b.json", Form.LINES),
        ("b.ndjson", Form.LINES),
        ("b.ndjson.gz", Form.LINES_GZIP),
        ("b.gz", Form.LINES_GZIP),
        ("csv", Form.LINES),
        ("part-00000", Form.LINES),
    ],
)
def test_an_objects_name_says_how_it_is_read(key, form):
    assert form_of(key) is form


def test_a_chunk_survives_its_json():
    segment = Segment(bucket=BUCKET, key="ä.csv", etag='"e"', form=Form.CSV, first=0, end=7)
    chunk = Chunk(index=3, segments=(segment,))
    assert Chunk.from_json(chunk.to_json()) == chunk
