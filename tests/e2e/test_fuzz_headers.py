"""Headers that HTTP allows and no client should send, on a bare socket: libraries refuse some of them."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given

from penstock import keys, names
from penstock.headers import REQUEST_HEADERS
from penstock.records import RequestKey
from tests import hostile_headers
from tests.e2e.conftest import DEPLOYMENT, Stack
from tests.e2e.fuzzing import API, PATIENCE_SECONDS, fuzz, still_works


@pytest.mark.timeout(600)
def test_of_all_headers_only_allowed_ones_are_stored_and_none_does_harm(stack: Stack):
    @fuzz
    @given(sent=hostile_headers.headers)
    def holds(sent: list[tuple[str, str]]) -> None:
        status, document = submitted(stack.local.url, sent)
        assert status in {200, 202, 400, 403, 404, 422}, document
        if status == 202:
            item = stored_item(stack, document["id"])
            allowed = item["call"]["M"]["headers"]["M"]
            assert allowed.keys() <= REQUEST_HEADERS
            allowed.clear()
            item["call"]["M"].pop("content_type", None)
            assert hostile_headers.SECRET not in json.dumps(item)

    holds()
    still_works(stack)


def submitted(url: str, sent: list[tuple[str, str]]) -> tuple[int, dict[str, Any]]:
    address = urlsplit(url)
    lines = [
        f"POST {address.path}/async/{API} HTTP/1.1",
        f"Host: {address.netloc}",
        "Content-Length: 5",
        "Connection: close",
        *(f"{name}: {value}" for name, value in sent),
        "",
        "hello",
    ]
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), json.loads(body)


def stored_item(stack: Stack, request_id: str) -> dict[str, Any]:
    primary = keys.request_item(RequestKey(api=API, id=request_id))
    found = stack.aws("dynamodb").get_item(
        TableName=names.table(DEPLOYMENT),
        Key={name: {"S": value} for name, value in primary.items()},
        ConsistentRead=True,
    )
    item: dict[str, Any] = found["Item"]
    return item
