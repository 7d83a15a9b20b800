"""Bounded work on many dead letters, and how far it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway_lambda import cursor
from penstock import keys
from penstock.errors import NotDeadLetter, PenstockError, Unavailable, UnknownRequest
from penstock.ids import is_request_id
from penstock.ports import DependencyError
from penstock.records import RequestKey, RequestRecord, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from gateway_lambda.listing import Listing
    from gateway_lambda.selection import Selection
    from penstock.catalogue import ApiEntry
    from penstock.overview import Directory
    from penstock.ports import Clock

T = TypeVar("T")

#: Dead letters worked on at the same time.
AT_ONCE = 8

#: Payloads copied at the same time, together; no more than one request may have.
MAX_BYTES_AT_ONCE = 5_000_000_000

#: After this long no more work is begun. What runs by then, a copy of 5 GB at worst, must still end
#: before API Gateway gives up.
MAX_SECONDS = 6


@dataclass(slots=True)
class Done(Generic[T]):
    """What became of the dead letters, one by one, and where to go on."""

    results: list[tuple[str, T]] = field(default_factory=list)
    failures: list[tuple[str, PenstockError]] = field(default_factory=list)
    #: Ids that were named, and that there was no time for.
    not_tried: list[str] = field(default_factory=list)
    next_cursor: str | None = None


class Bulk:
    """Does one piece of work to each selected dead letter, several at a time."""

    def __init__(
        self,
        *,
        directory: Directory,
        listing: Listing[RequestKey, RequestRecord],
        executor: Executor,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._listing = listing
        self._executor = executor
        self._clock = clock

    def each(self, api: ApiEntry, selection: Selection, work: Callable[[RequestRecord], T]) -> Done[T]:
        """Work through the ids, or one page of the list; newest first.

        An error of the ``PenstockError`` tree is that dead letter's own, and the others go on.
        ``Unavailable`` if the records could not be read at all.
        """
        until_ms = self._clock() + MAX_SECONDS * 1000
        done: Done[T] = Done()
        if selection.query is None:
            named = self._named(api, selection.ids, done)
            worked = self._work_through(named, work, done, until_ms)
            done.not_tried = [record.id for record in named[worked:]]
            return done
        page = self._listing.page(api, selection.query)
        worked = self._work_through(page.records, work, done, until_ms)
        done.next_cursor = page.next_cursor
        if worked < len(page.records):
            last = page.records[worked - 1]
            position = keys.position(last.created_ms, last.id)
            done.next_cursor = cursor.encode(position, belongs_to=selection.query.belongs_to)
        return done

    def _named(self, api: ApiEntry, ids: Sequence[str], done: Done[T]) -> Sequence[RequestRecord]:
        wanted = {one: RequestKey(api=api.name, id=one) for one in ids}
        try:
            found = self._directory.read([key for one, key in wanted.items() if is_request_id(one)])
        except DependencyError as error:
            raise Unavailable("The requests could not be read just now. Try again.") from error
        dead = []
        for one, key in wanted.items():
            record = found.get(key)
            if record is None or not record.retained(self._clock()):
                done.failures.append((one, UnknownRequest()))
            elif record.status is not Status.FAILED:
                done.failures.append((one, not_dead(record)))
            else:
                dead.append(record)
        return dead

    def _work_through(
        self,
        records: Sequence[RequestRecord],
        work: Callable[[RequestRecord], T],
        done: Done[T],
        until_ms: int,
    ) -> int:
        """How many of them, in order, there was time for: one batch at least, or no call would get on."""

        def outcome(record: RequestRecord) -> T | PenstockError:
            try:
                return work(record)
            except PenstockError as error:
                return error

        worked = 0
        for batch in _batches(records):
            if worked and self._clock() >= until_ms:
                break
            for record, result in zip(batch, self._executor.map(outcome, batch), strict=True):
                if isinstance(result, PenstockError):
                    done.failures.append((record.id, result))
                else:
                    done.results.append((record.id, result))
            worked += len(batch)
        return worked


def not_dead(record: RequestRecord) -> NotDeadLetter:
    """What is told of a request that did not fail."""
    return NotDeadLetter(f"The request is {record.status}: only one that failed is a dead letter.")


def _batches(records: Sequence[RequestRecord]) -> Iterator[Sequence[RequestRecord]]:
    batch: list[RequestRecord] = []
    for record in records:
        size_bytes = sum(one.payload.size_bytes for one in (*batch, record))
        if batch and (len(batch) == AT_ONCE or size_bytes > MAX_BYTES_AT_ONCE):
            yield batch
            batch = []
        batch.append(record)
    if batch:
        yield batch
