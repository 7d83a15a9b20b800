"""A look at the sources of a job before it is accepted, of bounded length (J15)."""

from __future__ import annotations

from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from penstock.batch.errors import InputBucketForbidden, InputBucketMissing, NoFilesFound
from penstock.batch.ports import BucketForbidden, NoSuchBucket
from penstock.batch.sources import Selection, name_of, paths_of
from penstock.errors import Unavailable
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.batch.ports import FoundObject, InputListing
    from penstock.batch.sources import S3Path
    from penstock.batch.spec import Source
    from penstock.ports import Clock

#: Paths that are looked at at the same time.
AT_ONCE = 8

#: For all paths together, when a job is submitted: the rest of a submission must have its time, too.
SUBMIT_SECONDS = 5
#: For all paths together, when a caller only asks.
DRY_RUN_SECONDS = 15

#: Pages of a thousand keys for each path.
SUBMIT_PAGES = 1
DRY_RUN_PAGES = 100

#: Objects that are remembered of one path; the others are only counted.
MOST_REMEMBERED = 1000

_MOST_NAMED = 5


@dataclass(slots=True)
class Found:
    """The objects that a path, or all of them, select."""

    count: int = 0
    size_bytes: int = 0
    #: The first ones, with their buckets.
    objects: list[tuple[str, FoundObject]] = field(default_factory=list)
    #: Whether there can be no others.
    complete: bool = True

    def add(self, other: Found) -> None:
        """Count those of another path as well."""
        self.count += other.count
        self.size_bytes += other.size_bytes
        self.objects += other.objects[: MOST_REMEMBERED - len(self.objects)]
        self.complete &= other.complete

    @property
    def names(self) -> list[str]:
        """The names of those that are remembered."""
        return [name_of(bucket, one.key) for bucket, one in self.objects]


class Probe:
    """Looks at several paths at once."""

    def __init__(self, *, listing: InputListing, executor: Executor, clock: Clock) -> None:
        self._listing = listing
        self._executor = executor
        self._clock = clock

    def look(self, source: Source, *, seconds: float, pages: int) -> Found:
        """What there is, as far as it is found in time and within so many pages of each path.

        ``NoFilesFound`` if there is nothing; ``InputBucketMissing``, ``InputBucketForbidden``;
        ``Unavailable`` if S3 does not answer as it should.
        """
        until_ms = self._clock() + int(seconds * 1000)
        selection, paths = Selection(source), paths_of(source)
        looks = [self._executor.submit(self._one, path, selection, until_ms, pages) for path in paths]
        done, pending = wait(looks, timeout=seconds)
        for look in pending:
            look.cancel()
        found = Found(complete=not pending)
        for path, look in zip(paths, looks, strict=True):
            if look in done:
                try:
                    found.add(look.result())
                except NoSuchBucket as error:
                    raise InputBucketMissing(
                        f"There is no bucket {path.bucket}, which {path} names."
                    ) from error
                except BucketForbidden as error:
                    raise InputBucketForbidden(
                        f"Bucket {path.bucket} does not let Penstock list it. Its policy must allow"
                        " s3:ListBucket and s3:GetObject."
                    ) from error
                except DependencyError as error:
                    raise Unavailable(f"{path} could not be looked at just now. Try again.") from error
        if found.complete and not found.count:
            raise NoFilesFound(_nothing(paths, source))
        return found

    def _one(self, path: S3Path, selection: Selection, until_ms: int, pages: int) -> Found:
        found = Found()
        listed = self._listing.pages(path.bucket, path.prefix)
        for page in islice(listed, pages):
            for one in page:
                # Asked for each object: a pattern may take its time.
                if self._clock() > until_ms:
                    found.complete = False
                    return found
                if selection.takes(path.bucket, one):
                    found.count += 1
                    found.size_bytes += one.size_bytes
                    if len(found.objects) < MOST_REMEMBERED:
                        found.objects.append((path.bucket, one))
        found.complete = next(listed, None) is None
        return found


def _nothing(paths: Sequence[S3Path], source: Source) -> str:
    said = f"No object lies below {_some([str(path) for path in paths])}"
    patterns = [
        f"{name} {_some(listed)}"
        for name, listed in (("includes", source.includes), ("excludes", source.excludes))
        if listed
    ]
    return f"{said} that {' and '.join(patterns)} let through." if patterns else f"{said}."


def _some(listed: Sequence[str]) -> str:
    further = len(listed) - _MOST_NAMED
    named = ", ".join(one[:200] for one in listed[:_MOST_NAMED])
    return f"{named} and {further} more" if further > 0 else named
