"""A container that does whatever the query asks of it, raw on the socket where HTTP libraries would not."""

from __future__ import annotations

import json
import os
import socketserver
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

MEGABYTE = 1024 * 1024


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline().decode("latin-1")
        if not line:
            return
        headers = {}
        while header := self.rfile.readline().decode("latin-1").strip():
            name, value = header.split(": ", 1)
            headers[name.lower()] = value
        length = int(headers.get("content-length", 0))
        self.method, self.target, _ = line.split()
        query = {name: values[0] for name, values in parse_qs(self.target.partition("?")[2]).items()}
        if query.get("do") == "stream":
            self.stream(length, chunked=query["framing"] == "chunked")
            return
        body = self.rfile.read(length)
        getattr(self, "do_" + query.pop("do", "echo"))(body, headers, **query)

    def answer(
        self, status: int, body: bytes, content_type: str | None = "application/octet-stream", extra: str = ""
    ) -> None:
        kind = f"Content-Type: {content_type}\r\n" if content_type else ""
        head = f"HTTP/1.1 {status} X\r\n{kind}{extra}Content-Length: {len(body)}\r\n\r\n".encode()
        self.wfile.write(head if self.method == "HEAD" else head + body)

    def stream(self, length: int, *, chunked: bool) -> None:
        """The body goes back while it comes in: no server should have to hold all of it."""
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n{framing}\r\n\r\n".encode())
        while piece := self.rfile.read(min(length, MEGABYTE)):
            length -= len(piece)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def do_echo(self, body: bytes, headers: dict[str, str]) -> None:
        self.answer(200, body, headers.get("content-type"))

    def do_describe(self, body: bytes, headers: dict[str, str], delay: str = "0", **_more: str) -> None:
        print("started", headers["x-penstock-request-id"], headers["x-penstock-attempt"], flush=True)
        time.sleep(float(delay))
        told = {"headers": headers, "bytes": len(body), "pid": os.getpid(), "method": self.method,
                "target": self.target}  # fmt: skip
        self.answer(200, json.dumps(told).encode(), "application/json")

    def do_status(self, body: bytes, _headers: dict[str, str], code: str) -> None:
        # A 204 has no body.
        self.answer(int(code), b"" if code == "204" else b"because " + body, "text/plain")

    def do_tag(self, body: bytes, headers: dict[str, str]) -> None:
        """Say the method in a header that is kept, and more in some that are not or must not be."""
        extra = f'ETag: "{self.method}"\r\nSet-Cookie: secret\r\nX-Call-Id: forged\r\nX-Own: x\r\n'
        self.answer(200, body, headers.get("content-type"), extra)

    def do_repeat(self, body: bytes, headers: dict[str, str], times: str) -> None:
        self.answer(200, body * int(times), headers.get("content-type"))

    def do_until(
        self, body: bytes, headers: dict[str, str], attempt: str, code: str, retry_after: str = ""
    ) -> None:
        """Refuse with the code before the attempt of that number."""
        if int(headers["x-penstock-attempt"]) >= int(attempt):
            self.do_describe(body, headers)
            return
        extra = f"Retry-After: {retry_after}\r\n" if retry_after else ""
        self.wfile.write(f"HTTP/1.1 {code} X\r\n{extra}Content-Length: 4\r\n\r\nbusy".encode())

    def do_read(self, _body: bytes, _headers: dict[str, str], path: str) -> None:
        """Answer with a file of the folder that the task's containers share."""
        self.answer(200, (Path(os.environ["PENSTOCK_MNT"]) / path).read_bytes())

    def do_nothing(self, _body: bytes, _headers: dict[str, str]) -> None:
        return

    def do_half(self, _body: bytes, _headers: dict[str, str]) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot a thousand bytes")

    def do_short_length(self, _body: bytes, _headers: dict[str, str]) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nmore than three bytes")

    def do_crash(self, _body: bytes, _headers: dict[str, str]) -> None:
        os._exit(1)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(os.environ["PENSTOCK_PORT"])), Handler) as server:
        sys.stdout.write("listening\n")
        server.serve_forever()
