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

import boto3
import pytest
from moto.server import ThreadedMotoServer
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
def started(name: str, folder: Path, **variables: str) -> Iterator[Example]:
    log = folder / f"{name}.log"
    # No job's specification, unless a test gives one.
    environment = os.environ | {"HOST": "127.0.0.1", "PENSTOCK_PORT": "0", "PENSTOCK_JOB_SPEC": "/none"}
    environment |= variables
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


@pytest.fixture(scope="module")
def s3_url():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3(s3_url):
    client = boto3.client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket="jobs")
    return client


@pytest.fixture(scope="module")
def of_a_job(s3, s3_url, tmp_path_factory):
    """Start an example as the worker of a job whose results go to s3://jobs/out."""

    @contextmanager
    def _started(name):
        folder = tmp_path_factory.mktemp(name)
        spec = folder / "job.json"
        spec.write_text(json.dumps({"config": {"dest_s3_dir": "s3://jobs/out"}}))
        with started(name, folder, AWS_ENDPOINT_URL=s3_url, PENSTOCK_JOB_SPEC=str(spec)) as example:
            yield example

    return _started


@pytest.fixture(scope="module")
def sum_batch(of_a_job):
    with of_a_job("sum_batch") as example:
        yield example


@pytest.fixture(scope="module")
def image_batch(of_a_job):
    with of_a_job("image_batch") as example:
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


@pytest.mark.parametrize("name", ["word_count", "thumbnail", "sum_batch", "image_batch"])
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


BATCH = {"X_Penstock_Job_ID": "1" * 16, "X_Penstock_Batch_ID": "0-0"}


def test_sum_batch_answers_with_each_batch_s_sum_and_stores_the_total(sum_batch, s3):
    one = sum_batch.call("POST", "/", b"[1, 2, 3]", **BATCH)
    sum_batch.call("POST", "/", b"[[4, 5], [6]]", **{**BATCH, "X_Penstock_Batch_ID": "0-1"})
    again = sum_batch.call("POST", "/", b"[1, 2, 3]", **BATCH)
    assert one == again == (200, "application/json", b'{"sum": 6}')

    status, _, answer = sum_batch.call("POST", "/on-job-complete", b"{}", X_Penstock_Job_ID="1" * 16)

    assert (status, json.loads(answer)) == (200, {"total": 21, "batches": 2})
    stored = s3.get_object(Bucket="jobs", Key=f"out/{'1' * 16}/total.json")["Body"].read()
    assert json.loads(stored) == {"total": 21, "batches": 2}


def test_image_batch_stores_thumbnails_and_names_what_is_of_no_use(image_batch, s3):
    s3.put_object(Bucket="jobs", Key="in/a.png", Body=png((400, 200)))
    paths = ["s3://jobs/in/a.png", "s3://jobs/in/b.png"]

    fine = image_batch.call("POST", "/", json.dumps(paths[:1]).encode(), **BATCH)
    status, _, answer = image_batch.call("POST", "/", json.dumps(paths).encode(), **BATCH)

    thumbnails = {paths[0]: "s3://jobs/out/jobs/in/a.png.png"}
    assert (fine[0], json.loads(fine[2])) == (200, {"thumbnails": thumbnails, "unusable": {}})
    unusable = {paths[1]: "there is no such object"}
    assert (status, json.loads(answer)) == (422, {"thumbnails": thumbnails, "unusable": unusable})
    stored = s3.get_object(Bucket="jobs", Key="out/jobs/in/a.png.png")["Body"].read()
    assert Image.open(BytesIO(stored)).size == (128, 64)


@pytest.mark.parametrize(
    ("name", "target", "body", "headers", "status"),
    [
        ("sum_batch", "/", b"[1, true]", BATCH, 422),  # no number
        ("sum_batch", "/", b"[1]", {}, 400),  # of no job
        ("sum_batch", "/", b"[1]", {**BATCH, "X_Penstock_Batch_ID": "../0"}, 400),  # no batch's id
        ("sum_batch", "/elsewhere", b"[1]", BATCH, 404),  # no such path
        ("image_batch", "/", b"[1]", BATCH, 422),  # no path
        ("image_batch", "/", b'["s3://nobody-s/x"]', BATCH, 502),  # S3 refuses, and might not tomorrow
        ("image_batch", "/on-job-complete", b"{}", BATCH, 404),  # nothing to do
        ("image_batch", "/", b"a" * (1024**2 + 1), BATCH, 413),  # too long, and the answer still arrives
    ],
    ids=lambda value: "body" if isinstance(value, bytes) else None,
)
def test_the_batch_examples_say_in_json_what_they_refuse(request, name, target, body, headers, status):
    example = request.getfixturevalue(name)

    answered, content_type, answer = example.call("POST", target, body, **headers)

    assert (answered, content_type) == (status, "application/json")
    assert json.loads(answer)["error"]


def test_sum_batch_without_a_folder_knows_its_own_batches(tmp_path):
    with started("sum_batch", tmp_path) as example:
        example.call("POST", "/", b"[1, 2]", **BATCH)

        _, _, answer = example.call("POST", "/on-job-complete", b"{}", **BATCH)

        assert json.loads(answer) == {"total": 3, "batches": 1}


def test_image_batch_tells_each_batch_that_its_job_names_no_folder(tmp_path):
    with started("image_batch", tmp_path) as example:
        status, _, answer = example.call("POST", "/", b'["s3://jobs/x"]', **BATCH)

        assert status == 422
        assert "dest_s3_dir" in json.loads(answer)["error"]


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
@pytest.mark.parametrize("name", ["word_count", "thumbnail", "sum_batch", "image_batch"])
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
