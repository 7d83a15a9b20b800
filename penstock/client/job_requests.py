"""What a job is asked for, as typed arguments; a mapping with the same members does as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.batch.spec import OnBadItem, SourceKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    """Items that are sent along: any values that JSON has."""

    items: Sequence[Any] = field(repr=False)
    #: Items in a batch.
    batch_size: int

    def document(self) -> dict[str, Any]:
        """The member of the submission."""
        members = {"items": list(self.items), "batch_size": self.batch_size}
        return {SourceKind.ITEM_LIST.value: members}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """Objects in S3, of buckets among the API's ``input_buckets``."""

    #: ``s3://bucket/prefix``: all objects whose keys begin so, or one object.
    s3_paths: Sequence[str]
    #: Items in a batch.
    batch_size: int
    #: Globs of whole paths: one of them must match, if there are any.
    includes: Sequence[str] = ()
    #: None of these may match.
    excludes: Sequence[str] = ()

    def members(self) -> dict[str, Any]:
        """What both sources of this kind say."""
        return {
            "s3_paths": list(self.s3_paths),
            "includes": list(self.includes),
            "excludes": list(self.excludes),
            "batch_size": self.batch_size,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePathLister(_Objects):
    """Each object's path is an item."""

    def document(self) -> dict[str, Any]:
        """The member of the submission."""
        return {SourceKind.FILE_PATH_LISTER.value: self.members()}


@dataclass(frozen=True, slots=True, kw_only=True)
class DelimitedFiles(_Objects):
    """Each line of each object is an item: newline-delimited JSON, or CSV with a header; also gzipped."""

    on_bad_item: OnBadItem = OnBadItem.FAIL

    def document(self) -> dict[str, Any]:
        """The member of the submission."""
        return {SourceKind.DELIMITED_FILES.value: self.members() | {"on_bad_item": self.on_bad_item.value}}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A job to submit."""

    source: ItemList | FilePathLister | DelimitedFiles
    workers: int
    #: Counted from the submission; None for no limit.
    timeout_seconds: int | None = None
    #: For the container; anything that JSON has.
    config: Mapping[str, Any] | None = None
    #: Whether the container's answers are kept.
    results: bool = False

    def document(self) -> dict[str, Any]:
        """The submission."""
        given = {
            "workers": self.workers,
            "timeout": self.timeout_seconds,
            "config": None if self.config is None else dict(self.config),
            "results": self.results or None,
        }
        return {name: value for name, value in given.items() if value is not None} | self.source.document()
