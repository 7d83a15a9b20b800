"""The query of a list request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from gateway_lambda import cursor
from penstock.errors import InvalidQuery
from penstock.outcomes import FAILURE_CODES
from penstock.records import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.records import RequestRecord

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

PARAMETERS = ("status", "created_after", "created_before", "limit", "cursor")
#: Of a list of dead letters, which have failed all.
DEAD_LETTER_PARAMETERS = ("error", "created_after", "created_before", "limit", "cursor")

#: RFC 3339. Python's own parser takes more, such as weeks, and would guess at days without a time.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: An offset whose plus sign was not escaped reaches us as a space.
_LOST_PLUS = re.compile(r" (\d\d:\d\d)$", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a caller wants to see of an API's requests."""

    status: Status | None = None
    #: Only requests that failed with this code.
    error: str | None = None
    #: The first moment that is listed.
    created_after_ms: int | None = None
    #: The first moment that is not listed any more.
    created_before_ms: int | None = None
    limit: int = DEFAULT_LIMIT
    #: The position below which the list goes on; None for its first page.
    below: str | None = None
    #: What a cursor must belong to.
    belongs_to: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, *, api: str) -> ListQuery:
        """Read a URL's query; ``InvalidQuery`` or ``InvalidCursor`` for one that cannot be followed."""
        given = single_values(text, PARAMETERS)
        return cls._of(given, api=api, status=_status(given.get("status")), error=None)

    @classmethod
    def parse_dead_letters(cls, text: str, *, api: str) -> ListQuery:
        """Read the query of a list of dead letters; errors as ``parse``."""
        return cls.of_dead_letters(single_values(text, DEAD_LETTER_PARAMETERS), api=api)

    @classmethod
    def of_dead_letters(cls, given: Mapping[str, str], *, api: str) -> ListQuery:
        """Read the parameters of a list of dead letters; errors as ``parse``."""
        return cls._of(given, api=api, status=Status.FAILED, error=_error(given.get("error")))

    @property
    def selective(self) -> bool:
        """Whether it passes requests over."""
        return self.status is not None

    def wants(self, record: RequestRecord) -> bool:
        """Whether the filters let the record through; the times are for the list to look after."""
        if self.error is not None and (record.failure is None or record.failure.code != self.error):
            return False
        return self.status is None or record.status is self.status

    @classmethod
    def _of(
        cls, given: Mapping[str, str], *, api: str, status: Status | None, error: str | None
    ) -> ListQuery:
        after_ms, before_ms = (moment(given, name) for name in ("created_after", "created_before"))
        belongs_to = (api, status or "", str(after_ms), str(before_ms), error or "")
        return cls(
            status=status,
            error=error,
            created_after_ms=after_ms,
            created_before_ms=before_ms,
            limit=read_limit(given.get("limit", str(DEFAULT_LIMIT))),
            below=cursor.decode(given["cursor"], belongs_to=belongs_to) if "cursor" in given else None,
            belongs_to=belongs_to,
        )


def single_values(text: str, parameters: Sequence[str]) -> Mapping[str, str]:
    """The values of a query's parameters; ``InvalidQuery`` for an unknown one, and for one given twice."""
    given = parse_qs(text, keep_blank_values=True)
    for name, values in given.items():
        if name not in parameters:
            # A misspelt filter that is passed over would list what nobody asked for.
            raise InvalidQuery(f"There is no parameter {name[:64]!r}. Known: {', '.join(parameters)}.")
        if len(values) > 1:
            raise InvalidQuery(f"{name} is given {len(values)} times; it takes one value.")
    return {name: values[0] for name, values in given.items()}


def _status(text: str | None) -> Status | None:
    if text is None:
        return None
    try:
        return Status(text)
    except ValueError as error:
        raise InvalidQuery(f"There is no status {text[:64]!r}. Known: {', '.join(Status)}.") from error


def _error(text: str | None) -> str | None:
    if text is not None and text not in FAILURE_CODES:
        known = ", ".join(sorted(FAILURE_CODES))
        raise InvalidQuery(f"No request fails with {text[:64]!r}. Known: {known}.")
    return text


def read_limit(text: str) -> int:
    """How many entries a page may have; ``InvalidQuery``."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise InvalidQuery(f"limit takes a whole number, 1 to {MAX_LIMIT}.")
    return int(text)


def moment(given: Mapping[str, str], name: str) -> int | None:
    """The time of a parameter, in milliseconds; None if it is not given. ``InvalidQuery``."""
    if name not in given:
        return None
    text = _LOST_PLUS.sub(r"+\1", given[name])
    unusable = InvalidQuery(
        f"{name} takes a time with its offset (RFC 3339), for example 2026-10-01T12:00:00Z."
    )
    if not _MOMENT.fullmatch(text):
        raise unusable
    try:
        read = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise unusable from error
    return max(0, (read - _EPOCH) // timedelta(milliseconds=1))
