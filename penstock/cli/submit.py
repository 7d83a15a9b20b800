"""``submit``: hand in a request, and wait for its result if asked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.cli.connection import connected
from penstock.cli.delivery import check_output, save, show
from penstock.cli.exits import ExitCode
from penstock.cli.interruptions import command, going_on, under_key
from penstock.cli.output import document, emit, note, stopped
from penstock.cli.payload import Terms, read_payload, read_query
from penstock.cli.progress import watching
from penstock.ids import new_token
from penstock.records import Status

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client, RequestState, Submission
    from penstock.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    api: str
    url: str | None
    file: str | None
    data: str | None
    payload_url: str | None
    content_type: str | None
    key: str | None
    query: list[str]
    limits: Limits
    callback_url: str | None
    wait: bool
    timeout_seconds: int
    output: Path | None
    as_json: bool

    def command(self, name: str, request_id: str) -> str:
        """What to type next about the request."""
        return command(name, self.api, request_id, url=self.url)


def submit(surroundings: Surroundings, options: Options) -> None:
    """Print the id, or with ``wait`` the result."""
    if options.output is not None and not options.wait:
        raise stopped(ExitCode.BAD_INPUT, "--output saves the result, which is there only with --wait.")
    check_output(options.output)
    query = read_query(options.query)
    payload = read_payload(
        file=options.file,
        data=options.data,
        payload_url=options.payload_url,
        content_type=options.content_type,
    )
    with connected(surroundings, options.url) as client:
        # The key is chosen here, to be named if it stays open whether the request was accepted.
        key = options.key if options.key is not None else new_token()
        terms = Terms(key=key, query=query, limits=options.limits, callback_url=options.callback_url)
        with under_key(key):
            submission = payload.hand_in(client, options.api, terms, surroundings=surroundings)
        if not options.wait:
            _print(submission, options, surroundings)
            return
        note(f"{submission.id} accepted")
        state = _wait(client, submission, options, surroundings)
        _deliver(client, state, options, surroundings)


def _wait(
    client: Client, submission: Submission, options: Options, surroundings: Surroundings
) -> RequestState:
    look, end = (options.command(name, submission.id) for name in ("get", "cancel"))
    with going_on("request", look=look, end=f"Cancel it: {end}"), watching(surroundings) as on_change:
        return client.wait(
            options.api, submission.id, timeout_seconds=options.timeout_seconds, on_change=on_change
        )


def _deliver(client: Client, state: RequestState, options: Options, surroundings: Surroundings) -> None:
    if options.as_json:
        emit(document(state.document, pretty=surroundings.stdout_is_terminal))
    if state.status is not Status.COMPLETED:
        raise _ended_badly(state, options)
    if options.output is not None:
        save(client, options.api, state.id, options.output)
    elif not options.as_json:
        show(client, options.api, state.id, surroundings)


def _ended_badly(state: RequestState, options: Options) -> typer.Exit:
    reason = f": {state.error.message} ({state.error.code})" if state.error else ""
    remedies = []
    if state.result_size_bytes is not None:
        remedies.append(f"Its answer was kept: {options.command('get', state.id)} --output PATH")
    return stopped(
        ExitCode.ENDED_BADLY, f"request {state.id} ended as {state.status.value}{reason}.", *remedies
    )


def _print(submission: Submission, options: Options, surroundings: Surroundings) -> None:
    if options.as_json:
        emit(document(submission.document, pretty=surroundings.stdout_is_terminal))
        return
    emit(submission.id)
    if surroundings.stderr_is_terminal:
        note(f"{submission.status.value}; look at it: {options.command('get', submission.id)}")
