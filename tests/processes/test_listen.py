"""The local receiver of ``penstock webhook listen`` on a real socket."""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection
from http.server import HTTPServer

from penstock.cli.webhook_listen import handler


def test_a_call_is_answered_and_printed(capfdbinary):
    with HTTPServer(("127.0.0.1", 0), handler(secret=None, answer=503)) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        connection = HTTPConnection("127.0.0.1", server.server_port)
        connection.request("POST", "/hook", b'{"a": 1}', {"webhook-id": "evt"})
        status = connection.getresponse().status
        connection.close()
        thread.join()

    printed, told = capfdbinary.readouterr()
    assert status == 503
    assert json.loads(printed) == {"a": 1}
    assert b"/hook  evt  not verified" in told
