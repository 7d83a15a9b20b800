"""Makes thumbnails of images in S3: an example container for jobs, standard library, boto3 and Pillow."""

import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image, ImageOps

MAX_BODY_BYTES = 1024**2
MAX_IMAGE_BYTES = 32 * 1024**2
MAX_SIZE = 2048
# Each of these formats is decoded in this process: Pillow would start Ghostscript for others.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")
SCALABLE_MODES = {"L", "LA", "RGB", "RGBA", "I;16"}
# What Pillow's decoders raise for broken files; anything else is a fault of this server.
DAMAGED = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, LookupError, TypeError, struct.error)
BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

_FOLDER = re.compile(r"s3://(?P<bucket>[a-z0-9.-]{3,63})(/(?P<prefix>.*?))?/?")
_OBJECT = re.compile(r"s3://(?P<bucket>[a-z0-9.-]{3,63})/(?P<key>.+)", re.DOTALL)

# A WebP with transparency takes 22 bytes a pixel: one at a time fits in 1 GiB.
Image.MAX_IMAGE_PIXELS = 20_000_000
warnings.simplefilter("error", Image.DecompressionBombWarning)  # up to twice the limit Pillow only warns


class RefusedError(Exception):
    """The request is at fault; its sender gets the status and the reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class UnusableError(Exception):
    """One image gives no thumbnail; the others of its batch do."""


def thumbnail(data: bytes, size: int) -> bytes:
    """Return a PNG of at most size x size pixels: upright, first frame, never enlarged, no metadata."""
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return _png(image, size)
    except BOMB as error:
        limit = f"the image may have up to {Image.MAX_IMAGE_PIXELS} pixels"
        raise UnusableError(limit) from error
    except DAMAGED as error:
        reason = f"no readable image ({', '.join(FORMATS)})"
        raise UnusableError(reason) from error


def _png(image: Image.Image, size: int) -> bytes:
    image.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded at a fraction of its size
    small, profile = image, image.info.get("icc_profile")
    if image.has_transparency_data:
        small = image.convert("RGBA")
    elif image.mode not in SCALABLE_MODES:
        small, profile = image.convert("RGB"), None  # a CMYK profile would spoil RGB pixels
    small.thumbnail((size, size))
    ImageOps.exif_transpose(small, in_place=True)  # last, for it copies the image
    png = BytesIO()
    small.save(png, "PNG", icc_profile=profile)
    return png.getvalue()


@dataclass(frozen=True)
class Wanted:
    """What the job's submission asks for in its ``config``."""

    bucket: str
    #: Folder of the thumbnails, empty or with a slash at its end.
    folder: str
    size: int


def wanted(spec: dict[str, Any]) -> Wanted:
    """Read ``config.dest_s3_dir`` and ``config.size``; without a folder no batch can be worked on."""
    config = spec.get("config", {})
    folder, size = config.get("dest_s3_dir"), config.get("size", 128)
    named = _FOLDER.fullmatch(folder) if isinstance(folder, str) else None
    if named is None:
        reason = f"the job's config.dest_s3_dir must be s3://bucket/folder, not {json.dumps(folder)}"
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, reason)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_SIZE:
        reason = f"the job's config.size must be a whole number from 1 to {MAX_SIZE}, not {json.dumps(size)}"
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, reason)
    return Wanted(bucket=named["bucket"], folder=f"{named['prefix']}/" if named["prefix"] else "", size=size)


def paths(body: bytes) -> list[tuple[str, str]]:
    """Return bucket and key of each path of a batch."""
    try:
        items = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not JSON") from error
    if not isinstance(items, list):
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not an array")
    found = [_OBJECT.fullmatch(item) if isinstance(item, str) else None for item in items]
    listed = [(path["bucket"], path["key"]) for path in found if path]
    if len(listed) < len(items):
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "an item is no path such as s3://bucket/key")
    return listed


class Thumbnails:
    """Makes one image after the other: memory for one is what is reckoned with."""

    def __init__(self, s3: Any, wanted: Wanted) -> None:
        self._s3 = s3
        self._wanted = wanted

    def make(self, batch: list[tuple[str, str]]) -> dict[str, Any]:
        """Return the paths of the thumbnails, and why other images have none."""
        made, unusable = {}, {}
        for bucket, key in batch:
            source = f"s3://{bucket}/{key}"
            try:
                made[source] = self._store(
                    bucket, key, thumbnail(self._image(bucket, key), self._wanted.size)
                )
            except UnusableError as error:
                unusable[source] = str(error)
        return {"thumbnails": made, "unusable": unusable}

    def _image(self, bucket: str, key: str) -> bytes:
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key)
        except self._s3.exceptions.NoSuchKey as error:
            raise UnusableError("there is no such object") from error
        except ClientError as error:
            # So S3 also calls what is missing, to those who may read a bucket and not list it.
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            raise UnusableError("there is no such object, or it may not be read") from error
        if found["ContentLength"] > MAX_IMAGE_BYTES:
            found["Body"].close()
            raise UnusableError(f"an image may have up to {MAX_IMAGE_BYTES} bytes")
        data: bytes = found["Body"].read()
        return data

    def _store(self, bucket: str, key: str, png: bytes) -> str:
        # By its whole path: the same batch again writes the same thumbnails, and no two images share one.
        name = f"{self._wanted.folder}{bucket}/{key}.png"
        self._s3.put_object(Bucket=self._wanted.bucket, Key=name, Body=png, ContentType="image/png")
        return f"s3://{self._wanted.bucket}/{name}"


def job_spec() -> dict[str, Any]:
    """Return what the job's submission said; nothing if the server was started by hand."""
    path = Path(os.environ.get("PENSTOCK_JOB_SPEC", "/cortex/spec/job.json"))
    try:
        spec: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return spec


class Handler(BaseHTTPRequestHandler):
    """`POST /` makes the thumbnails of a batch, `GET /healthz` tells that the server is up."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # or the body, sent after the headers, waits 40 ms for their receipt
    error_content_type = "application/json"
    error_message_format = '{"error": "%(explain)s"}'

    def __init__(self, thumbnails: Callable[[], Thumbnails], *connection: Any) -> None:
        self._thumbnails = thumbnails
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Answer the readiness probe."""
        if self.path == "/healthz":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "GET knows /healthz only"})

    def do_POST(self) -> None:
        """Make thumbnails; nobody needs an answer once the caller has hung up."""
        with suppress(ConnectionError):
            try:
                status, answer = self._made(self._body())
            except RefusedError as refused:
                self._answer(refused.status, {"error": str(refused)})
            except (BotoCoreError, ClientError) as error:
                # Tried again, as all answers of 5xx are: the batch is not at fault.
                self._answer(HTTPStatus.BAD_GATEWAY, {"error": f"S3: {error}"})
            else:
                self._answer(status, answer)

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

    def _made(self, body: bytes) -> tuple[HTTPStatus, dict[str, Any]]:
        if self.path != "/":
            # Also /on-job-complete: there is nothing to do, and Penstock takes 404 for an answer.
            raise RefusedError(HTTPStatus.NOT_FOUND, "POST a batch to /")
        answer = self._thumbnails().make(paths(body))
        status = HTTPStatus.UNPROCESSABLE_ENTITY if answer["unusable"] else HTTPStatus.OK
        return status, answer

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
    s3 = boto3.client("s3", config=Config(retries=retries))
    spec = job_spec()
    handler = partial(Handler, lambda: Thumbnails(s3, wanted(spec)))
    host = os.environ.get("HOST", "0.0.0.0")  # noqa: S104 - a container is reached through its own network
    with Server((host, int(os.environ.get("PENSTOCK_PORT", "8080"))), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        sys.stderr.write("listening on {}:{}\n".format(*server.server_address))
        signal.sigwait(stops)
        server.shutdown()
    # Leaving the block refused new connections, then joined the thread of each accepted one.


if __name__ == "__main__":
    main()
