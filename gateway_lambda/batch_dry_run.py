"""What a submission would work on, without making anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from itertools import accumulate
from typing import TYPE_CHECKING

from gateway_lambda import replies
from gateway_lambda.batch_probe import DRY_RUN_PAGES, DRY_RUN_SECONDS, Found
from penstock.batch.errors import InvalidSubmission
from penstock.batch.items import BadItem, InputFault
from penstock.batch.planning import InputFile, Packer
from penstock.batch.reading import items_of, located
from penstock.batch.spec import OnBadItem, SourceKind
from penstock.errors import Unavailable
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway_lambda.batch_probe import Probe
    from gateway_lambda.replies import Reply
    from penstock.batch.chunks import Chunk
    from penstock.batch.ports import Ranges
    from penstock.batch.spec import Source
    from penstock.batch.submission import Submission
    from penstock.ports import Clock

#: Files whose items are counted: so many, of so many bytes together, for so long. More would be the work
#: of the job itself.
MOST_FILES = 50
MOST_BYTES = 8 * 1024 * 1024
COUNT_SECONDS = 5

_PLAIN = "text/plain"

#: Of all names together, escaped for JSON: an answer that is larger reaches only clients that send Accept.
_MOST_NAME_BYTES = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What there is to work on."""

    #: Names of objects; not more than are remembered.
    files: Sequence[str]
    #: None if it takes more than a look to know.
    batches: int | None
    #: Whether there are more files than are named, or may be.
    truncated: bool

    def reply(self, headers: Mapping[str, str]) -> Reply:
        """As a document; as Cortex's text for those who accept nothing else."""
        if _wants_text(headers.get("accept", "")):
            return replies.Reply(
                HTTPStatus.OK, self._text().encode(), {"Content-Type": f"{_PLAIN}; charset=utf-8"}
            )
        return replies.document(
            {"files": list(self.files), "batch_count": self.batches, "truncated": self.truncated}
        )

    def _text(self) -> str:
        more = ["…"] if self.truncated else []
        return "".join(f"{line}\n" for line in (*self.files, *more, "validations passed"))


class DryRun:
    """Looks, and counts what can be counted while a caller waits."""

    def __init__(self, *, probe: Probe, ranges: Ranges, clock: Clock) -> None:
        self._probe = probe
        self._ranges = ranges
        self._clock = clock

    def forecast(self, submission: Submission) -> Forecast:
        """What the job would work on; errors as ``Probe.look``, and for a line that would fail the job."""
        source = submission.spec.source
        if source.kind is SourceKind.ITEM_LIST:
            return Forecast(files=(), batches=_batches(source.items, source), truncated=False)
        found = self._probe.look(source, seconds=DRY_RUN_SECONDS, pages=DRY_RUN_PAGES)
        named = _fitting(found.names)
        return Forecast(
            files=named,
            batches=self._count(source, found),
            truncated=not found.complete or found.count > len(named),
        )

    def _count(self, source: Source, found: Found) -> int | None:
        if not found.complete:
            return None
        if source.kind is SourceKind.FILE_PATH_LISTER:
            return _batches(found.count, source)
        if found.count > MOST_FILES or found.size_bytes > MOST_BYTES:
            return None
        until_ms = self._clock() + COUNT_SECONDS * 1000
        batches = 0
        try:
            # As the job itself does it: a batch never spans two chunks.
            for chunk in _chunks(found):
                items = self._items(chunk, source, until_ms)
                if items is None:
                    return None
                batches += _batches(items, source)
        except InputFault as error:
            raise InvalidSubmission(f"The job would fail: {error}.") from error
        except DependencyError as error:
            raise Unavailable("The files could not be read just now. Try again.") from error
        return batches

    def _items(self, chunk: Chunk, source: Source, until_ms: int) -> int | None:
        """How many items the chunk has; None if there was no time to count them."""
        count = 0
        for segment in chunk.segments:
            for item in items_of(segment, self._ranges):
                if self._clock() > until_ms:
                    return None
                if not isinstance(item, BadItem):
                    count += 1
                elif source.on_bad_item is OnBadItem.FAIL:
                    raise InputFault("bad_item", str(located(item, segment, self._ranges)))
        return count


def _chunks(found: Found) -> Iterator[Chunk]:
    packer = Packer()
    for bucket, one in found.objects:
        yield from packer.add(InputFile(bucket=bucket, key=one.key, etag=one.etag, size_bytes=one.size_bytes))
    yield from packer.rest()


def _fitting(names: Sequence[str]) -> list[str]:
    """The first of the names, as many as an answer holds."""
    sizes = accumulate(len(json.dumps(name)) + 2 for name in names)
    return [name for name, size in zip(names, sizes, strict=True) if size <= _MOST_NAME_BYTES]


def _batches(items: int, source: Source) -> int:
    return -(-items // source.batch_size)


def _wants_text(accept: str) -> bool:
    types = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return _PLAIN in types and "application/json" not in types
