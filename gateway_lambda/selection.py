"""Which dead letters a redrive or a purge is about, as its body says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway_lambda.list_query import MAX_LIMIT, ListQuery
from penstock.errors import InvalidSelection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.catalogue import ApiEntry

#: Dead letters that one call works on at the most, as many as a page has.
MAX_IDS = MAX_LIMIT

_WAYS = ("ids", "filter", "all")
_FILTERS = ("error", "created_after", "created_before")
_EXAMPLE = '{"ids": ["…"]}, {"filter": {"error": "timeout"}} or {"all": true}'


@dataclass(frozen=True, slots=True)
class Selection:
    """One of both: ids, or the filters of a list and where it goes on."""

    ids: Sequence[str] = ()
    query: ListQuery | None = None
    #: What the caller repeats to confirm that it means it.
    confirm: object = None


def read_selection(body: bytes, api: ApiEntry) -> Selection:
    """Read a body; ``InvalidSelection``, or for filters and cursor the errors of a list."""
    members = _members(body)
    match [way for way in _WAYS if way in members]:
        case ["ids"]:
            chosen = Selection(ids=_ids(members), confirm=members.get("confirm"))
        case ["filter"]:
            chosen = Selection(query=_query(members["filter"], members, api), confirm=members.get("confirm"))
        case ["all"] if members["all"] is True:
            chosen = Selection(query=_query({}, members, api), confirm=members.get("confirm"))
        case _:
            raise InvalidSelection(f"The body must say which dead letters: {_EXAMPLE}.")
    return chosen


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidSelection(f"The body must be a JSON object: {_EXAMPLE}.") from error
    if not isinstance(members, dict):
        raise InvalidSelection(f"The body must be a JSON object: {_EXAMPLE}.")
    known = (*_WAYS, "cursor", "confirm")
    if unknown := sorted(members.keys() - set(known)):
        raise InvalidSelection(f"Unknown member {unknown[0][:64]!r}. Known: {', '.join(known)}.")
    return members


def _ids(members: Mapping[str, Any]) -> Sequence[str]:
    ids = members["ids"]
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise InvalidSelection("ids must be a list of requests' ids.")
    if not 1 <= len(ids) <= MAX_IDS:
        raise InvalidSelection(f"ids takes 1 to {MAX_IDS} ids in one call.")
    if "cursor" in members:
        raise InvalidSelection("cursor goes with filter or all.")
    return list(dict.fromkeys(ids))


def _query(filters: object, members: Mapping[str, Any], api: ApiEntry) -> ListQuery:
    if not isinstance(filters, dict) or not all(isinstance(value, str) for value in filters.values()):
        raise InvalidSelection(f"filter must be an object of text: {', '.join(_FILTERS)}.")
    if unknown := sorted(filters.keys() - set(_FILTERS)):
        # A misspelt filter that is passed over would work on what nobody meant.
        raise InvalidSelection(f"Unknown filter {unknown[0][:64]!r}. Known: {', '.join(_FILTERS)}.")
    cursor = members.get("cursor")
    if not isinstance(cursor, str | None):
        raise InvalidSelection("cursor must be the text that the call before answered.")
    given = {**filters, "limit": str(MAX_LIMIT)} | ({} if cursor is None else {"cursor": cursor})
    return ListQuery.of_dead_letters(given, api=api.name)
