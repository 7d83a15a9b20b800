"""Counts the words of a text: an example container, standard library only."""

import json
import os
import re
import select
import signal
import socket
import sys
import threading
from collections import Counter
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qsl

WORD = re.compile(r"\w+(?:['’]\w+)*")  # noqa: RUF001 - texts do use the typographic apostrophe
MAX_BODY_BYTES = 16 * 1024**2
MAX_TOP = 1000
MAX_DELAY_SECONDS = 600


class RefusedError(Exception):
    """The request is at fault; its sender gets the status and the reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def count(text: str, *, top: int = 10) -> dict[str, Any]:
    """Count without regard to case; words that occur equally often keep the order of the text."""
    words = Counter(match[0].lower() for match in WORD.finditer(text))
    unfinished_line = bool(text) and not text.endswith("\n")
    return {
        "words": words.total(),
        "characters": len(text),
        "lines": text.count("\n") + unfinished_line,
        "most_common": words.most_common(top),
    }


def options(query: str) -> tuple[int, float]:
    """Return `top` and `delay` of a query string."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    with suppress(ValueError):
        top, delay_seconds = int(given.get("top", "10")), float(given.get("delay", "0"))
        if 0 <= top <= MAX_TOP and 0 <= delay_seconds <= MAX_DELAY_SECONDS:
            return top, delay_seconds
    limits = f"top is a whole number up to {MAX_TOP}, delay a number of seconds up to {MAX_DELAY_SECONDS}"
    raise RefusedError(HTTPStatus.BAD_REQUEST, limits)


def decoded(body: bytes, charset: str) -> str:
    """Return the body as text; a charset nobody knows is the sender's error too."""
    try:
        return body.decode(charset)
    except (LookupError, ValueError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"the body is not {charset} text") from error


class Handler(BaseHTTPRequestHandler):
    """`POST /` counts, `GET /healthz` tells that the server is up."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # or the body, sent after the headers, waits 40 ms for their receipt
    error_content_type = "application/json"
    error_message_format = '{"error": "%(explain)s"}'

    def do_GET(self) -> None:
        """Answer the readiness probe."""
        if self.path == "/healthz":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "GET knows /healthz only"})

    def do_POST(self) -> None:
        """Count the words of the body; nobody needs an answer once the caller has hung up."""
        with suppress(ConnectionError):
            try:
                counts = self._counts(self._body())
            except RefusedError as refused:
                self._answer(refused.status, {"error": str(refused)})
            else:
                self._answer(HTTPStatus.OK, counts)

    def finish(self) -> None:
        """Read what a refused caller still sends: closing over it would reset his answer away."""
        super().finish()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            for _ in range(64):
                if not self.connection.recv(65536):
                    break

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave the readiness probe out of the log: it comes every second."""
        if "/healthz" not in self.requestline:
            super().log_request(code, size)

    def _counts(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        if path != "/":
            raise RefusedError(HTTPStatus.NOT_FOUND, "POST the text to /")
        top, delay_seconds = options(query)
        text = decoded(body, self.headers.get_content_charset("utf-8"))
        hung_up, _, _ = select.select([self.connection], [], [], delay_seconds)
        if hung_up:
            raise ConnectionAbortedError
        return count(text, top=top)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(length) > MAX_BODY_BYTES:
            self._skip(int(length))  # closing over unread bytes resets the connection and loses the answer
            limit = f"the text may have up to {MAX_BODY_BYTES} bytes"
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionAbortedError
        return body

    def _skip(self, left: int) -> None:
        while left and (chunk := self.rfile.read(min(left, 65536))):
            left -= len(chunk)

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # a connection kept open would hold up the exit
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingTCPServer):
    """Not HTTPServer, which asks the DNS for its own name before it listens."""

    allow_reuse_address = True
    request_queue_size = 128


def main() -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what is running."""
    stops = {signal.SIGTERM, signal.SIGINT}
    # Blocked and waited for, not handled: a container's first process ignores signals it does not handle.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    host = os.environ.get("HOST", "0.0.0.0")  # noqa: S104 - a container is reached through its own network
    with Server((host, int(os.environ.get("PENSTOCK_PORT", "8080"))), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        sys.stderr.write("listening on {}:{}\n".format(*server.server_address))
        signal.sigwait(stops)
        server.shutdown()
    # Leaving the block refused new connections, then joined the thread of each accepted one.


if __name__ == "__main__":
    main()
