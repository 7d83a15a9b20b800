"""``webhook listen``: a receiver on this machine that verifies and prints what it gets."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from penstock.cli.exits import ExitCode
from penstock.cli.output import clean, emit, indented, note, stopped
from penstock.webhooks import signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.cli.surroundings import Surroundings

VARIABLE = "PENSTOCK_WEBHOOK_SECRET"

#: Only from this machine: what is received is printed, whoever sent it.
_HOST = "127.0.0.1"
_MOST_BYTES = 10_000_000

#: What comes with the body of a function, instead of in it.
_ABOUT_CALLS = (
    "x-call-id",
    "x-function-name",
    "x-function-status",
    "x-duration-seconds",
    "content-type",
    "link",
)


def listen(surroundings: Surroundings, *, port: int, answer: int, secret: str | None) -> None:
    """Serve until Ctrl-C."""
    secret = secret or surroundings.environ.get(VARIABLE) or None
    if secret is not None:
        try:
            signature.key_of(secret)
        except signature.InvalidSecret as error:
            raise stopped(ExitCode.BAD_INPUT, f"this is no secret of a webhook: {error}.") from error
    try:
        server = ThreadingHTTPServer((_HOST, port), handler(secret=secret, answer=answer))
    except OSError as error:
        raise stopped(ExitCode.BAD_INPUT, f"port {port} cannot be used: {error.strerror}.") from error
    with server:
        note(f"Listening on http://{_HOST}:{server.server_port}/, answering {answer}. Ctrl-C ends it.")
        if secret is None:
            note(f"Signatures are not verified: give --secret, or set {VARIABLE}.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            note("Ended.")


def handler(*, secret: str | None, answer: int) -> type[BaseHTTPRequestHandler]:
    """The class that serves one call."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = self.headers.get("Content-Length", "")
            size_bytes = int(told) if told.isascii() and told.isdigit() else 0
            body = self.rfile.read(min(size_bytes, _MOST_BYTES))
            headers = {name.lower(): value for name, value in self.headers.items()}
            verdict, code = judged(headers, body, secret=secret, answer=answer)
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            note(f"{self.path}  {headers.get(signature.ID_HEADER, 'no webhook-id')}  {verdict}")
            for line in told_of_call(headers):
                note(line)
            emit(printed(body))

        def log_message(self, *_arguments: object) -> None:
            """Say nothing: what there is to say is said above."""

    return Handler


def judged(headers: Mapping[str, str], body: bytes, *, secret: str | None, answer: int) -> tuple[str, int]:
    """What to say of a call, and the status to answer; 401 where the signature is wrong."""
    if secret is None:
        return "not verified", answer
    try:
        signature.verify(headers, body, secret=secret, now_ms=time.time_ns() // 1_000_000)
    except signature.NotVerified as error:
        return f"NOT VERIFIED: {error}", 401
    return "verified", answer


def told_of_call(headers: Mapping[str, str]) -> list[str]:
    """The lines that say what a callback by OpenFaaS's contract brings; none for an event."""
    if "x-call-id" not in headers:
        return []
    return [f"{name.title()}: {headers[name]}" for name in _ABOUT_CALLS if name in headers]


def printed(body: bytes) -> str:
    """The body for people: JSON indented, text as it is, bytes counted."""
    try:
        return indented(json.loads(body))
    except (ValueError, RecursionError):
        pass
    try:
        return clean(body.decode(), keep="\n")
    except UnicodeDecodeError:
        return f"{len(body)} bytes that are no text"
