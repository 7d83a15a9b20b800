"""A container that has moods: what it does with an attempt stands in the query, one mood per attempt.

When all moods are over it does its work, which is a hash of the payload: nobody who did not see the
whole payload can give that answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import socketserver
import sys
import time
from urllib.parse import parse_qsl, urlsplit


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline().decode("latin-1")
        if not line:
            return  # a probe
        headers = {}
        while header := self.rfile.readline().decode("latin-1").strip():
            name, value = header.split(": ", 1)
            headers[name.lower()] = value
        body = self.rfile.read(int(headers["content-length"]))
        asked = dict(parse_qsl(urlsplit(line.split()[1]).query))
        time.sleep(float(asked["work"]))
        moods = dict(enumerate(asked.get("moods", "").split(","), start=1))
        mood = moods.get(int(headers["x-penstock-attempt"])) or "work"
        if "refuse" in asked:
            mood = "refuse"
        getattr(self, f"do_{mood}")(json.dumps({"sha256": hashlib.sha256(body).hexdigest()}).encode())

    def answer(self, status: int, body: bytes, extra: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.wfile.write(f"{head}{extra}\r\n".encode() + body)

    def do_work(self, answer: bytes) -> None:
        self.answer(200, answer)

    def do_crash(self, _answer: bytes) -> None:
        os._exit(1)

    def do_hang(self, _answer: bytes) -> None:
        time.sleep(60)

    def do_garbage(self, answer: bytes) -> None:
        self.wfile.write(b"\0\xff garbage \r\n" + answer)

    def do_half(self, answer: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        self.wfile.write(answer[: len(answer) // 2])

    def do_error(self, _answer: bytes) -> None:
        self.answer(500, b'{"error": "in a mood"}')

    def do_busy(self, _answer: bytes) -> None:
        self.answer(429, b'{"error": "not now"}', "Retry-After: 2\r\n")

    def do_refuse(self, answer: bytes) -> None:
        self.answer(422, answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(os.environ["PENSTOCK_PORT"])), Handler) as server:
        sys.stdout.write("listening\n")
        server.serve_forever()
