"""``get``, ``cancel`` and ``retry``: one request, by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from penstock.cli.connection import connected
from penstock.cli.delivery import check_output, save
from penstock.cli.exits import ExitCode
from penstock.cli.output import document, emit, note
from penstock.cli.progress import watching
from penstock.cli.tables import print_one
from penstock.records import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client, RequestState


def get(
    surroundings: Surroundings,
    api: str,
    request_id: str,
    *,
    url: str | None,
    output: Path | None,
    as_json: bool,
    timeout_seconds: int | None = None,
) -> None:
    """Print the state, at the end if there is a timeout, and save the result if asked to."""
    check_output(output)
    with connected(surroundings, url) as client:
        if timeout_seconds is None:
            state = client.get(api, request_id)
        else:
            state = _wait(client, api, request_id, surroundings, timeout_seconds=timeout_seconds)
        if output is not None:
            save(client, api, request_id, output)
    show(state, surroundings, as_json=as_json)
    if state.status.terminal and state.status is not Status.COMPLETED:
        raise typer.Exit(ExitCode.ENDED_BADLY)


def cancel(surroundings: Surroundings, api: str, request_id: str, *, url: str | None, as_json: bool) -> None:
    """Cancel, and print the state that this led to."""
    with connected(surroundings, url) as client:
        state = client.cancel(api, request_id)
    show(state, surroundings, as_json=as_json)


def retry(surroundings: Surroundings, api: str, request_id: str, *, url: str | None, as_json: bool) -> None:
    """Have it run again, and print the id of the request that does so."""
    with connected(surroundings, url) as client:
        retried = client.retry(api, request_id)
    if as_json:
        emit(document(retried.document, pretty=surroundings.stdout_is_terminal))
    else:
        emit(retried.id)


def _wait(
    client: Client, api: str, request_id: str, surroundings: Surroundings, *, timeout_seconds: int
) -> RequestState:
    try:
        with watching(surroundings) as on_change:
            return client.wait(api, request_id, timeout_seconds=timeout_seconds, on_change=on_change)
    except KeyboardInterrupt as interrupt:
        note("Interrupted. The request goes on.")
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def show(state: RequestState, surroundings: Surroundings, *, as_json: bool) -> None:
    """Print the state: a table, and the result if it came along; or the document."""
    print_one(surroundings, state, _rows(state), as_json=as_json)
    if state.result is not None and not as_json:
        emit(document(state.result, pretty=True))


def _rows(state: RequestState) -> Iterator[tuple[str, str]]:
    yield "id", state.id
    yield "api", state.api
    yield "status", state.status.value
    yield "attempt", str(state.attempt)
    for name, seconds in (("created", None), ("started", state.queued_seconds), ("finished", None)):
        moment = state.document.get(f"{name}_at")
        if moment is not None:
            yield name, f"{moment}" + ("" if seconds is None else f" (queued {seconds:.3f} s)")
    for name, other in (("retry of", state.retry_of), ("retried as", state.retried_as)):
        if other is not None:
            yield name, other
    if state.processing_seconds is not None:
        yield "processing", f"{state.processing_seconds:.3f} s"
    if state.error is not None:
        yield "error", f"{state.error.code}: {state.error.message}"
    if state.result_size_bytes is not None:
        yield "result", f"{state.result_content_type or 'no content type'}, {state.result_size_bytes} bytes"
