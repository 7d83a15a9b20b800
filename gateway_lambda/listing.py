"""A page of an API's requests, newest first, with a bounded amount of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_lambda import cursor
from penstock import keys
from penstock.errors import Unavailable
from penstock.ports import DependencyError
from penstock.records import RequestKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway_lambda.list_query import ListQuery
    from penstock.catalogue import ApiEntry
    from penstock.overview import Directory
    from penstock.ports import Clock
    from penstock.records import RequestRecord

_DAY_MS = 24 * 3600 * 1000

#: Days looked at for one page. With the default retention of a week, one call sees nearly everything.
MAX_DAYS = 8

#: Requests looked at for one page: a filter may pass most of them over.
MAX_LOOKED_AT = 500

#: Requests whose records are read at once, as many as DynamoDB takes.
_BATCH = 100

#: After this long a page is given out as it is.
_MAX_SECONDS = 10

#: The gateways' clocks may differ by this much, and requests be as much younger than now.
_CLOCK_MARGIN_MS = 60_000

#: SQS keeps a message for 14 days, and its last attempt takes less than one more: no request that
#: was made longer ago than this before its retention began can still be seen.
_LONGEST_LIFE_MS = 15 * _DAY_MS


@dataclass(frozen=True, slots=True)
class Page:
    """Some requests, and the cursor to go on with; None at the end of the list."""

    records: Sequence[RequestRecord]
    next_cursor: str | None


class Listing:
    """Reads pages from the directory."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def page(self, api: ApiEntry, query: ListQuery) -> Page:
        """The next page; it may be short or empty, and still have a cursor, where little matches."""
        walk = _Walk(self._directory, api, query, now_ms=self._clock())
        found: list[RequestRecord] = []
        try:
            for record in walk.records():
                if record is not None:
                    found.append(record)
                tired = walk.looked_at >= MAX_LOOKED_AT or self._clock() > walk.now_ms + _MAX_SECONDS * 1000
                if len(found) == query.limit or tired or walk.days >= MAX_DAYS:
                    break
        except DependencyError as error:
            raise Unavailable("The requests could not be listed just now. Try again.") from error
        if walk.ended:
            return Page(found, None)
        return Page(found, cursor.encode(walk.below, belongs_to=query.belongs_to))


class _Walk:
    """From newer to older positions, until none can be left."""

    def __init__(self, directory: Directory, api: ApiEntry, query: ListQuery, *, now_ms: int) -> None:
        self._directory = directory
        self._api = api
        self._query = query
        self.now_ms = now_ms
        # Moments are compared as text, so none may have more digits than now has.
        top_ms = now_ms + _CLOCK_MARGIN_MS
        if query.created_before_ms is not None:
            top_ms = min(top_ms, query.created_before_ms)
        bounds = [keys.position(top_ms), *([query.below] if query.below else [])]
        #: Everything from here up has been looked at.
        self.below = min(bounds)
        self.looked_at = 0
        self.days = 0
        oldest_ms = now_ms - api.retention_seconds * 1000 - _LONGEST_LIFE_MS
        self._floor = keys.position(min(top_ms, max(0, oldest_ms, query.created_after_ms or 0)))

    @property
    def ended(self) -> bool:
        """Whether nothing can be left."""
        return self.below <= self._floor

    def records(self) -> Iterator[RequestRecord | None]:
        """Each request that matches; None for one that does not, and after each day."""
        while not self.ended:
            day_ms = _day_below(self.below)
            # A filter passes requests over, so as many as possible are looked at for each call.
            limit = _BATCH if self._query.status else self._query.limit
            while True:
                positions = self._positions(day_ms, limit)
                yield from self._matching(positions)
                if len(positions) < limit:
                    break
            # The day is done. Its beginning is the place to go on from.
            self.below = keys.position(day_ms)
            self.days += 1
            yield None

    def _positions(self, day_ms: int, limit: int) -> Sequence[str]:
        found = self._directory.newest(self._api.name, keys.day_of(day_ms), below=self.below, limit=limit)
        return [position for position in found if position >= self._floor]

    def _matching(self, positions: Sequence[str]) -> Iterator[RequestRecord | None]:
        by_position = {position: self._key(position) for position in positions}
        records = self._directory.read(list(by_position.values()))
        for position, key in by_position.items():
            self.below = position
            self.looked_at += 1
            record = records.get(key)
            yield record if record and self._matches(record, position) else None

    def _key(self, position: str) -> RequestKey:
        return RequestKey(api=self._api.name, id=keys.moment_of(position)[1])

    def _matches(self, record: RequestRecord, position: str) -> bool:
        # The index may still have the place of a record that a new one under its key has replaced.
        in_its_place = keys.position(record.created_ms, record.id) == position
        return in_its_place and self._query.wants(record) and record.retained(self.now_ms)


def _day_below(position: str) -> int:
    """The beginning of the newest day that has positions below this one."""
    moment_ms, request_id = keys.moment_of(position)
    newest_ms = moment_ms if request_id else moment_ms - 1
    return newest_ms - newest_ms % _DAY_MS
