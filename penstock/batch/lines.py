"""Lines of a part of a file, from its bytes as they come (J4).

A line belongs to the part in which it begins. So wherever a file is cut, each line is in exactly one
part: whoever reads a part passes over what began before it, and reads on behind it to finish its last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Longest item. What is longer is passed over without being held in memory.
MOST_ITEM_BYTES = 1 << 20

#: Behind a part's end, read with it: most lines end there.
SLACK_BYTES = 64 * 1024

# Lines of a few bytes take twenty times their size in memory while they are in a list.
_SPLIT_BYTES = 256 * 1024


class Line(NamedTuple):
    """One line. A named tuple, as millions are made a minute."""

    #: Offset of its first byte in the file.
    start: int
    #: Lines between the part's first and this one.
    number: int
    #: Its bytes without the newline; None if there are more than an item may have.
    data: bytes | None


def starts_at(first: int) -> int:
    """Where reading begins: the byte before tells whether a line begins with the part's first."""
    return max(0, first - 1)


def lines(blocks: Iterable[bytes], *, first: int, end: int | None = None) -> Iterator[Line]:
    """The lines that begin in ``first`` up to, not including, ``end`` (None for the end of the file).

    ``blocks`` begins at ``starts_at(first)``. No more of it is taken than is needed.
    """
    offset, start, number = starts_at(first), first, 0
    head = b""
    # Whether the line at hand is not to be had: it began before, or is too long.
    passing = first > 0
    for block in _pieces(blocks):
        fresh = block
        if passing:
            newline = block.find(b"\n")
            if newline < 0:
                offset += len(block)
                if end is not None and offset >= end:
                    return
                continue
            fresh, start, passing = block[newline + 1 :], offset + newline + 1, False
        if end is not None and start >= end:
            return
        *whole, rest = fresh.split(b"\n")
        for piece in whole:
            data = head + piece
            head = b""
            yield Line(start, number, data if len(data) <= MOST_ITEM_BYTES else None)
            start, number = start + len(data) + 1, number + 1
            if end is not None and start >= end:
                return
        head += rest
        offset += len(block)
        if len(head) > MOST_ITEM_BYTES:
            yield Line(start, number, None)
            head, number, passing = b"", number + 1, True
    if head:
        yield Line(start, number, head)


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), _SPLIT_BYTES):
            yield block[start : start + _SPLIT_BYTES]
