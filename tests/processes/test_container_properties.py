"""Whatever a container answers: it is a response, or it is no answer. Nothing else comes out."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dequeuer.container import NoAnswer
from penstock.headers import RESPONSE_HEADERS, allowed
from tests.processes.test_container import answering, call, serving

GOOD = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello'

heads = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=5)
answers = (
    st.binary(max_size=200)
    | st.builds(lambda cut, added: GOOD[:cut] + added, st.integers(0, len(GOOD)), st.binary(max_size=10))
    | st.builds(
        lambda place, byte: GOOD[:place] + byte + GOOD[place + 1 :],
        st.integers(0, len(GOOD) - 1),
        st.binary(min_size=1, max_size=1),
    )
    | st.builds(
        lambda code, lines, body: b"\r\n".join([b"HTTP/1.1 %d X" % code, *lines, b"", body]),
        st.integers(0, 1200),
        heads,
        st.binary(max_size=30),
    )
)


@settings(max_examples=300, deadline=None)
@given(raw=answers)
@example(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 3)
@example(raw=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx")
@example(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello")
@example(raw=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")
@example(raw=b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
def test_any_bytes_are_a_response_or_no_answer(raw: bytes):
    async def asked() -> None:
        async with serving(answering(raw)) as port:
            status, headers, body = await call(port, timeout_seconds=2)
        assert 100 <= status <= 999
        assert body in raw
        assert all(value.isprintable() for value in allowed(headers, RESPONSE_HEADERS).values())

    with suppress(NoAnswer):
        asyncio.run(asked())
