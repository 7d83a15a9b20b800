"""The chunks of each kind of source, written one after the other (J3, J4, J14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import objects
from penstock.batch.batching import MOST_BODY_BYTES
from penstock.batch.chunks import Chunk, Form, Segment
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobKey
from penstock.batch.planning import InputFile, Packer, PathPacker, cuts
from penstock.batch.ports import BucketForbidden, NoSuchBucket
from penstock.batch.progress import Progress
from penstock.batch.sources import Selection, name_of, paths_of
from penstock.batch.spec import SourceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from penstock.batch.ports import FoundObject, InputListing, JobParts
    from penstock.batch.spec import Source
    from penstock.ports import Objects

#: Failed batches of the old job that are read at once.
_PAGE = 100


class Chunker:
    """Makes the chunks of one job."""

    def __init__(
        self,
        key: JobKey,
        source: Source,
        *,
        bodies: Objects,
        listing: InputListing,
        parts: JobParts,
        own_bucket: str,
        executor: Executor,
    ) -> None:
        self._key = key
        self._source = source
        self._bodies = bodies
        self._listing = listing
        self._parts = parts
        self._own_bucket = own_bucket
        self._executor = executor

    def go_on(self, begun: Progress) -> Iterator[Progress]:
        """Write chunks from there on; each progress is one from which another can go on.

        ``InputFault`` if the source cannot be read.
        """
        kinds: dict[SourceKind, Callable[[Progress], Iterator[Progress]]] = {
            SourceKind.ITEM_LIST: self._items,
            SourceKind.FILE_PATH_LISTER: self._paths,
            SourceKind.DELIMITED_FILES: self._files,
            SourceKind.RETRY: self._failed,
        }
        return kinds[self._source.kind](begun)

    def _items(self, _begun: Progress) -> Iterator[Progress]:
        lines = self._bodies.read(self._object(objects.ITEMS)).splitlines(keepends=True)
        borders = list(cuts([len(line) for line in lines], batch_size=self._source.batch_size))
        self._write(
            Chunk(index=index, segments=(self._own(objects.ITEMS, Form.LINES, first=first, end=end),))
            for index, (first, end) in enumerate(borders)
        )
        yield Progress(chunk=len(borders), complete=True)

    def _paths(self, begun: Progress) -> Iterator[Progress]:
        packer = PathPacker(batch_size=self._source.batch_size, index=begun.chunk, lines=begun.lines)
        for path, bucket, after, found in self._pages(begun):
            for one in found:
                self._write(map(self._list, packer.add(name_of(bucket, one.key))))
            yield Progress(chunk=packer.index, lines=tuple(packer.lines), path=path, after=after)
        self._write(map(self._list, packer.rest()))
        yield Progress(chunk=packer.index, complete=True)

    def _files(self, begun: Progress) -> Iterator[Progress]:
        packer = Packer(index=begun.chunk, segments=begun.segments)

        def progress(path: int, after: str | None) -> Progress:
            return Progress(chunk=packer.index, segments=tuple(packer.segments), path=path, after=after)

        for path, bucket, last, found in self._pages(begun):
            for one in found:
                file = InputFile(bucket=bucket, key=one.key, etag=one.etag, size_bytes=one.size_bytes)
                if full := list(packer.add(file)):
                    self._write(full)
                    yield progress(path, one.key)
            yield progress(path, last)
        self._write(packer.rest())
        yield Progress(chunk=packer.index, complete=True)

    def _failed(self, begun: Progress) -> Iterator[Progress]:
        assert self._source.retry_of is not None
        old = JobKey(api=self._key.api, id=self._source.retry_of)
        packer, after = Packer(index=begun.chunk, segments=begun.segments), begun.after
        while found := self._parts.failed(old, after=after, limit=_PAGE):
            after = found[-1].id
            for batch in found:
                segment = Segment(
                    bucket=self._own_bucket,
                    key=batch.body_key,
                    etag="",
                    form=Form.BATCH,
                    first=0,
                    end=MOST_BODY_BYTES,
                    items=batch.items,
                )
                self._write(packer.put(segment))
            yield Progress(chunk=packer.index, segments=tuple(packer.segments), after=after)
        self._write(packer.rest())
        yield Progress(chunk=packer.index, complete=True)

    def _pages(self, begun: Progress) -> Iterator[tuple[int, str, str | None, Sequence[FoundObject]]]:
        """What is to be taken of each page, with its bucket, and where to go on: a path and a key in it."""
        selection, paths = Selection(self._source), paths_of(self._source)
        for number in range(begun.path, len(paths)):
            path, after = paths[number], begun.after if number == begun.path else None
            try:
                for page in self._listing.pages(path.bucket, path.prefix, after=after):
                    if page:
                        after = page[-1].key
                        taken = [one for one in page if selection.takes(path.bucket, one)]
                        yield number, path.bucket, after, taken
                yield number + 1, path.bucket, None, []
            except NoSuchBucket as error:
                raise InputFault("input_missing", f"{path}: there is no such bucket") from error
            except BucketForbidden as error:
                raise InputFault(
                    "input_forbidden",
                    f"{path}: the bucket may not be listed; it must be among the API's input_buckets, and "
                    "its own policy must let Penstock in",
                ) from error

    def _list(self, full: tuple[int, str]) -> Chunk:
        """Write a list of paths; the chunk that it is."""
        number, text = full
        name, data = objects.paths(number), text.encode()
        self._bodies.put(self._object(name), data, content_type="application/jsonl")
        return Chunk(index=number, segments=(self._own(name, Form.LINES, first=0, end=len(data)),))

    def _write(self, chunks: Iterable[Chunk]) -> None:
        for _ in self._executor.map(self._put, chunks):
            pass

    def _put(self, chunk: Chunk) -> None:
        self._bodies.put(
            self._object(objects.chunk(chunk.index)),
            chunk.to_json().encode(),
            content_type="application/json",
        )

    def _own(self, name: str, form: Form, *, first: int, end: int) -> Segment:
        return Segment(
            bucket=self._own_bucket, key=self._object(name), etag="", form=form, first=first, end=end
        )

    def _object(self, name: str) -> str:
        return keys.job_object(self._key, name)
