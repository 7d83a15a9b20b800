"""Webhooks by the client: deliveries looked at and sent again, and the API's webhook tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.client.lists import over_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from penstock.client.calls import Calls
    from penstock.client.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAttempt:
    """One call: a status code, or the code of what went wrong."""

    at: datetime | None
    latency_ms: int
    status_code: int | None
    error: str | None

    @classmethod
    def of(cls, document: Document) -> WebhookAttempt:
        """Read one; raises Malformed."""
        return cls(
            at=document.moment("at"),
            latency_ms=document.required("latency_ms", int),
            status_code=document.optional("status_code", int),
            error=document.optional("error", str),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One event on its way to one receiver."""

    id: str
    #: ``pending``, ``delivered``, ``failed`` or ``disabled``.
    state: str
    event: str
    url: str
    attempt: int
    #: None in a list.
    attempts: Sequence[WebhookAttempt] | None
    #: The answer as it came.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> WebhookDelivery:
        """Read one; raises Malformed."""
        attempts = None
        if "attempts" in document.members:
            attempts = [WebhookAttempt.of(entry) for entry in document.documents("attempts")]
        return cls(
            id=document.required("id", str),
            state=document.required("state", str),
            event=document.required("event", str),
            url=document.required("url", str),
            attempt=document.required("attempt", int),
            attempts=attempts,
            document=document.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPage:
    """Some deliveries, newest first; None for the cursor at the end of the list."""

    deliveries: Sequence[WebhookDelivery]
    next_cursor: str | None

    @classmethod
    def of(cls, document: Document) -> WebhookPage:
        """Read a page; raises Malformed."""
        return cls(
            deliveries=[WebhookDelivery.of(entry) for entry in document.documents("deliveries")],
            next_cursor=document.optional("next_cursor", str),
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one of several: the error's code if it was not sent again."""

    id: str
    error: str | None


class Webhooks:
    """``Client.webhooks``. Every method may raise ``ClientError``."""

    def __init__(self, calls: Calls) -> None:
        self._ask = calls.ask

    def page(
        self,
        api: str,
        *,
        state: str | None = None,
        request_id: str | None = None,
        job_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> WebhookPage:
        """One page of the API's deliveries, newest first, or all of one request or job."""
        given = {"state": state, "request": request_id, "job": job_id, "limit": limit, "cursor": cursor}
        query = [(name, str(value)) for name, value in given.items() if value is not None]
        return self._ask("GET", "webhooks", api, decode=WebhookPage.of, query=query)

    def list(
        self,
        api: str,
        *,
        state: str | None = None,
        request_id: str | None = None,
        job_id: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[WebhookDelivery]:
        """The same deliveries one by one; pages are fetched on the way."""

        def fetch(cursor: str | None) -> tuple[Sequence[WebhookDelivery], str | None]:
            page = self.page(
                api, state=state, request_id=request_id, job_id=job_id, limit=page_size, cursor=cursor
            )
            return page.deliveries, page.next_cursor

        return over_pages(fetch)

    def get(self, api: str, delivery_id: str) -> WebhookDelivery:
        """One delivery with its attempts."""
        return self._ask("GET", "webhooks", api, delivery_id, decode=WebhookDelivery.of)

    def replay(self, api: str, delivery_ids: Sequence[str]) -> Sequence[Replayed]:
        """Send deliveries again; at most 50.

        Asking again after a lost answer is not done by itself: it could send them once more.
        """

        def decode(document: Document) -> Sequence[Replayed]:
            entries = document.documents("replays")
            return [Replayed(one.required("id", str), one.optional("error", str)) for one in entries]

        content = {"deliveries": list(delivery_ids)}
        return self._ask("POST", "webhooks", api, "replay", decode=decode, content=content, retries=0)

    def test(self, api: str) -> WebhookDelivery:
        """Send an event that says nothing to the API's webhook."""
        return self._ask("POST", "webhooks", api, "test", decode=WebhookDelivery.of, retries=0)
