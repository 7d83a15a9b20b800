"""Where the files of a job lie: ``s3://bucket``, with an object's key or a prefix of keys behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.batch.globs import Filter

if TYPE_CHECKING:
    from penstock.batch.ports import FoundObject
    from penstock.batch.spec import Source

_PATH = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([^\x00-\x1f\x7f]*))?")
#: Longest key that S3 takes.
MOST_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class S3Path:
    """All objects of a bucket whose keys begin with the prefix, which may be a whole key."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return name_of(self.bucket, self.prefix)


def parse_path(text: str) -> S3Path | None:
    """From ``s3://bucket[/prefix]``; None if it is none."""
    match = _PATH.fullmatch(text)
    if match is None or len((match[2] or "").encode(errors="surrogatepass")) > MOST_KEY_BYTES:
        return None
    return S3Path(match[1], match[2] or "")


def paths_of(source: Source) -> list[S3Path]:
    """The paths of a source that was checked."""
    return [path for path in map(parse_path, source.s3_paths) if path is not None]


def name_of(bucket: str, key: str) -> str:
    """The name of an object, as patterns and containers see it."""
    return f"s3://{bucket}/{key}"


class Selection:
    """Which of the objects below its paths a source takes."""

    def __init__(self, source: Source) -> None:
        self._filter = Filter.of(source.includes, source.excludes)

    def takes(self, bucket: str, found: FoundObject) -> bool:
        """Whether it takes this object of a bucket.

        Consoles make empty ones whose keys end with a slash to show folders: those are none.
        """
        marks_folder = found.key.endswith("/") and found.size_bytes == 0
        return not marks_folder and self._filter.takes(name_of(bucket, found.key))
