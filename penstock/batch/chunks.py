"""Chunks: what one call of the enqueuing function turns into batches (J3, J4).

A chunk is described by an object in S3, as Step Functions takes no state above 256 KiB.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Form(StrEnum):
    """How a segment's bytes are read."""

    #: A line of JSON for each item; may be cut at any byte, as lines are found again (J4).
    LINES = "lines"
    #: The same, compressed as a whole.
    LINES_GZIP = "lines_gzip"
    #: A header, and a row for each item.
    CSV = "csv"
    CSV_GZIP = "csv_gzip"
    #: A stored batch, which stays one.
    BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Bytes of one object: the items that begin in ``first`` up to, not including, ``end``."""

    bucket: str
    key: str
    #: What must not have changed since it was planned; empty for our own objects, which do not change.
    etag: str
    form: Form
    first: int
    end: int
    #: Of a stored batch: how many items it has.
    items: int = 0


def segment_of(fields: dict[str, Any]) -> Segment:
    """Of the members of its JSON."""
    return Segment(**fields | {"form": Form(fields["form"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some segments, whose items fill batches across their borders."""

    index: int
    segments: tuple[Segment, ...]

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Chunk:
        """Read what ``to_json`` wrote."""
        fields: dict[str, Any] = json.loads(text)
        return cls(index=fields["index"], segments=tuple(map(segment_of, fields["segments"])))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuedChunk:
    """A chunk whose batches are all in the queue."""

    index: int
    batches: int
    items: int
    #: Lines that were no items, and were passed over.
    skipped: int = 0
