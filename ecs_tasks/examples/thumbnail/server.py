"""Makes a thumbnail of an image: an example container, standard library and Pillow."""

import json
import os
import signal
import socket
import struct
import sys
import threading
import warnings
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import ThreadingTCPServer
from urllib.parse import parse_qsl

from PIL import Image, ImageOps

MAX_BODY_BYTES = 32 * 1024**2
MAX_SIZE = 2048
# Each of these formats is decoded in this process: Pillow would start Ghostscript for others.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")
SCALABLE_MODES = {"L", "LA", "RGB", "RGBA", "I;16"}
# What Pillow's decoders raise for broken files; anything else is a fault of this server.
DAMAGED = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, LookupError, TypeError, struct.error)
BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

# A WebP with transparency takes 22 bytes a pixel: two at once fit in 1 GiB.
Image.MAX_IMAGE_PIXELS = 20_000_000
warnings.simplefilter("error", Image.DecompressionBombWarning)  # up to twice the limit Pillow only warns


class RefusedError(Exception):
    """The request is at fault; its sender gets the status and the reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def thumbnail(data: bytes, *, size: int) -> bytes:
    """Return a PNG of at most size x size pixels: upright, first frame, never enlarged, no metadata."""
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return _png(image, size)
    except BOMB as error:
        limit = f"the image may have up to {Image.MAX_IMAGE_PIXELS} pixels"
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, limit) from error
    except DAMAGED as error:
        reason = f"the body is no readable image ({', '.join(FORMATS)})"
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, reason) from error


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


def wanted_size(query: str) -> int:
    """Return `size` of a query string."""
    with suppress(ValueError):
        size = int(dict(parse_qsl(query, keep_blank_values=True)).get("size", "128"))
        if 1 <= size <= MAX_SIZE:
            return size
    raise RefusedError(HTTPStatus.BAD_REQUEST, f"size is a whole number from 1 to {MAX_SIZE}")


class Handler(BaseHTTPRequestHandler):
    """`POST /` makes a thumbnail, `GET /healthz` tells that the server is up."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # or the body, sent after the headers, waits 40 ms for their receipt
    error_content_type = "application/json"
    error_message_format = '{"error": "%(explain)s"}'

    def do_GET(self) -> None:
        """Answer the readiness probe."""
        if self.path == "/healthz":
            self._answer(HTTPStatus.OK, b'{"status": "ok"}')
        else:
            self._answer(HTTPStatus.NOT_FOUND, b'{"error": "GET knows /healthz only"}')

    def do_POST(self) -> None:
        """Shrink the image in the body; nobody needs an answer once the caller has hung up."""
        with suppress(ConnectionError):
            try:
                png = self._thumbnail(self._body())
            except RefusedError as refused:
                self._answer(refused.status, json.dumps({"error": str(refused)}).encode())
            else:
                self._answer(HTTPStatus.OK, png, content_type="image/png")

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

    def _thumbnail(self, body: bytes) -> bytes:
        path, _, query = self.path.partition("?")
        if path != "/":
            raise RefusedError(HTTPStatus.NOT_FOUND, "POST the image to /")
        return thumbnail(body, size=wanted_size(query))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(length) > MAX_BODY_BYTES:
            self._skip(int(length))  # closing over unread bytes resets the connection and loses the answer
            limit = f"the image may have up to {MAX_BODY_BYTES} bytes"
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionAbortedError
        return body

    def _skip(self, left: int) -> None:
        while left and (chunk := self.rfile.read(min(left, 65536))):
            left -= len(chunk)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
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
