"""A client for the commands, and what its errors mean for the exit code."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.cli import endpoint
from penstock.cli.exits import ExitCode
from penstock.cli.output import stopped
from penstock.client import (
    ApiProblem,
    ClientError,
    InvalidInput,
    InvalidUrl,
    MissingCredentials,
    ServerUnreachable,
    UnexpectedAnswer,
    WaitTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client

#: By the stable code of a problem.
REMEDIES: Mapping[str, str] = {
    "access_denied": "Check that the API key is for this API, or that your AWS credentials may call it.",
    "http_403": "Check that these AWS credentials may call execute-api:Invoke here, and the URL's path.",
    "idempotency_key_reused": "Use another --key, or send exactly what was sent under it before.",
    "not_a_dead_letter": "`penstock get` shows any request, `penstock retry` runs it again.",
    "not_finished": "Ask again later, or submit with --wait.",
    "payload_gone": "Submit it anew.",
    "payload_too_large": "Save it to a file and send that with --file: larger ones are uploaded, up to 5 GB.",
    "payload_url_not_allowed": "List the bucket under the API's input_buckets, and deploy.",
    "payload_url_unreadable": "Check bucket and key, and that the bucket's policy lets Penstock read.",
    "unauthorized": "Give a key in PENSTOCK_API_KEY, or with --api-key; `penstock keys create` makes one.",
    "unknown_api": "`penstock validate` lists the APIs of your configuration; is this one deployed?",
    "unknown_request": "Check the API and the id. Requests are forgotten after the API's retention.",
}


@contextmanager
def connected(
    surroundings: Surroundings, url: str | None, *, remedies: Mapping[str, str] = REMEDIES
) -> Iterator[Client]:
    """A client. Errors of the block are reported, with remedies and their notes, and end the command."""
    try:
        found = endpoint.find(url, environ=surroundings.environ, folder=surroundings.folder)
    except endpoint.NoEndpoint as error:
        raise stopped(ExitCode.BAD_INPUT, str(error)) from error
    try:
        with surroundings.connect(found.url, surroundings.api_key) as client:
            yield client
    except ClientError as error:
        known = [remedies[error.code]] if isinstance(error, ApiProblem) and error.code in remedies else []
        if isinstance(error, InvalidUrl | ServerUnreachable | UnexpectedAnswer) and url is None:
            known.append(f"The URL comes from {found.origin}.")
        if isinstance(error, ServerUnreachable) and found.local:
            known.append(endpoint.KILLED)
        raise stopped(exit_code(error), str(error), *known, *getattr(error, "__notes__", ())) from error


def exit_code(error: ClientError) -> ExitCode:
    """What a script is told about this error."""
    match error:
        case InvalidInput() | MissingCredentials():
            return ExitCode.BAD_INPUT
        case WaitTimeout():
            return ExitCode.TIMED_OUT
        case ApiProblem() if not error.transient:
            return ExitCode.REFUSED
        case _:
            return ExitCode.UNAVAILABLE
