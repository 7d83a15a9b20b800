"""A page of an API's requests, jobs or deliveries, newest first, with a bounded amount of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from gateway_lambda import cursor
from penstock import keys
from penstock.errors import Unavailable
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock

_DAY_MS = 24 * 3600 * 1000

#: Days looked at for one page. With the default retention of a week, one call sees nearly everything.
MAX_DAYS = 8

#: Requests, jobs or deliveries looked at for one page: a filter may pass most of them over.
MAX_LOOKED_AT = 500

#: Records that are read at once, as many as DynamoDB takes.
_BATCH = 100

#: After this long a page is given out as it is.
_MAX_SECONDS = 10

#: The gateways' clocks may differ by this much, and requests be as much younger than now.
_CLOCK_MARGIN_MS = 60_000

#: SQS keeps a message for 14 days, and its last attempt takes less than one more: no request that
#: was made longer ago than this before its retention began can still be seen.
_LONGEST_LIFE_MS = 15 * _DAY_MS


class Listed(Protocol):
    """What a list is of: the record of a request or of a job, or a delivery."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def created_ms(self) -> int:
        """When it was made."""

    def retained(self, now_ms: int) -> bool:
        """Whether readers may still see it."""


K = TypeVar("K")
R = TypeVar("R", bound=Listed)
R_co = TypeVar("R_co", bound=Listed, covariant=True)
R_contra = TypeVar("R_contra", bound=Listed, contravariant=True)


class Shelf(Protocol[K, R_co]):
    """Where they are; see ``Directory``."""

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """See ``Directory.newest``."""

    def read(self, keys: Sequence[K]) -> Mapping[K, R_co]:
        """See ``Directory.read``."""


class Query(Protocol[R_contra]):
    """What a caller wants to see of them; see ``ListQuery``."""

    @property
    def created_after_ms(self) -> int | None:
        """The first moment that is listed."""

    @property
    def created_before_ms(self) -> int | None:
        """The first moment that is not listed any more."""

    @property
    def limit(self) -> int:
        """How many a page may have."""

    @property
    def below(self) -> str | None:
        """The position below which the list goes on."""

    @property
    def belongs_to(self) -> Sequence[str]:
        """What a cursor must belong to."""

    @property
    def selective(self) -> bool:
        """Whether it passes records over."""

    def wants(self, record: R_contra) -> bool:
        """Whether the filters let the record through."""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some records, and the cursor to go on with; None at the end of the list."""

    records: Sequence[R]
    next_cursor: str | None


def _longest_seen_ms(api: ApiEntry) -> int:
    return api.retention_seconds * 1000 + _LONGEST_LIFE_MS


class Listing(Generic[K, R]):
    """Reads pages; ``key`` makes the key of a record from the API's name and the id.

    ``seen_ms`` is the longest time after they were made that records can still be seen.
    """

    def __init__(
        self,
        shelf: Shelf[K, R],
        clock: Clock,
        *,
        key: Callable[..., K],
        seen_ms: Callable[[ApiEntry], int] = _longest_seen_ms,
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._key = key
        self._seen_ms = seen_ms

    def page(self, api: ApiEntry, query: Query[R]) -> Page[R]:
        """The next page; it may be short or empty, and still have a cursor, where little matches."""
        now_ms = self._clock()
        oldest_ms = max(0, now_ms - self._seen_ms(api))
        walk = _Walk(self._shelf, self._key, api, query, now_ms=now_ms, oldest_ms=oldest_ms)
        found: list[R] = []
        try:
            for record in walk.records():
                if record is not None:
                    found.append(record)
                tired = walk.looked_at >= MAX_LOOKED_AT or self._clock() > walk.now_ms + _MAX_SECONDS * 1000
                if len(found) == query.limit or tired or walk.days >= MAX_DAYS:
                    break
        except DependencyError as error:
            raise Unavailable("The list could not be read just now. Try again.") from error
        if walk.ended:
            return Page(found, None)
        return Page(found, cursor.encode(walk.below, belongs_to=query.belongs_to))


class _Walk(Generic[K, R]):
    """From newer to older positions, until none can be left."""

    def __init__(
        self,
        shelf: Shelf[K, R],
        key: Callable[..., K],
        api: ApiEntry,
        query: Query[R],
        *,
        now_ms: int,
        oldest_ms: int,
    ) -> None:
        self._shelf = shelf
        self._key = key
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
        self._floor = keys.position(min(top_ms, max(oldest_ms, query.created_after_ms or 0)))

    @property
    def ended(self) -> bool:
        """Whether nothing can be left."""
        return self.below <= self._floor

    def records(self) -> Iterator[R | None]:
        """Each record that matches; None for one that does not, and after each day."""
        while not self.ended:
            day_ms = _day_below(self.below)
            # A filter passes records over, so as many as possible are looked at for each call.
            limit = _BATCH if self._query.selective else self._query.limit
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
        found = self._shelf.newest(self._api.name, keys.day_of(day_ms), below=self.below, limit=limit)
        return [position for position in found if position >= self._floor]

    def _matching(self, positions: Sequence[str]) -> Iterator[R | None]:
        by_position = {
            position: self._key(api=self._api.name, id=keys.moment_of(position)[1]) for position in positions
        }
        records = self._shelf.read(list(by_position.values()))
        for position, key in by_position.items():
            self.below = position
            self.looked_at += 1
            record = records.get(key)
            yield record if record and self._matches(record, position) else None

    def _matches(self, record: R, position: str) -> bool:
        # The index may still have the place of a record that a new one under its key has replaced.
        in_its_place = keys.position(record.created_ms, record.id) == position
        return in_its_place and self._query.wants(record) and record.retained(self.now_ms)


def _day_below(position: str) -> int:
    """The beginning of the newest day that has positions below this one."""
    moment_ms, request_id = keys.moment_of(position)
    newest_ms = moment_ms if request_id else moment_ms - 1
    return newest_ms - newest_ms % _DAY_MS
