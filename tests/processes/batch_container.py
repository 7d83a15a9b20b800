"""A container for batches, as a process: it keeps a ledger of what it was called with.

In its folder, ``held.json`` lists the batches that wait until they are no longer listed, ``refused.json``
those that are answered 400, ``hook.json`` the statuses of the calls to the hook; ``ledger.jsonl`` has a line
for each batch that begins, and for each that ends.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[2])
LOCK = threading.Lock()


def note(**line: object) -> None:
    with LOCK, (FOLDER / "ledger.jsonl").open("a") as ledger:
        ledger.write(json.dumps(line) + "\n")


def read(name: str) -> list[Any]:
    path = FOLDER / name
    return json.loads(path.read_text()) if path.exists() else []


class Handler(BaseHTTPRequestHandler):
    hooks = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/on-job-complete":
            Handler.hooks += 1
            statuses = read("hook.json")
            status = statuses[min(Handler.hooks, len(statuses)) - 1] if statuses else 200
            note(hook=status, told=json.loads(body), job=self.headers["X-Penstock-Job-ID"])
            self.answer(status, b"{}")
            return
        told = {
            "batch": self.headers["X-Penstock-Batch-ID"],
            "attempt": int(self.headers["X-Penstock-Attempt"]),
        }
        items = json.loads(body)
        note(begun=True, items=items, **told)
        while told["batch"] in read("held.json"):
            time.sleep(0.02)
        if told["batch"] in read("refused.json"):
            self.answer(400, b'{"error": "refused"}')
            return
        note(ended=True, items=items, **told)
        self.answer(200, json.dumps({"sum": sum(items)}).encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # whoever asked has gone
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
