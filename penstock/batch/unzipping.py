"""Bytes of a gzip file as they come, however large: in and out in bounded pieces."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Given out at once: a few bytes may stand for gigabytes.
_OUT_BYTES = 256 * 1024
#: Taken in at once: what is behind a member is copied at its end, and members may be tiny.
_IN_BYTES = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16


class BadGzip(ValueError):
    """The bytes are not gzip, or end early; the text completes "the file"."""


def unzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """What the blocks hold; of several members, one behind the other. ``BadGzip`` where it is met."""
    member, members, within = zlib.decompressobj(_GZIP), 0, False
    for block in _pieces(blocks):
        left = block
        while left:
            if members and not within:
                # Zeros between members and behind the last are padding.
                left = left.lstrip(b"\0")
                if not left:
                    break
            within = True
            try:
                piece = member.decompress(left, _OUT_BYTES)
            except zlib.error as error:
                raise BadGzip(f"is not valid gzip: {error}") from error
            if piece:
                yield piece
            left = member.unconsumed_tail
            if member.eof:
                left = member.unused_data
                member, members, within = zlib.decompressobj(_GZIP), members + 1, False
    if within or not members:
        raise BadGzip("is no whole gzip file: it ends early")


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), _IN_BYTES):
            yield block[start : start + _IN_BYTES]
