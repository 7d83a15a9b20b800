"""Sums batches of numbers: an example container for jobs, standard library and boto3."""

import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any, Protocol, TypeGuard

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

Number = int | float

MAX_BODY_BYTES = 16 * 1024**2
LARGEST_NUMBER = 1e100
READERS = 16

_ID = re.compile(r"[0-9a-z-]{1,64}")
_FOLDER = re.compile(r"s3://(?P<bucket>[a-z0-9.-]{3,63})(/(?P<prefix>.*?))?/?")


class RefusedError(Exception):
    """The request is at fault; its sender gets the status and the reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def batch_sum(body: bytes) -> Number:
    """Return the sum of a JSON array whose items are numbers or lists of numbers."""
    try:
        items = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not JSON") from error
    if not isinstance(items, list):
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not an array")
    numbers: list[Number] = []
    for item in items:
        numbers += [_number(part) for part in (item if isinstance(item, list) else [item])]
    return sum(numbers)


def _number(value: object) -> Number:
    # NaN, which Python's JSON knows, is not between any two numbers.
    if _is_number(value) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        return value
    wanted = f"an item is neither a number up to {LARGEST_NUMBER:g} nor a list of such"
    raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, wanted)


def _is_number(value: object) -> TypeGuard[Number]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Sums(Protocol):
    """Sums by batch: one that is delivered twice counts once."""

    def keep(self, job: str, batch: str, value: Number) -> None:
        """Remember the sum of a batch."""

    def total(self, job: str) -> dict[str, Any]:
        """Add up all batches of the job."""


class OwnSums:
    """What this container has summed; other workers of the job know their own batches only."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], Number] = {}

    def keep(self, job: str, batch: str, value: Number) -> None:
        """See ``Sums``."""
        self._sums[job, batch] = value

    def total(self, job: str) -> dict[str, Any]:
        """See ``Sums``."""
        sums = [value for (of, _), value in self._sums.copy().items() if of == job]
        return {"total": sum(sums), "batches": len(sums)}


class SharedSums:
    """Sums in a folder in S3, where all workers of a job put theirs: ``<folder>/<job>/sums/<batch>.json``."""

    def __init__(self, s3: Any, *, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def keep(self, job: str, batch: str, value: Number) -> None:
        """See ``Sums``."""
        self._put(f"{job}/sums/{batch}.json", {"sum": value})

    def total(self, job: str) -> dict[str, Any]:
        """See ``Sums``; the total is written beside the sums."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}{job}/sums/"
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        with ThreadPoolExecutor(READERS) as readers:
            sums = list(readers.map(self._sum, keys))
        total = {"total": sum(sums), "batches": len(sums)}
        self._put(f"{job}/total.json", total)
        return total

    def _sum(self, key: str) -> Number:
        document = json.loads(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        value: Number = document["sum"]
        return value

    def _put(self, name: str, document: dict[str, Any]) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{self._prefix}{name}",
            Body=json.dumps(document).encode(),
            ContentType="application/json",
        )


def sums_of(spec: dict[str, Any], *, s3: Any, own: OwnSums) -> Sums:
    """Return where the job wants its sums: in its ``config.dest_s3_dir``, or only here."""
    folder = spec.get("config", {}).get("dest_s3_dir")
    if folder is None:
        return own
    named = _FOLDER.fullmatch(folder) if isinstance(folder, str) else None
    if named is None:
        reason = f"the job's config.dest_s3_dir must be s3://bucket/folder, not {json.dumps(folder)}"
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, reason)
    return SharedSums(s3, bucket=named["bucket"], prefix=named["prefix"] or "")


def job_spec() -> dict[str, Any]:
    """Return what the job's submission said; nothing if the server was started by hand."""
    path = Path(os.environ.get("PENSTOCK_JOB_SPEC", "/cortex/spec/job.json"))
    try:
        spec: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return spec


class Handler(BaseHTTPRequestHandler):
    """`POST /` sums a batch, `POST /on-job-complete` all of them; `GET /healthz` tells that it is up."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # or the body, sent after the headers, waits 40 ms for their receipt
    error_content_type = "application/json"
    error_message_format = '{"error": "%(explain)s"}'

    def __init__(self, sums: Callable[[], Sums], *connection: Any) -> None:
        self._sums = sums
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Answer the readiness probe."""
        if self.path == "/healthz":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "GET knows /healthz only"})

    def do_POST(self) -> None:
        """Sum; nobody needs an answer once the caller has hung up."""
        with suppress(ConnectionError):
            try:
                answer = self._summed(self._body())
            except RefusedError as refused:
                self._answer(refused.status, {"error": str(refused)})
            except (BotoCoreError, ClientError) as error:
                # Tried again, as all answers of 5xx are: the batch is not at fault.
                self._answer(HTTPStatus.BAD_GATEWAY, {"error": f"S3: {error}"})
            else:
                self._answer(HTTPStatus.OK, answer)

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

    def _summed(self, body: bytes) -> dict[str, Any]:
        if self.path == "/on-job-complete":
            return self._sums().total(self._id("X-Penstock-Job-ID"))
        if self.path != "/":
            raise RefusedError(HTTPStatus.NOT_FOUND, "POST a batch to /")
        value = batch_sum(body)
        self._sums().keep(self._id("X-Penstock-Job-ID"), self._id("X-Penstock-Batch-ID"), value)
        return {"sum": value}

    def _id(self, header: str) -> str:
        value = self.headers.get(header, "")
        if not _ID.fullmatch(value):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"{header} is needed")
        return value

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(length) > MAX_BODY_BYTES:
            limit = f"a batch may have up to {MAX_BODY_BYTES} bytes"
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionAbortedError
        return body

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
    retries: Any = {"mode": "standard", "total_max_attempts": 3}
    s3 = boto3.client("s3", config=Config(retries=retries, max_pool_connections=READERS))
    handler = partial(Handler, partial(sums_of, job_spec(), s3=s3, own=OwnSums()))
    host = os.environ.get("HOST", "0.0.0.0")  # noqa: S104 - a container is reached through its own network
    with Server((host, int(os.environ.get("PENSTOCK_PORT", "8080"))), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        sys.stderr.write("listening on {}:{}\n".format(*server.server_address))
        signal.sigwait(stops)
        server.shutdown()
    # Leaving the block refused new connections, then joined the thread of each accepted one.


if __name__ == "__main__":
    main()
