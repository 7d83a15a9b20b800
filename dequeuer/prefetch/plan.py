"""What is to be downloaded, to which files, in which pieces: the decisions alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dequeuer.prefetch.faults import Missing, Unusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Large enough that a request's own time does not count, small enough that a model of a few gigabytes
#: occupies all streams to its end.
RANGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One source: an object, or all below a prefix, which ends with a slash or is empty."""

    bucket: str
    key: str
    #: Where it goes in the shared folder; with a slash at its end a folder.
    path: str

    @property
    def is_prefix(self) -> bool:
        """Whether it stands for all objects below it."""
        return not self.key or self.key.endswith("/")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class WantedList:
    """All of them."""

    entries: tuple[Wanted, ...]

    @classmethod
    def parse(cls, text: str) -> WantedList:
        """Read a JSON list; ``ValueError`` says what is wrong."""
        try:
            return cls(tuple(Wanted(**entry) for entry in json.loads(text)))
        except TypeError as error:
            raise ValueError(f"not a list of sources ({error})") from error


@dataclass(frozen=True, slots=True)
class Found:
    """An object as a listing has it."""

    key: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to be, and the version of the object that it is made from."""

    path: PurePosixPath
    bucket: str
    key: str
    size_bytes: int
    etag: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def files(wanted: Wanted, found: Iterable[Found]) -> list[File]:
    """The files for one source, out of all objects whose keys begin with its own.

    ``Missing`` if there is none, ``Unusable`` if a key cannot be a path.
    """
    if not wanted.is_prefix:
        return [_only(wanted, list(found))]
    listed = [
        _file(wanted, each, f"{wanted.path.removesuffix('/')}/{each.key.removeprefix(wanted.key)}")
        for each in found
        # What the S3 console makes to show a folder.
        if not each.key.endswith("/")
    ]
    if not listed:
        raise Missing(f"there is no object below {wanted}: check the bucket, and pod.prefetch")
    return listed


def _only(wanted: Wanted, found: list[Found]) -> File:
    for each in found:
        if each.key == wanted.key:
            name = wanted.key.rpartition("/")[2] if wanted.path.endswith("/") else ""
            return _file(wanted, each, wanted.path + name)
    if any(each.key.startswith(f"{wanted.key}/") for each in found):
        raise Missing(f"there is no object {wanted}, but there are some below {wanted}/: add the slash")
    raise Missing(f"there is no object {wanted}: check the key, and pod.prefetch")


def _file(wanted: Wanted, found: Found, path: str) -> File:
    parts = path.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in path:
        raise Unusable(f"the key {found.key!r} of bucket {wanted.bucket} cannot be the path of a file")
    return File(
        path=PurePosixPath(*parts),
        bucket=wanted.bucket,
        key=found.key,
        size_bytes=found.size_bytes,
        etag=found.etag,
    )


def apart(planned: Iterable[File]) -> list[File]:
    """The files, if no two of them get into each other's way; ``Unusable``."""
    listed = list(planned)
    by_path: dict[PurePosixPath, File] = {}
    for file in listed:
        if (other := by_path.setdefault(file.path, file)) is not file:
            raise Unusable(f"{other} and {file} would be the same file, {file.path}")
    for file in listed:
        for parent in file.path.parents:
            if parent in by_path:
                raise Unusable(f"{by_path[parent]} would be a file where {file} needs a folder, {parent}")
    return listed


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file: ``first`` to ``last``, both included."""

    file: File
    first: int
    last: int


def ranges(file: File) -> Iterator[Range]:
    """The parts, which cover each byte once; none of an empty file."""
    for first in range(0, file.size_bytes, RANGE_BYTES):
        yield Range(file, first, min(first + RANGE_BYTES, file.size_bytes) - 1)
