"""What is asked about all requests of an API: lists, figures, and room for callers who wait.

Kept apart from ``penstock.ports``, which is about one request at a time. Every method may raise
``DependencyError``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.records import RequestKey, RequestRecord


@dataclass(frozen=True, slots=True, order=True)
class DuePlace:
    """Where an open request stands among those of its shard."""

    due_ms: int
    id: str


class Directory(Protocol):
    """Requests by time. Positions are those of ``penstock.keys.position``.

    The positions come from an index that AWS brings up to date a moment after the table, usually
    within a second: a request may be missing that was made just now, or be there that has gone.
    The records themselves are read strongly consistent (R16).
    """

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """Up to ``limit`` positions of one UTC day below the given one, newest first, without gaps."""

    def read(
        self,
        keys: Sequence[RequestKey],
        *,
        on_unreadable: Callable[[RequestKey, Exception], None] | None = None,
    ) -> Mapping[RequestKey, RequestRecord]:
        """The records of up to 100 keys; those that do not exist are left out.

        What cannot be read as a record (``penstock.versions.UNREADABLE``) raises; with
        ``on_unreadable`` it is told to that instead, and the others are read.
        """

    def oldest_open_ms(self, api: str) -> int | None:
        """When the oldest request that has not ended was made; None if all have.

        Looks at the open requests that are due first: those that run, then those that wait
        longest. It may miss the oldest while thousands run.
        """

    def due(
        self, api: str, shard: int, *, before_ms: int, after: DuePlace | None, limit: int
    ) -> Sequence[DuePlace]:
        """Up to ``limit`` open requests of one shard that were due before that moment, in order.

        Those behind ``after``, which need not be there any more. None is left out but one whose due
        time has changed meanwhile.
        """


class Slots(Protocol):
    """Room for callers who wait. A slot that is not freed frees itself when its time is over."""

    def take(self, slot: int, *, token: str, now_ms: int, until_ms: int) -> bool:
        """Take a slot, unless another token holds it."""

    def free(self, slot: int, *, token: str) -> None:
        """Give the slot back; fine if another token holds it meanwhile."""


@dataclass(frozen=True, slots=True)
class Depth:
    """A queue's messages, as SQS estimates them."""

    visible: int
    in_flight: int


class Queues(Protocol):
    """The queues of the APIs."""

    def depth(self, api: str) -> Depth:
        """How full the API's queue is."""


@dataclass(frozen=True, slots=True)
class Crew:
    """An API's workers: how many there should be, and how many run."""

    desired: int
    running: int


class Workers(Protocol):
    """The workers of the APIs."""

    def count(self, api: str) -> Crew:
        """How many workers the API has."""
