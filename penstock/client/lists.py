"""Lists: their queries, and their pages in a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, TypeVar

from penstock.client.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from penstock.batch.jobs import JobStatus
    from penstock.records import Status

T = TypeVar("T")


def over_pages(fetch: Callable[[str | None], tuple[Sequence[T], str | None]]) -> Iterator[T]:
    """All entries, from pages that are fetched on the way: each with the cursor of the one before it."""
    cursor = None
    while True:
        entries, cursor = fetch(cursor)
        yield from entries
        if cursor is None:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is listed; all of it if nothing is given."""

    status: Status | JobStatus | str | None = None
    #: The code that requests failed with; of dead letters only.
    error: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def query(self, *, limit: int | None, cursor: str | None) -> Sequence[tuple[str, str]]:
        """The parameters that are given, as text; raises InvalidInput for a time without an offset."""
        given = {
            "status": None if self.status is None else str(self.status),
            "error": self.error,
            "created_after": _text(self.created_after, name="created_after"),
            "created_before": _text(self.created_before, name="created_before"),
            "limit": None if limit is None else str(limit),
            "cursor": cursor,
        }
        return [(name, value) for name, value in given.items() if value is not None]


def _text(moment: datetime | None, *, name: str) -> str | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise InvalidInput(f"{name} has no time zone, so it names no moment.")
    return moment.astimezone(UTC).isoformat()
