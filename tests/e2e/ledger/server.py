"""A container for jobs that keeps a ledger: what it was called with, in a file that all workers share.

A line is written before a call is answered, so what was answered stands there, and whoever reads the
ledger need not believe any counter of ours. What a batch's items ask for is done to the whole batch.
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SPEC = Path(os.environ["PENSTOCK_JOB_SPEC"])
#: Beside the logs of the API's tasks.
LEDGER = SPEC.parent / "ledger.jsonl"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # Read with the first call, not at the start: it must be there by then, and need not be before.
        spec = json.loads(SPEC.read_text())
        if self.path == "/on-job-complete":
            self._hook(spec, body)
        else:
            self._batch(spec, body)

    def _batch(self, spec: dict[str, Any], items: list[Any]) -> None:
        asked = {word for item in items if isinstance(item, dict) for word in str(item.get("do", "")).split()}
        self._write("begun", spec, items=items)
        if "slow" in asked:
            time.sleep(spec["config"].get("seconds", 1))
        refused = ("fail" in asked and spec["retry_of"] is None) or (
            "flaky" in asked and self.headers["X-Penstock-Attempt"] == "1"
        )
        self._write("failed" if refused else "done", spec, items=items)
        self._answer(500 if refused else 200, {"items": items, "config": spec["config"]})

    def _hook(self, spec: dict[str, Any], stats: dict[str, Any]) -> None:
        self._write("complete", spec, stats=stats)
        if self.headers["X-Penstock-Attempt"] == "1":
            time.sleep(spec["config"].get("hook_seconds", 0))
        self._answer(spec["config"].get("hook", 200), {})

    def _write(self, what: str, spec: dict[str, Any], **more: Any) -> None:
        told = {
            "what": what,
            "job": self.headers["X-Penstock-Job-ID"],
            "cortex_job": self.headers["X-Cortex-Job-ID"],
            "spec_job": spec["job_id"],
            "batch": self.headers["X-Penstock-Batch-ID"],
            "attempt": self.headers["X-Penstock-Attempt"],
            "pid": os.getpid(),
            **more,
        }
        # One write to the end of the file is whole, whoever else writes.
        with LEDGER.open("ab", buffering=0) as ledger:
            ledger.write(json.dumps(told).encode() + b"\n")

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the ledger says it."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(os.environ["PENSTOCK_PORT"])), Handler) as server:
        sys.stdout.write("listening\n")
        server.serve_forever()
