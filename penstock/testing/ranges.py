"""Parts of objects of any bucket, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ports import ObjectChanged

if TYPE_CHECKING:
    from penstock.batch.chunks import Segment
    from penstock.testing.objects import MemoryObjects


class MemoryRanges:
    """The ``Ranges`` port over the bodies of ``MemoryObjects``; ``calls`` counts reads."""

    def __init__(self, objects: MemoryObjects, *, own_bucket: str) -> None:
        self._objects = objects
        self._own_bucket = own_bucket
        self.calls = 0

    def read(self, segment: Segment, *, first: int, size: int) -> bytes:
        """See ``Ranges.read``."""
        self.calls += 1
        foreign = None if segment.bucket == self._own_bucket else segment.bucket
        etag = self._objects.describe(segment.key, bucket=foreign).etag
        if segment.etag not in {"", etag}:
            raise ObjectChanged(segment.key)
        return self._objects.body(segment.key, bucket=foreign)[first : first + size]
