from __future__ import annotations

import httpx
import pytest

from penstock.client import Client, InvalidInput
from penstock.client.testing import ManualTiming, ScriptedServer, accepted, state

SECRET = "penstock_" + "s" * 43
AWS_HOST = "https://abc123.execute-api.eu-central-1.amazonaws.com/live"


@pytest.fixture
def start(request):
    def start(*script, url="https://penstock.test/prod"):
        server = ScriptedServer(*script)
        client = Client(url, transport=server.transport, api_key=SECRET, timing=ManualTiming().timing)
        request.addfinalizer(client.close)
        return client, server

    return start


@pytest.mark.parametrize("url", ["https://penstock.test/prod", AWS_HOST])
def test_each_request_carries_the_key_and_no_signature(start, url):
    client, server = start(accepted(), httpx.Response(503), state("in_queue"), url=url)

    client.submit("word-count", b"x")
    client.get("word-count", "a" * 26)

    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {SECRET}"] * 3
    assert all("x-amz-date" not in request.headers for request in server.requests)


def test_the_key_is_not_sent_to_where_the_result_lies(start):
    link = httpx.Response(303, headers={"Location": "https://bucket.test/result"})
    client, server = start(link, httpx.Response(200, content=b"x"))

    client.result("word-count", "a" * 26)

    asked, fetched = server.requests
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    assert "authorization" not in fetched.headers


@pytest.mark.parametrize("secret", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(secret):
    with pytest.raises(InvalidInput) as caught:
        Client("https://penstock.test", api_key=secret)
    assert "API key" in str(caught.value)
    assert not secret or secret not in str(caught.value)


def test_a_client_does_not_show_its_key(start):
    client, _server = start()
    assert SECRET not in repr(client) + repr(client._auth)
