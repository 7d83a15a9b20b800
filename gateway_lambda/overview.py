"""``GET /async/{api}``: a page of requests, and on the first one how busy the API is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_lambda import replies, views
from gateway_lambda.list_query import ListQuery

if TYPE_CHECKING:
    from gateway_lambda.figures import FigureSources
    from gateway_lambda.listing import Listing
    from gateway_lambda.replies import Reply
    from penstock.catalogue import ApiEntry
    from penstock.records import RequestKey, RequestRecord


class Overview:
    """Puts list and figures into one answer."""

    def __init__(self, listing: Listing[RequestKey, RequestRecord], figures: FigureSources) -> None:
        self._listing = listing
        self._figures = figures

    def reply(self, api: ApiEntry, query: str) -> Reply:
        """The answer for a URL's query."""
        wanted = ListQuery.parse(query, api=api.name)
        # Asked before the list is read, so that both take as long as the slower one. Later pages
        # come soon after the first, and need no figures again.
        figures = self._figures.ask(api.name) if wanted.below is None else None
        page = self._listing.page(api, wanted)
        content: dict[str, object] = {
            "requests": [views.status(record, api.endpoint, result_url=None) for record in page.records]
        }
        if page.next_cursor is not None:
            content["next_cursor"] = page.next_cursor
        if figures is not None:
            content["queue"] = figures()
        return replies.document(content)
