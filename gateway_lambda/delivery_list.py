"""A page of an API's deliveries, newest first, with a bounded amount of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_lambda import cursor
from penstock import keys
from penstock.webhooks.deliveries import RETENTION_SECONDS, DeliveryKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway_lambda.delivery_query import DeliveryQuery
    from penstock.webhooks.deliveries import Delivery
    from penstock.webhooks.ports import Deliveries

_DAY_MS = 24 * 3600 * 1000

#: For one page: days and deliveries that are looked at.
MAX_DAYS = 8
MAX_LOOKED_AT = 500

_BATCH = 100
_CLOCK_MARGIN_MS = 60_000

#: A replay keeps a delivery for as long again, and its place in the list stays where it was.
_OLDEST_MS = 3 * RETENTION_SECONDS * 1000


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, and the cursor to go on with; None at the end of the list."""

    deliveries: Sequence[Delivery]
    next_cursor: str | None


def page(deliveries: Deliveries, api: str, query: DeliveryQuery, *, now_ms: int) -> DeliveryPage:
    """The next page; it may be short or empty, and still have a cursor, where little matches."""
    found: list[Delivery] = []
    below = query.below or keys.position(now_ms + _CLOCK_MARGIN_MS)
    floor = keys.position(max(0, now_ms - _OLDEST_MS))
    looked_at = days = 0
    while below > floor and days < MAX_DAYS and looked_at < MAX_LOOKED_AT:
        positions = deliveries.newest(api, _day_of(below), below=below, limit=_BATCH)
        for position, delivery in _read(deliveries, positions):
            below = position
            looked_at += 1
            if query.state is None or delivery.state is query.state:
                found.append(delivery)
            if len(found) == query.limit:
                return DeliveryPage(found, cursor.encode(below, belongs_to=query.belongs_to))
        if len(positions) < _BATCH:
            below = keys.position(_start_of_day(below))
            days += 1
    ended = below <= floor
    return DeliveryPage(found, None if ended else cursor.encode(below, belongs_to=query.belongs_to))


def _read(deliveries: Deliveries, positions: Sequence[str]) -> Iterator[tuple[str, Delivery]]:
    named = ((position, DeliveryKey.parse(keys.moment_of(position)[1])) for position in positions)
    by_position = {position: key for position, key in named if key is not None}
    found = deliveries.read(list(by_position.values()))
    # The index may still have what has just gone.
    return ((position, found[key]) for position, key in by_position.items() if key in found)


def _start_of_day(below: str) -> int:
    """The beginning of the newest day that has positions below this one."""
    moment_ms, name = keys.moment_of(below)
    newest_ms = moment_ms if name else moment_ms - 1
    return newest_ms - newest_ms % _DAY_MS


def _day_of(below: str) -> str:
    return keys.day_of(_start_of_day(below))
