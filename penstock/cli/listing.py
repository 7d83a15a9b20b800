"""``list``: an API's requests, newest first, and how busy it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.cli.connection import connected
from penstock.cli.output import columns, document, emit, note
from penstock.cli.tables import LARGEST_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client, Figures, RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    requests: Sequence[RequestState]
    figures: Figures | None
    #: The server's figures as they came.
    queue: Any


def list_requests(
    surroundings: Surroundings, api: str, *, url: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    """Print a table on standard output, and the figures on standard error."""
    with connected(surroundings, url) as client:
        listed = _gather(client, api, status=status, limit=limit)
    if as_json:
        content = {"requests": [request.document for request in listed.requests], "queue": listed.queue}
        emit(document(content, pretty=surroundings.stdout_is_terminal))
        return
    if listed.requests:
        emit(columns([("ID", "STATUS", "ATTEMPT", "CREATED", "TOOK", "ERROR"), *_rows(listed.requests)]))
    if listed.figures is not None:
        note(_line(listed.figures))


def _gather(client: Client, api: str, *, status: str | None, limit: int) -> _Listed:
    first = page = client.page(api, status=status, limit=min(limit, LARGEST_PAGE))
    requests = list(page.requests)
    while len(requests) < limit and page.next_cursor is not None:
        page = client.page(
            api, status=status, limit=min(limit - len(requests), LARGEST_PAGE), cursor=page.next_cursor
        )
        requests += page.requests
    return _Listed(requests=requests, figures=first.figures, queue=first.document.get("queue"))


def _rows(requests: Sequence[RequestState]) -> Iterator[tuple[str, ...]]:
    for request in requests:
        took = request.processing_seconds
        yield (
            request.id,
            request.status.value,
            str(request.attempt),
            str(request.document["created_at"]),
            "" if took is None else f"{took:.1f} s",
            request.error.code if request.error else "",
        )


def _line(figures: Figures) -> str:
    oldest = figures.oldest_open_seconds
    parts = [
        f"{_known(figures.visible)} waiting, {_known(figures.in_flight)} in flight",
        "" if oldest is None else f"oldest open {oldest:.0f} s",
        f"{_known(figures.workers_running)} of {_known(figures.workers_desired)} workers run",
        *figures.unavailable.values(),
    ]
    return "; ".join(part.removesuffix(".") for part in parts if part)


def _known(count: int | None) -> str:
    return "?" if count is None else str(count)
