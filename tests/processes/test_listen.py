"""The local receiver of ``penstock webhook listen`` on a real socket."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection
from http.server import HTTPServer

from penstock.cli.webhook_listen import handler
from penstock.webhooks import signature

SECRET = signature.new_secret()


def received(body: bytes, headers: dict[str, str], *, secret: str | None, answer: int = 200) -> int:
    """The status that one call of the receiver is answered with."""
    with HTTPServer(("127.0.0.1", 0), handler(secret=secret, answer=answer)) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        connection = HTTPConnection("127.0.0.1", server.server_port)
        connection.request("POST", "/hook", body, headers)
        status = connection.getresponse().status
        connection.close()
        thread.join()
    return status


def test_a_call_is_answered_and_printed(capfdbinary):
    status = received(b'{"a": 1}', {"webhook-id": "evt"}, secret=None, answer=503)

    printed, told = capfdbinary.readouterr()
    assert status == 503
    assert json.loads(printed) == {"a": 1}
    assert told == b"/hook  evt  not verified\n"


def test_an_answer_of_a_function_is_verified_over_its_very_bytes_and_told(capfdbinary):
    body = bytes(range(256))
    signed = signature.headers("evt", body, secrets=[SECRET], now_ms=time.time_ns() // 1_000_000)
    headers = {
        **signed,
        "Content-Type": "image/png",
        "X-Call-Id": "mine",
        "X-Function-Name": "thumbnail",
        "X-Function-Status": "200",
    }

    assert received(body, headers, secret=SECRET) == 200
    printed, told = capfdbinary.readouterr()
    assert printed == b"256 bytes that are no text\n"
    assert told.decode().splitlines() == [
        "/hook  evt  verified",
        "X-Call-Id: mine",
        "X-Function-Name: thumbnail",
        "X-Function-Status: 200",
        "Content-Type: image/png",
    ]
    assert received(body[:-1] + b"?", headers, secret=SECRET) == 401
    assert b"NOT VERIFIED" in capfdbinary.readouterr()[1]
