"""``status``: how the APIs and their workers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.cli.connection import connected
from penstock.cli.output import columns, document, emit, note
from penstock.cli.tables import print_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.cli.surroundings import Surroundings
    from penstock.client.api_states import ApiStatus


def all_apis(surroundings: Surroundings, *, url: str | None, as_json: bool) -> None:
    """A line for each API."""
    with connected(surroundings, url) as client:
        found = client.apis()
    print_list(
        surroundings,
        "apis",
        found,
        head=("API", "KIND", "STATE", "WORKERS", "PROBLEM"),
        row=lambda api: (api.name, api.kind, api.state, _crew(api), api.problem),
        empty="There is no API.",
        as_json=as_json,
    )


def one_api(surroundings: Surroundings, name: str, *, url: str | None, as_json: bool) -> None:
    """A line for each worker on standard output; how the API is on standard error."""
    with connected(surroundings, url) as client:
        api = client.api(name)
    if as_json:
        emit(document(api.document, pretty=surroundings.stdout_is_terminal))
        return
    if api.workers:
        emit(columns([("WORKER", "STATE", "SINCE", "REASON"), *_rows(api)]))
    note(
        "; ".join(
            part for part in (f"{api.name} is {_words(api.state)}", _sentence(api), api.problem) if part
        )
    )


def _rows(api: ApiStatus) -> Iterator[tuple[str, ...]]:
    for worker in api.workers:
        yield worker.id, worker.state, worker.since or "", worker.reason


def _crew(api: ApiStatus) -> str:
    return "" if api.desired is None else f"{api.running}/{api.desired}"


def _sentence(api: ApiStatus) -> str:
    if api.desired is None:
        return ""
    update = ", an update is on its way" if api.updating else ""
    return f"{api.running} of {api.desired} workers run{update}"


def _words(state: str) -> str:
    return state.replace("_", " ")
