from __future__ import annotations

import os
import stat
import threading

import httpx
import pytest

from penstock.client import ApiProblem, Result, ServerUnreachable, UnexpectedAnswer
from penstock.client.testing import REQUEST_ID, answer, problem

LINK = "https://bucket.s3.test/results/key?X-Amz-Signature=secret"


def stored(content: bytes = b"\x89PNG") -> httpx.Response:
    return httpx.Response(200, content=content, headers={"content-type": "image/png"})


def breaking_off() -> httpx.Response:
    class Broken(httpx.SyncByteStream):
        def __iter__(self):
            yield b"half"
            raise httpx.ReadError("connection reset")

    return httpx.Response(200, stream=Broken())


def test_result_returns_the_stored_bytes(start):
    client, server = start(stored())

    assert client.result("word-count", REQUEST_ID) == Result(content=b"\x89PNG", content_type="image/png")
    (request,) = server.requests
    assert request.url.path == f"/prod/async/word-count/{REQUEST_ID}/result"
    assert request.headers["accept"] == "*/*"


def test_result_follows_a_presigned_link_without_our_credentials(start):
    client, server = start(
        httpx.Response(303, headers={"location": LINK}), stored(), auth=httpx.BasicAuth("me", "secret")
    )

    assert client.result("word-count", REQUEST_ID).content == b"\x89PNG"
    ours, storage = server.requests
    assert "authorization" in ours.headers
    assert str(storage.url) == LINK
    assert "authorization" not in storage.headers
    assert "idempotency-key" not in storage.headers


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "/elsewhere",
        "ftp://x/y",
        "https://",
        "https://x:70000",
        "http://xn--/",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_nowhere_is_refused(start, location):
    headers = {} if location is None else {"location": location}
    client, server = start(httpx.Response(303, headers=headers))

    with pytest.raises(UnexpectedAnswer):
        client.result("word-count", REQUEST_ID)

    assert len(server.requests) == 1


def test_one_redirect_is_followed_and_no_second(start):
    client, server = start(
        httpx.Response(303, headers={"location": LINK}), httpx.Response(307, headers={"location": LINK})
    )

    with pytest.raises(UnexpectedAnswer, match="answered with status 307"):
        client.result("word-count", REQUEST_ID)

    assert server.exhausted


def test_errors_of_the_storage_do_not_tell_the_link(start):
    client, _ = start(
        httpx.Response(303, headers={"location": LINK}),
        httpx.Response(403, text="<Error>AccessDenied</Error>"),
    )

    with pytest.raises(UnexpectedAnswer, match="answered with status 403") as caught:
        client.result("word-count", REQUEST_ID)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("status", "code"), [(409, "not_finished"), (404, "no_result")])
def test_result_tells_why_there_is_none(start, status, code):
    client, _ = start(problem(status, code))

    with pytest.raises(ApiProblem) as caught:
        client.result("word-count", REQUEST_ID)

    assert caught.value.code == code


def test_other_redirects_are_no_results(start):
    client, _ = start(httpx.Response(301, headers={"location": LINK}))

    with pytest.raises(UnexpectedAnswer, match="status 301"):
        client.result("word-count", REQUEST_ID)


def test_download_saves_the_result(start, tmp_path):
    client, _ = start(stored(b"x" * 100_000))
    path = tmp_path / "result.png"
    path.write_text("an older result")

    delivery = client.download("word-count", REQUEST_ID, path)

    assert path.read_bytes() == b"x" * 100_000
    assert (delivery.size_bytes, delivery.content_type) == (100_000, "image/png")
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_download_leaves_the_old_file(start, tmp_path):
    client, _ = start(breaking_off())
    path = tmp_path / "result.png"
    path.write_text("an older result")

    with pytest.raises(ServerUnreachable, match="connection reset"):
        client.download("word-count", REQUEST_ID, path)

    assert path.read_text() == "an older result"
    assert list(tmp_path.iterdir()) == [path]


def test_download_writes_behind_a_link(start, tmp_path):
    client, _ = start(stored(b"new"))
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)

    client.download("word-count", REQUEST_ID, link)

    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_download_never_replaces_a_device(start, tmp_path):
    client, _ = start(stored(b"new"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    client.download("word-count", REQUEST_ID, pipe)
    reader.join()

    assert read == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_download_leaves_errors_of_the_disk_to_the_caller(start, tmp_path):
    client, _ = start(stored())
    with pytest.raises(IsADirectoryError):
        client.download("word-count", REQUEST_ID, tmp_path)

    client, _ = start(stored())
    with pytest.raises(FileNotFoundError):
        client.download("word-count", REQUEST_ID, tmp_path / "missing" / "file")


def test_reading_a_result_is_tried_again(start):
    client, _ = start(httpx.ConnectError("refused"), answer(200, {"words": 2}))

    assert client.result("word-count", REQUEST_ID).content == b'{"words": 2}'
