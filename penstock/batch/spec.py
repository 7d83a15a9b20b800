"""What was asked for: a submission, checked, as it lies in S3 and in ``job.json`` beside the container."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class SourceKind(StrEnum):
    """Where a job's items come from; the first three are named as in a submission."""

    ITEM_LIST = "item_list"
    FILE_PATH_LISTER = "file_path_lister"
    DELIMITED_FILES = "delimited_files"
    #: The failed batches of another job (J14).
    RETRY = "retry"


class OnBadItem(StrEnum):
    """What a line that is no item does to its job."""

    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterQueue:
    """The caller's own queue for batches that failed for good."""

    arn: str
    #: Attempts before a batch counts as failed; Cortex's name for it.
    max_receive_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the items come from. Items of a list are beside it, at ``keys.job_items``, a line each."""

    kind: SourceKind
    #: Items in a batch; 0 for a retry, whose batches are as they were.
    batch_size: int
    #: Items of a list.
    items: int = 0
    s3_paths: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    on_bad_item: OnBadItem = OnBadItem.FAIL
    #: Id of the job whose failed batches are run again.
    retry_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A submission. ``config`` is the caller's own, for the container."""

    workers: int
    source: Source
    timeout_seconds: int | None = None
    config: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    dead_letter_queue: DeadLetterQueue | None = None
    results: bool = False

    def to_json(self) -> str:
        """JSON text."""
        # The config apart: a read-only mapping cannot be copied, and it is the caller's own.
        return json.dumps(asdict(replace(self, config={})) | {"config": dict(self.config)})

    @classmethod
    def from_json(cls, text: str | bytes) -> JobSpec:
        """Read what ``to_json`` wrote."""
        fields = json.loads(text)
        source, queue = fields.pop("source"), fields.pop("dead_letter_queue")
        return cls(
            **fields,
            source=_source(source),
            dead_letter_queue=DeadLetterQueue(**queue) if queue else None,
        )


def _source(fields: dict[str, Any]) -> Source:
    members: dict[str, Any] = fields | {
        name: tuple(fields[name]) for name in ("s3_paths", "includes", "excludes")
    }
    members["kind"], members["on_bad_item"] = SourceKind(fields["kind"]), OnBadItem(fields["on_bad_item"])
    return Source(**members)
