"""Rows of a CSV file as items: JSON objects of strings, named by the header."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, NamedTuple

from penstock.batch.items import InputFault, NoItem, too_large
from penstock.batch.lines import MOST_ITEM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from penstock.batch.lines import Line

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Row(NamedTuple):
    """One row."""

    #: Line of the file in which it begins, from 1.
    line: int
    #: Offset of its first byte in the file.
    start: int
    #: The item as JSON, or why it is none.
    item: str | NoItem


def rows(lines: Iterable[Line], *, url: str) -> Iterator[Row]:
    """The rows behind the header; ``InputFault`` if the header is not usable, naming the file."""
    # The module's own limit is lower than ours, and one for the whole process.
    csv.field_size_limit(2 * MOST_ITEM_BYTES)
    feed = _Feed(iter(lines))
    # Strict: a stray quote is told, instead of being taken for text with the rest of the file in it.
    reader = csv.reader(feed, strict=True)
    header: Sequence[str] | None = None
    while True:
        feed.begin()
        try:
            fields = next(reader)
            if header is None:
                header = _header(fields, url)
                continue
            if not fields:
                continue
            found: str | NoItem = _item(header, fields)
        except StopIteration:
            return
        except csv.Error as error:
            found = NoItem(f"is not CSV: {error}")
        except NoItem as error:
            found = error
        if header is None:
            raise InputFault("invalid_file", f"{url}: the header is not usable: it {found}")
        yield Row(feed.line, feed.start, found)


class _Feed:
    """Lines for the reader, as many as one row may have.

    Not a generator: the reader goes on with the next line after an error.
    """

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._taken = 0
        #: Where the row at hand begins.
        self.line = 1
        self.start = 0
        self._begun = False

    def begin(self) -> None:
        """The next line begins a row."""
        self._taken, self._begun = 0, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if not self._begun:
            self.line, self.start, self._begun = line.number + 1, line.start, True
        self._taken += MOST_ITEM_BYTES + 1 if line.data is None else len(line.data)
        if line.data is None or self._taken > MOST_ITEM_BYTES:
            raise too_large()
        try:
            return line.data.decode() + "\n"
        except UnicodeDecodeError as error:
            raise NoItem(f"is not UTF-8: {error.reason} in line {line.number + 1}") from error


def _header(fields: Sequence[str], url: str) -> Sequence[str]:
    if not fields:
        raise InputFault("invalid_file", f"{url}: the first line must be the header, and is empty")
    if len(set(fields)) < len(fields):
        double = next(field for field in fields if fields.count(field) > 1)
        raise InputFault("invalid_file", f"{url}: the header has two columns {double[:64]!r}")
    return tuple(fields)


def _item(header: Sequence[str], fields: Sequence[str]) -> str:
    if len(fields) != len(header):
        raise NoItem(f"has {len(fields)} fields, and the header {len(header)}")
    text = _encode(dict(zip(header, fields, strict=True)))
    # A character has up to four bytes.
    if len(text) * 4 > MOST_ITEM_BYTES and len(text.encode()) > MOST_ITEM_BYTES:
        raise too_large()
    return text
