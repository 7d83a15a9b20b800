from __future__ import annotations

import json
from contextlib import suppress

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.client import ApiProblem, Client, ClientError, InvalidInput, InvalidUrl, UnexpectedAnswer
from penstock.client.testing import REQUEST_ID, ManualTiming


@pytest.mark.parametrize(
    ("response", "code", "text"),
    [
        # Penstock's own
        (
            httpx.Response(
                404,
                json={"code": "unknown_api", "title": "No such API", "detail": '"x" is not deployed.'},
            ),
            "unknown_api",
            'No such API: "x" is not deployed. (unknown_api, HTTP 404)',
        ),
        # API Gateway's
        (
            httpx.Response(403, json={"message": "Missing Authentication Token"}),
            "http_403",
            "Forbidden: Missing Authentication Token (http_403, HTTP 403)",
        ),
        # a proxy's
        (
            httpx.Response(500, text="<html>\n  <h1>Oops</h1>"),
            "http_500",
            "Internal Server Error: <html> <h1>Oops</h1> (http_500, HTTP 500)",
        ),
        # nothing at all
        (httpx.Response(418), "http_418", "I'm a teapot (http_418, HTTP 418)"),
        (
            httpx.Response(499),
            "http_499",
            "The server reported an error (http_499, HTTP 499)",
        ),
        # members of other types
        (
            httpx.Response(400, json={"code": 7, "title": None, "detail": []}),
            "http_400",
            "Bad Request (http_400, HTTP 400)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() else "",
)
def test_every_error_status_is_told(start, response, code, text):
    client, _ = start(response)

    with pytest.raises(ApiProblem) as caught:
        client.get("word-count", REQUEST_ID)

    assert (caught.value.code, str(caught.value)) == (code, text)


def test_long_bodies_are_cut(start):
    client, _ = start(httpx.Response(500, text="x" * 10_000))

    with pytest.raises(ApiProblem) as caught:
        client.get("word-count", REQUEST_ID)

    assert len(caught.value.detail) < 250


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, content=b""),
        httpx.Response(204),
        httpx.Response(302, headers={"location": "https://login.test"}),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b'"\xff"'),
    ],
    ids=["html", "empty", "no content", "login page", "nested", "no UTF-8"],
)
def test_other_servers_are_recognised(start, response):
    client, _ = start(response)

    with pytest.raises(UnexpectedAnswer, match=r"https://penstock\.test/prod/async/word-count"):
        client.get("word-count", REQUEST_ID)


def test_a_wrong_content_encoding_is_an_unexpected_answer(start):
    class Plain(httpx.SyncByteStream):
        def __iter__(self):
            yield b"not gzip"

    client, _ = start(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Plain()))

    with pytest.raises(UnexpectedAnswer):
        client.get("word-count", REQUEST_ID)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_MEMBERS = st.sampled_from(
    ["id", "api", "status", "attempt", "created_at", "queued_seconds", "error", "result", "code", "detail"]
)
_NEAR_MISSES = st.dictionaries(
    _MEMBERS, _VALUES | st.sampled_from(["in_queue", "completed", "2026-10-01T12:00:00Z"])
).map(lambda members: json.dumps(members).encode())
_HEADERS = st.dictionaries(
    st.sampled_from([b"content-type", b"location", b"retry-after", b"content-encoding", b"set-cookie"]),
    st.binary(max_size=20)
    | st.sampled_from(
        [b"gzip", b"deflate", b"30", b"https://bucket.test/x", b"http://xn--/", b"http://x:99999"]
    ),
).map(lambda headers: list(headers.items()))


class _Bytes(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self):
        yield self._content


@settings(max_examples=400)
@given(
    status=st.integers(200, 599) | st.just(303),
    headers=_HEADERS,
    content=st.binary(max_size=40) | _NEAR_MISSES,
    call=st.sampled_from(["submit", "get", "cancel", "result"]),
)
def test_any_answer_is_a_value_or_a_client_error(status, headers, content, call):
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=_Bytes(content))

    transport, timing = httpx.MockTransport(handler), ManualTiming().timing
    # Any other error would fail the test.
    with Client("https://penstock.test", transport=transport, timing=timing) as client, suppress(ClientError):
        if call == "submit":
            client.submit("word-count", b"")
        else:
            getattr(client, call)("word-count", REQUEST_ID)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:4566",
        "penstock.test/prod",
        "ftp://penstock.test",
        "http://",
        "http://penstock.test:port",
        "http://penstock.test:99999999",
        "http://[::1",
        "http://penstock.test/prod?stage=1",
        "http://penstock.test/prod#top",
        "http://pen stock.test/\x00",
        "http://xn--/",
        "https://\udcff.test",
    ],
)
def test_an_unusable_url_is_refused_with_an_example(url):
    with pytest.raises(InvalidUrl, match=r"is no usable URL: .+\. Give one such as http"):
        Client(url)


@pytest.mark.parametrize(
    ("api", "path"),
    [
        ("word-count", b"/prod/async/word-count/id"),
        ("a/b", b"/prod/async/a%2Fb/id"),
        ("a?b#c%20", b"/prod/async/a%3Fb%23c%2520/id"),
        ("ä\udcff", b"/prod/async/%C3%A4%FF/id"),
        ("...", b"/prod/async/.../id"),
    ],
)
def test_names_cannot_leave_their_place_in_the_path(start, api, path):
    client, server = start(httpx.Response(404))

    with pytest.raises(ApiProblem):
        client.get(api, "id")

    assert server.requests[0].url.raw_path == path


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_a_path_cannot_hold_are_refused(start, name):
    client, server = start()

    with pytest.raises(InvalidInput):
        client.get(name, "id")
    with pytest.raises(InvalidInput):
        client.get("word-count", name)

    assert server.requests == []


def test_a_password_in_the_url_is_not_shown():
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    with (
        Client("https://me:secret@penstock.test:8443/prod", transport=httpx.MockTransport(handler)) as client,
        pytest.raises(UnexpectedAnswer) as caught,
    ):
        client.get("word-count", "id")

    assert "https://penstock.test:8443/prod/async/word-count/id" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_unusable_proxy_settings_are_told(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "foo://proxy.test")

    with pytest.raises(InvalidInput, match="HTTPS_PROXY"):
        Client("https://penstock.test")
