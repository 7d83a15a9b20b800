"""The Range header (RFC 9110, section 14), as far as results are given in parts: one range of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.errors import RangeNotSatisfiable

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``first`` to ``last``, both included, of so many."""

    first: int
    last: int
    size_bytes: int

    @property
    def length_bytes(self) -> int:
        """How many bytes these are."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """The value of Content-Range."""
        return f"bytes {self.first}-{self.last}/{self.size_bytes}"


def wanted(headers: Mapping[str, str], *, size_bytes: int) -> Span | None:
    """The part that is asked for; None means the whole.

    Several ranges, other units and malformed text mean the whole as well, as the RFC allows, and so
    does If-Range: results have no validator of ours. ``RangeNotSatisfiable`` if the part is empty.
    """
    match = _RANGE.fullmatch("".join(headers.get("range", "").split()).lower())
    if match is None or "if-range" in headers or not any(match.groups()):
        return None
    first_text, last_text = match.groups()
    if not first_text:
        first, last = max(0, size_bytes - int(last_text)), size_bytes - 1
    else:
        first, last = int(first_text), min(int(last_text or size_bytes), size_bytes - 1)
        if last_text and int(last_text) < first:
            return None
    if first > last:
        raise RangeNotSatisfiable(size_bytes)
    return Span(first, last, size_bytes)
