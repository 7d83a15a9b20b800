"""The container of the job bench: keeps a ledger of its own of what it was sent.

A line for each batch, as JSON: its id, its items, and when it was answered. Each process has a file.
"""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TextIO


class Handler(BaseHTTPRequestHandler):
    """Answers at once."""

    protocol_version = "HTTP/1.1"
    #: Small answers would wait for the acknowledgement of their headers.
    disable_nagle_algorithm = True
    lock = threading.Lock()
    ledger: TextIO

    def do_GET(self) -> None:
        """Be ready."""
        self._answer()

    def do_POST(self) -> None:
        """Note the batch; there is nothing to note of the job's end."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/":
            entry = {
                "batch": self.headers["X-Penstock-Batch-ID"],
                "items": json.loads(body),
                "at": time.time(),
            }
            with self.lock:
                self.ledger.write(f"{json.dumps(entry)}\n")
                self.ledger.flush()
        self._answer()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    """Serve until killed."""
    folder = Path(os.environ["LEDGER"])
    with (folder / f"{os.getpid()}.jsonl").open("a") as ledger:
        Handler.ledger = ledger
        address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ["PENSTOCK_PORT"]))
        ThreadingHTTPServer(address, Handler).serve_forever()


if __name__ == "__main__":
    main()
