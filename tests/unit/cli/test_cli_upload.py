from __future__ import annotations

import httpx
import pytest

from penstock.client.testing import REQUEST_ID, accepted, answer, problem
from penstock.client.upload import INLINE_BYTES

SIZE = INLINE_BYTES + 1
INVITATION = {
    "upload_id": f"{'a' * 26}-{'b' * 26}",
    "url": "https://bucket.s3.test/key?signature=secret",
    "headers": {"Content-Length": str(SIZE), "Content-Type": "video/mp4"},
}


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "clip.mp4"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


def test_a_large_file_is_uploaded_under_the_key(terminal, large):
    terminal.serve(answer(201, INVITATION), httpx.Response(200), accepted())

    result = terminal.run("submit", "word-count", "--file", large, "--key", "order-1", "--query", "a=b")

    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{REQUEST_ID}\n", "")
    ask, put, hand_in = terminal.server.requests
    assert (ask.headers["idempotency-key"], hand_in.headers["idempotency-key"]) == ("order-1", "order-1")
    assert b'"video/mp4"' in ask.content
    assert len(put.content) == SIZE
    assert hand_in.url.query == b"a=b"


def test_a_person_sees_how_far_the_upload_is(personal, large):
    personal.serve(answer(201, INVITATION), httpx.Response(200), accepted())

    result = personal.run("submit", "word-count", "--file", large)

    assert result.exit_code == 0
    assert "clip.mp4" in result.stderr
    assert result.stdout == f"{REQUEST_ID}\n"


def test_an_upload_that_breaks_off_can_be_repeated_with_the_same_key(terminal, large):
    terminal.serve(answer(201, INVITATION), *[httpx.ConnectError("no")] * 5)

    result = terminal.run("submit", "word-count", "--file", large, "--key", "order-1")

    assert (result.exit_code, result.stdout) == (4, "")
    assert "--key order-1" in result.stderr
    assert "secret" not in result.stderr


def test_an_object_is_named_with_its_url(terminal):
    terminal.serve(accepted())

    assert terminal.run("submit", "word-count", "--payload-url", "s3://bucket/key").exit_code == 0

    (request,) = terminal.server.requests
    assert request.headers["x-payload-url"] == "s3://bucket/key"
    assert "content-type" not in request.headers


def test_a_bucket_that_is_not_listed_is_told_with_the_key_of_the_configuration(terminal):
    terminal.serve(problem(403, "payload_url_not_allowed"))

    result = terminal.run("submit", "word-count", "--payload-url", "s3://bucket/key")

    assert result.exit_code == 3
    assert "input_buckets" in result.stderr


@pytest.mark.parametrize("other", [("--data", "x"), ("--file", "-")])
def test_a_request_has_one_payload(terminal, other):
    result = terminal.run("submit", "word-count", "--payload-url", "s3://bucket/key", *other)

    assert result.exit_code == 2
    assert "--payload-url" in result.stderr
    assert not terminal.server.requests


def test_what_comes_through_a_pipe_and_is_too_large_is_told_with_the_way_out(terminal):
    terminal.serve(problem(413, "payload_too_large"))

    result = terminal.run("submit", "word-count", "--file", "-", stdin=b"x")

    assert result.exit_code == 3
    assert "--file" in result.stderr
