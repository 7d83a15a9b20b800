"""Lists and single things: tables for people, the server's documents for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from penstock.cli.output import columns, document, emit, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penstock.cli.surroundings import Surroundings


class Documented(Protocol):
    """Something that the server said."""

    @property
    def document(self) -> Mapping[str, Any]:
        """As it came."""


D = TypeVar("D", bound=Documented)

#: The most that the server gives in one answer.
LARGEST_PAGE = 100


def print_list(
    surroundings: Surroundings,
    name: str,
    entries: Sequence[D],
    *,
    head: Sequence[str],
    row: Callable[[D], Sequence[str]],
    empty: str,
    as_json: bool,
) -> None:
    """A table, or one document with the member ``name``; beside an empty table, a word about it."""
    if as_json:
        content = {name: [entry.document for entry in entries]}
        emit(document(content, pretty=surroundings.stdout_is_terminal))
    elif entries:
        emit(columns([head, *map(row, entries)]))
    else:
        note(empty)


def print_one(
    surroundings: Surroundings, entry: Documented, rows: Iterable[tuple[str, str]], *, as_json: bool
) -> None:
    """Names and values below each other, or the document."""
    if as_json:
        emit(document(entry.document, pretty=surroundings.stdout_is_terminal))
    else:
        emit(columns(rows))
