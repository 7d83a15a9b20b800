"""Listings of the user's buckets, and the starting of jobs, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.batch.ports import BucketForbidden, FoundObject, NoSuchBucket
from penstock.testing.objects import etag_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.batch.jobs import JobKey
    from penstock.testing.objects import MemoryObjects

_PAGE = 1000


class MemoryInputListing:
    """The ``InputListing`` port over the foreign objects of ``MemoryObjects``.

    A bucket is there if it has objects, or is among ``empty``; nobody may list those in ``forbidden``.
    """

    def __init__(self, objects: MemoryObjects) -> None:
        self._objects = objects
        self.empty: set[str] = set()
        self.forbidden: set[str] = set()

    def pages(self, bucket: str, prefix: str, *, after: str | None = None) -> Iterator[Sequence[FoundObject]]:
        """See ``InputListing.pages``."""
        if bucket in self.forbidden:
            raise BucketForbidden(bucket)
        foreign = self._objects.foreign
        if bucket not in self.empty | {name for name, _ in foreign}:
            raise NoSuchBucket(bucket)
        found = [
            FoundObject(key, len(body), etag_of(body))
            for (name, key), body in sorted(foreign.items(), key=lambda entry: entry[0][1].encode())
            if name == bucket and key.startswith(prefix) and (after is None or key > after)
        ]
        for start in range(0, max(1, len(found)), _PAGE):
            yield found[start : start + _PAGE]


class MemoryExecutions:
    """The ``Executions`` port; ``started`` is open to tests that look."""

    def __init__(self) -> None:
        self.started: list[JobKey] = []

    def start(self, key: JobKey) -> None:
        """See ``Executions.start``."""
        if key not in self.started:
            self.started.append(key)
