"""From a segment's bytes to its items (J3, J4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.batch.chunks import Form
from penstock.batch.items import BadItem, InputFault, NoItem, item
from penstock.batch.lines import SLACK_BYTES, lines, starts_at
from penstock.batch.rows import rows
from penstock.batch.unzipping import BadGzip, unzipped
from penstock.ports import ObjectChanged, ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.batch.chunks import Segment
    from penstock.batch.ports import Ranges

#: Read in one call: a chunk's segment with what is behind it, so that no connection waits while its
#: items are sent.
BLOCK_BYTES = 8 * 1024 * 1024 + SLACK_BYTES

#: Lines before a bad one are counted in so much of a file, which takes about a minute; behind it only
#: the byte is told.
MOST_COUNTED_BYTES = 4 << 30

_BOM = b"\xef\xbb\xbf"
_ZIPPED = frozenset({Form.LINES_GZIP, Form.CSV_GZIP})


def url_of(segment: Segment) -> str:
    """The object's ``s3://`` URL."""
    return f"s3://{segment.bucket}/{segment.key}"


def items_of(segment: Segment, ranges: Ranges, *, begun: bytes | None = None) -> Iterator[str | BadItem]:
    """The segment's items as JSON, in order, and what stands in place of some.

    ``begun`` is what ``first_block`` gave, if it was read already. ``InputFault`` names the file if it
    cannot be read as what it is; ``DependencyError`` may be tried again from the start.
    """
    blocks = _blocks(segment, ranges, begun)
    if segment.form in _ZIPPED:
        blocks = unzipped(blocks)
    try:
        if segment.form in {Form.CSV, Form.CSV_GZIP}:
            yield from _rows(segment, blocks)
        else:
            yield from _lines(segment, blocks)
    except BadGzip as error:
        raise InputFault("invalid_file", f"{url_of(segment)}: the file {error}") from error


def body_of(segment: Segment, ranges: Ranges, *, begun: bytes | None = None) -> str:
    """The stored batch that the segment is."""
    return b"".join(_blocks(segment, ranges, begun)).decode()


def first_block(segment: Segment, ranges: Ranges) -> bytes:
    """The first of its bytes; ``InputFault`` if the object is no more, or is another one now."""
    return _read(segment, ranges, starts_at(segment.first))


def located(bad: BadItem, segment: Segment, ranges: Ranges) -> BadItem:
    """The bad item with its line in the file: for the middle of one, the lines before it are counted."""
    if bad.line is not None or bad.byte is None or bad.byte > MOST_COUNTED_BYTES:
        return bad
    before = replace(segment, first=0, end=bad.byte)
    counted = seen = 0
    for block in _blocks(before, ranges, None):
        counted += block[: bad.byte - seen].count(b"\n")
        seen += len(block)
        if seen >= bad.byte:
            break
    return replace(bad, line=counted + 1)


def _lines(segment: Segment, blocks: Iterable[bytes]) -> Iterator[str | BadItem]:
    zipped, from_start = segment.form in _ZIPPED, segment.first == 0
    for line in lines(blocks, first=segment.first, end=None if zipped else segment.end):
        data = line.data
        if line.start == 0 and data is not None:
            data = data.removeprefix(_BOM)
        try:
            found = item(data)
        except NoItem as error:
            yield BadItem(
                url=url_of(segment),
                line=line.number + 1 if from_start else None,
                byte=None if zipped else line.start,
                reason=str(error),
            )
        else:
            if found is not None:
                yield found


def _rows(segment: Segment, blocks: Iterable[bytes]) -> Iterator[str | BadItem]:
    zipped = segment.form in _ZIPPED
    physical = (
        line._replace(data=line.data.removeprefix(_BOM)) if line.start == 0 and line.data else line
        for line in lines(blocks, first=0)
    )
    for row in rows(physical, url=url_of(segment)):
        if isinstance(row.item, str):
            yield row.item
        else:
            byte = None if zipped else row.start
            yield BadItem(url=url_of(segment), line=row.line, byte=byte, reason=str(row.item))


def _blocks(segment: Segment, ranges: Ranges, begun: bytes | None) -> Iterator[bytes]:
    """The object's bytes from the segment's on, and those behind it for as long as more are taken."""
    at = starts_at(segment.first)
    while True:
        asked = _size(segment, at)
        block = _read(segment, ranges, at) if begun is None else begun
        begun = None
        yield block
        at += len(block)
        if len(block) < asked:
            return


def _size(segment: Segment, at: int) -> int:
    return min(BLOCK_BYTES, max(0, segment.end - at) + SLACK_BYTES)


def _read(segment: Segment, ranges: Ranges, at: int) -> bytes:
    try:
        return ranges.read(segment, first=at, size=_size(segment, at))
    except ObjectChanged as error:
        raise InputFault(
            "input_changed", f"{url_of(segment)} was replaced while it was read; submit the job again"
        ) from error
    except ObjectMissing as error:
        why = (
            "is not there any more: the failed batches of the other job were removed"
            if segment.form is Form.BATCH
            else "is not there any more, or may not be read: its bucket must be among the API's input_buckets"
        )
        raise InputFault("input_missing", f"{url_of(segment)} {why}") from error
