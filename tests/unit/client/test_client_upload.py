from __future__ import annotations

import base64
import hashlib
import json

import httpx
import pytest

from penstock.client import ApiProblem, InvalidInput, ServerUnreachable, UnexpectedAnswer
from penstock.client.testing import REQUEST_ID, accepted, answer, problem
from penstock.client.upload import INLINE_BYTES

SIZE = INLINE_BYTES + 1
UPLOAD_ID = f"{'a' * 26}-{'b' * 26}"
LINK = "https://bucket.s3.test/payloads/key?X-Amz-Signature=secret"
HEADERS = {"Content-Length": str(SIZE), "Content-Type": "video/mp4", "If-None-Match": "*"}


def invited(**members) -> httpx.Response:
    return answer(201, {"upload_id": UPLOAD_ID, "url": LINK, "method": "PUT", "headers": HEADERS} | members)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"x" * SIZE)
    return path


def submit(client, path, **parts):
    return client.submit_file(
        "word-count", path, content_type="video/mp4", idempotency_key="order-1", **parts
    )


def test_a_small_file_is_sent_in_the_call(start, tmp_path):
    path = tmp_path / "small"
    path.write_bytes(b"x" * INLINE_BYTES)
    client, server = start(accepted())

    assert submit(client, path).id == REQUEST_ID

    (request,) = server.requests
    assert len(request.content) == INLINE_BYTES


def test_a_large_file_is_uploaded_and_then_submitted_by_its_id(start, file):
    client, server = start(invited(), httpx.Response(200), accepted(), auth=httpx.BasicAuth("me", "secret"))
    told = []

    submission = submit(client, file, query=[("a", "b")], on_progress=lambda *sent: told.append(sent))

    ask, put, hand_in = server.requests
    assert (ask.method, ask.url.path) == ("POST", "/prod/uploads/word-count")
    assert json.loads(ask.content) == {
        "size_bytes": SIZE,
        "content_type": "video/mp4",
        "checksum_sha256": base64.b64encode(hashlib.sha256(b"x" * SIZE).digest()).decode(),
    }
    assert (put.method, str(put.url)) == ("PUT", LINK)
    assert put.content == b"x" * SIZE
    assert {name: put.headers[name] for name in HEADERS} == HEADERS
    assert hand_in.content == b""
    assert hand_in.headers["x-upload-id"] == UPLOAD_ID
    assert hand_in.url.query == b"a=b"
    assert {ask.headers["idempotency-key"], hand_in.headers["idempotency-key"]} == {"order-1"}
    assert submission.idempotency_key == "order-1"
    assert told[-1] == (SIZE, SIZE)


def test_the_storage_gets_only_what_the_link_was_signed_with(start, file):
    client, server = start(invited(), httpx.Response(200), accepted(), auth=httpx.BasicAuth("me", "secret"))

    submit(client, file)

    assert set(server.requests[1].headers) == {"host", *(name.lower() for name in HEADERS)}


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("no"), httpx.WriteError("broken"), httpx.Response(503), httpx.Response(500)]
)
def test_a_broken_upload_starts_again_from_the_beginning(start, file, fault, manual):
    client, server = start(invited(), fault, httpx.Response(200), accepted())

    submit(client, file)

    assert server.requests[2].content == b"x" * SIZE
    assert manual.sleeps_seconds == [0.25]


def test_an_upload_that_is_there_already_is_done(start, file):
    client, _ = start(invited(), httpx.ReadError("lost"), httpx.Response(412), accepted())

    assert submit(client, file).id == REQUEST_ID


def test_an_upload_is_given_up_in_the_end(start, file):
    client, server = start(invited(), *[httpx.ConnectError("no")] * 5)

    with pytest.raises(ServerUnreachable) as caught:
        submit(client, file)

    assert server.exhausted
    assert "secret" not in str(caught.value)


def test_what_the_storage_refuses_is_told_without_the_link(start, file):
    refused = httpx.Response(403, text="<Error><Code>AccessDenied</Code></Error>")
    client, _ = start(invited(), refused)

    with pytest.raises(ApiProblem, match="The storage refused the upload: AccessDenied") as caught:
        submit(client, file)

    assert (caught.value.code, caught.value.status) == ("http_403", 403)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "members",
    [
        {"url": "nowhere"},
        {"url": None},
        {"headers": []},
        {"headers": {"Content-Length": 5}},
        {"upload_id": 5},
    ],
)
def test_an_invitation_that_cannot_be_followed_is_told(start, file, members):
    client, server = start(invited(**members))

    with pytest.raises(UnexpectedAnswer):
        submit(client, file)

    assert server.exhausted


def test_a_redirected_upload_is_no_upload(start, file):
    client, _ = start(invited(), httpx.Response(307, headers={"location": LINK}))

    with pytest.raises(UnexpectedAnswer, match="status 307"):
        submit(client, file)


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1, 0])
def test_a_file_that_changes_while_it_is_sent_is_not_taken(start, file, size, monkeypatch):
    client, _ = start(invited(), httpx.Response(200))
    ask = client._exchange.ask

    def change(*parts, **more):
        file.write_bytes(b"y" * size)
        return ask(*parts, **more)

    monkeypatch.setattr(client._exchange, "ask", change)

    with pytest.raises(InvalidInput, match="changed while it was sent"):
        submit(client, file)


def test_a_file_that_cannot_be_read_is_the_callers_error(start, tmp_path):
    client, server = start()

    with pytest.raises(OSError, match="missing"):
        submit(client, tmp_path / "missing")

    assert not server.requests


def test_an_object_is_named_instead_of_sent(start):
    client, server = start(accepted(), accepted())

    client.submit_url("word-count", "s3://bucket/a b", idempotency_key="order-1", query=[("a", "b")])
    client.submit_url("word-count", "s3://bucket/a b", content_type="image/png")

    first, second = server.requests
    assert (first.content, first.headers["x-payload-url"]) == (b"", "s3://bucket/a b")
    assert first.headers["idempotency-key"] == "order-1"
    assert "content-type" not in first.headers
    assert second.headers["content-type"] == "image/png"


def test_an_object_that_no_header_can_name_is_refused(start):
    client, server = start()

    with pytest.raises(InvalidInput, match="payload URL"):
        client.submit_url("word-count", "s3://bucket/ä")

    assert not server.requests


def test_a_refused_object_is_told_with_its_code(start):
    client, _ = start(problem(403, "payload_url_not_allowed"))

    with pytest.raises(ApiProblem) as caught:
        client.submit_url("word-count", "s3://bucket/a")

    assert caught.value.code == "payload_url_not_allowed"
