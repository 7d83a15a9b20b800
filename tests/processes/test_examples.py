"""The example servers as a container runs them: a process, real HTTP, real signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "ecs_tasks" / "examples"


class Example:
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    def connection(self) -> closing[HTTPConnection]:
        return closing(HTTPConnection("127.0.0.1", self.port, timeout=20))

    def call(self, method, target, body=None, **headers):
        with self.connection() as connection:
            connection.request(
                method, target, body, {name.replace("_", "-"): v for name, v in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()

    def refuses_connections(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0


@contextmanager
def started(name: str, folder: Path) -> Iterator[Example]:
    log = folder / f"{name}.log"
    environment = os.environ | {"HOST": "127.0.0.1", "PENSTOCK_PORT": "0"}
    with log.open("w") as stderr:
        command = [sys.executable, "server.py"]
        process = subprocess.Popen(command, cwd=EXAMPLES / name, env=environment, stderr=stderr)
    try:
        listening = eventually(
            lambda: re.search(r"listening on 127\.0\.0\.1:(\d+)\n", log.read_text()),
            within_seconds=20,
            what=f"{name} listens",
        )
        assert listening
        yield Example(process, int(listening[1]), log)
    finally:
        process.kill()
        process.wait()


def begin(connection: HTTPConnection, target: str, length: int) -> None:
    """Send a request's headers and return when the server has read them: the body is still to come."""
    connection.putrequest("POST", target)
    connection.putheader("Content-Length", str(length))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 100")


@pytest.fixture(scope="module")
def word_count(tmp_path_factory):
    with started("word_count", tmp_path_factory.mktemp("word_count")) as example:
        yield example


@pytest.fixture(scope="module")
def thumbnail(tmp_path_factory):
    with started("thumbnail", tmp_path_factory.mktemp("thumbnail")) as example:
        yield example


def png(shape: tuple[int, int], mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    Image.new(mode, shape).save(buffer, "PNG")
    return buffer.getvalue()


def test_word_count_answers_with_the_counts(word_count):
    body = "Die Größe der Größe".encode("latin-1")

    status, content_type, answer = word_count.call(
        "POST", "/?top=1", body, Content_Type="text/plain; charset=iso-8859-1"
    )

    assert (status, content_type) == (200, "application/json")
    assert json.loads(answer) == {"words": 4, "characters": 19, "lines": 1, "most_common": [["größe", 2]]}


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/", b"\xff\xfe\xff", 400),  # not UTF-8
        ("POST", "/?top=many", b"text", 400),  # bad option
        ("POST", "/?delay=601", b"text", 400),  # longer than anyone should wait
        ("POST", "/elsewhere", b"text", 404),  # no such path
        ("GET", "/", None, 404),  # nothing to GET there
        ("POST", "/", [b"chunked"], 411),  # no length
        ("POST", "/", b"a" * (16 * 1024**2 + 1), 413),  # too long, and the answer still arrives
        ("PUT", "/", b"text", 501),  # no such method
    ],
    ids=lambda value: "body" if isinstance(value, bytes | list) else None,
)
def test_word_count_says_in_json_what_it_refuses(word_count, method, target, body, status):
    answered, content_type, answer = word_count.call(method, target, body)

    assert (answered, content_type) == (status, "application/json")
    assert json.loads(answer)["error"]


@pytest.mark.parametrize("name", ["word_count", "thumbnail"])
def test_the_readiness_probe_is_answered_and_not_logged(request, name):
    example = request.getfixturevalue(name)

    status, _, answer = example.call("GET", "/healthz")

    assert (status, json.loads(answer)) == (200, {"status": "ok"})
    assert "/healthz" not in example.log.read_text()


def test_thumbnail_answers_with_a_png(thumbnail):
    status, content_type, answer = thumbnail.call(
        "POST", "/?size=100", png((400, 200)), Content_Type="image/png"
    )

    assert (status, content_type) == (200, "image/png")
    image = Image.open(BytesIO(answer))
    assert (image.format, image.size) == ("PNG", (100, 50))


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("/", b"no image", 422),  # not an image
        ("/", png((5000, 4001), "1"), 422),  # where Pillow by itself would only warn
        ("/", b"", 422),  # nothing
        ("/?size=0", png((4, 4)), 400),  # bad option
        ("/elsewhere", png((4, 4)), 404),  # no such path
        ("/", b"a" * (32 * 1024**2 + 1), 413),  # too long, and the answer still arrives
    ],
    ids=lambda value: "body" if isinstance(value, bytes) else None,
)
def test_thumbnail_says_in_json_what_it_refuses(thumbnail, target, body, status):
    answered, content_type, answer = thumbnail.call("POST", target, body)

    assert (answered, content_type) == (status, "application/json")
    assert json.loads(answer)["error"]


@pytest.mark.parametrize(
    ("name", "target", "body"),
    [
        ("word_count", "/?delay=0.5", b"two words"),  # still at work when the signal comes
        ("thumbnail", "/", png((400, 200))),  # still receiving
    ],
)
def test_a_stop_lets_the_running_request_finish(tmp_path, name, target, body):
    with started(name, tmp_path) as example, example.connection() as connection:
        # Given a request that has begun
        begin(connection, target, len(body))
        connection.send(body[:5])
        # When the server is told to stop
        example.process.send_signal(signal.SIGTERM)
        # Then it takes no new work,
        eventually(example.refuses_connections, within_seconds=5, what="new connections refused")
        # finishes what it had,
        connection.send(body[5:])
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        # and ends well.
        assert example.process.wait(timeout=5) == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["word_count", "thumbnail"])
def test_an_idle_server_stops_at_once(tmp_path, name, stop):
    with started(name, tmp_path) as example:
        example.process.send_signal(stop)

        assert example.process.wait(timeout=5) == 0


def test_a_caller_that_hangs_up_does_not_hold_up_the_exit(tmp_path):
    with started("word_count", tmp_path) as example:
        with example.connection() as connection:
            begin(connection, "/?delay=600", 4)
            connection.send(b"text")

        example.process.send_signal(signal.SIGTERM)

        assert example.process.wait(timeout=5) == 0
        assert "Traceback" not in example.log.read_text()
