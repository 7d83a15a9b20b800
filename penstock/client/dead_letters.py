"""Failed requests as dead letters: look at them, run them again, delete them for good."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.client.documents import Malformed
from penstock.client.errors import InvalidInput, UnexpectedAnswer
from penstock.client.lists import Filters, over_pages
from penstock.client.states import RequestState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from penstock.client.calls import Calls
    from penstock.client.documents import Document

T = TypeVar("T")

#: What the server takes in one call.
MAX_IDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Dead letters to work on: these ids, or those that match, or all of them. Exactly one of the three."""

    ids: Sequence[str] = ()
    #: The code that they failed with.
    error: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    all: bool = False

    @property
    def filters(self) -> Filters:
        """The filters, as a list has them."""
        return Filters(error=self.error, created_after=self.created_after, created_before=self.created_before)

    def members(self) -> dict[str, Any]:
        """What the body of the first call says, but for ids; raises InvalidInput."""
        filters = dict(self.filters.query(limit=None, cursor=None))
        ways = [bool(self.ids), bool(filters), self.all]
        if ways.count(True) != 1:
            raise InvalidInput(
                "Choose dead letters by their ids, by filters, or all of them: one of the three."
            )
        return {"filter": filters} if filters else {"all": True} if self.all else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """A dead letter that nothing was done to, and why."""

    id: str
    #: The stable code of the reason.
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """What one call of a redrive did."""

    #: Dead letter to the request that runs it again.
    retries: Mapping[str, str]
    #: How many of these were made by an earlier call.
    already: int
    failures: Sequence[PassedOver]
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> Redriven:
        """Read an answer; raises Malformed."""
        made = document.documents("retries")
        return cls(
            retries={one.required("id", str): one.required("retried_as", str) for one in made},
            already=document.required("already_redriven", int),
            failures=_failures(document),
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What one call of a purge did."""

    purged: int
    failures: Sequence[PassedOver]
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> Purged:
        """Read an answer; raises Malformed."""
        return cls(
            purged=document.required("purged", int),
            failures=_failures(document),
            document=document.members,
        )


class DeadLetters:
    """What ``Client.dead_letters`` does. Every method may raise ``ClientError``."""

    def __init__(self, calls: Calls) -> None:
        self._ask = calls.ask

    def list(
        self,
        api: str,
        *,
        error: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int | None = None,
    ) -> Iterator[RequestState]:
        """The API's failed requests, newest first; pages are fetched on the way."""
        filters = Filters(error=error, created_after=created_after, created_before=created_before)

        def fetch(cursor: str | None) -> tuple[Sequence[RequestState], str | None]:
            query = filters.query(limit=page_size, cursor=cursor)
            return self._ask("GET", "dead-letters", api, decode=_page, query=query)

        return over_pages(fetch)

    def get(self, api: str, request_id: str) -> RequestState:
        """One of them; ApiProblem ``not_a_dead_letter`` if the request did not fail."""
        return self._ask("GET", "dead-letters", api, request_id, decode=RequestState.of)

    def redrive(self, api: str, chosen: Chosen) -> Iterator[Redriven]:
        """Run them again, each as a new request: a call for each answer, until all is done.

        Stopping in between does no harm, and nothing is redriven twice.
        """
        return self._each(api, "redrive", chosen, {}, decode=Redriven.of)

    def purge(self, api: str, chosen: Chosen) -> Iterator[Purged]:
        """Delete them for good, with payload and result: a call for each answer, until all is done."""
        return self._each(api, "purge", chosen, {"confirm": api}, decode=Purged.of)

    def _each(
        self,
        api: str,
        what: str,
        chosen: Chosen,
        further: Mapping[str, Any],
        *,
        decode: Callable[[Document], T],
    ) -> Iterator[T]:
        where = chosen.members()
        rest = list(chosen.ids)
        while True:
            batch, rest = rest[:MAX_IDS], rest[MAX_IDS:]
            content = {**where, **({"ids": batch} if batch else {}), **further}

            def read(document: Document) -> tuple[T, list[str], str | None]:
                return decode(document), _not_tried(document), document.optional("next_cursor", str)

            answer, not_tried, cursor = self._ask(
                "POST", "dead-letters", api, what, decode=read, content=content
            )
            yield answer
            if (batch and not_tried == batch) or (cursor is not None and cursor == where.get("cursor")):
                raise UnexpectedAnswer(f"dead-letters/{api}/{what}", reason="it makes no progress")
            rest = not_tried + rest
            if not rest and cursor is None:
                return
            if cursor is not None:
                where["cursor"] = cursor


def _page(document: Document) -> tuple[Sequence[RequestState], str | None]:
    entries = [RequestState.of(entry) for entry in document.documents("dead_letters")]
    return entries, document.optional("next_cursor", str)


def _not_tried(document: Document) -> list[str]:
    ids = document.members.get("not_tried", [])
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise Malformed('"not_tried" is no list of ids')
    return ids


def _failures(document: Document) -> Sequence[PassedOver]:
    return [
        PassedOver(
            id=one.required("id", str), code=one.required("code", str), detail=one.required("detail", str)
        )
        for one in document.documents("failures")
    ]
