"""The call to the container against servers that misbehave on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from dequeuer.asking import Asking
from dequeuer.container import Container, NoAnswer, new_session
from dequeuer.probes import Readiness
from dequeuer.settings import Probe, ProbeKind
from localstack.emulator import free_port
from penstock.outcomes import Trouble
from penstock.ports import DependencyError, Stored
from penstock.records import Call
from tests.examples import NOW_MS, record

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except ConnectionError:
            pass  # the caller hung up, as some scripts provoke
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
    return head[0], headers, await reader.readexactly(int(headers["content-length"]))


def answering(raw: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()

    return script


async def hanging(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


def stored(body: bytes) -> Stored:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    return Stored(size_bytes=len(body), chunks=chunks())


async def call(port: int, body: bytes = b"hello", *, timeout_seconds: float = 5, request: Call | None = None):
    async with new_session() as session:
        container = Container(session, port=port, timeout_seconds=timeout_seconds)
        made = record(call=request or Call(content_type="text/plain"), attempt=2)
        async with container.call(made, stored(body)) as response:
            return response.status_code, response.headers, b"".join([c async for c in response.chunks])


async def test_the_container_sees_type_length_query_ids_and_allowed_headers():
    seen = []

    async def script(reader, writer):
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok")

    request = Call(content_type="image/png", query="top=3&q=a+b", headers={"traceparent": "00-1-2-01"})
    async with serving(script) as port:
        status, headers, body = await call(port, bytes(range(256)) * 40, request=request)
    assert (status, headers["content-type"], body) == (200, "text/plain", b"ok")
    line, received, payload = seen[0]
    assert line == "POST /?top=3&q=a+b HTTP/1.1"
    assert payload == bytes(range(256)) * 40
    assert received["content-type"] == "image/png"
    assert received["content-length"] == "10240"
    assert "transfer-encoding" not in received
    assert "accept-encoding" not in received
    assert received["traceparent"] == "00-1-2-01"
    assert received["x-penstock-request-id"] == received["x-cortex-request-id"] == "a" * 26
    assert received["x-penstock-attempt"] == "2"


async def test_an_empty_payload_has_a_length_of_zero_and_no_invented_type():
    seen = []

    async def script(reader, writer):
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with serving(script) as port:
        assert (await call(port, b"", request=Call()))[0] == 204
    assert seen[0][1]["content-length"] == "0"
    assert "content-type" not in seen[0][1]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", [b"", b"hello"])
async def test_the_container_sees_method_and_path_as_they_are_and_the_length_of_any_body(method, body):
    seen = []

    async def script(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        seen.append(
            (head[0], dict(line.split(": ", 1) for line in head[1:] if line), await reader.read(len(body)))
        )
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    path = "//a/../b%2Fc;d=e/%C3%BC%20/"
    async with serving(script) as port:
        status, _, _ = await call(port, body, request=Call(method=method, path=path, query="a=b+c&a=%26"))
    ((line, headers, received),) = seen
    assert (status, received) == (200, body)
    assert line == f"{method} {path}?a=b+c&a=%26 http/1.1".lower()
    length = headers.get("content-length")
    # RFC 9110, section 8.6: methods that expect a body say that there is none, the others need not.
    assert length in ({str(len(body))} if body or method in {"POST", "PUT", "PATCH"} else {None, "0"})
    assert "transfer-encoding" not in headers


async def test_a_function_is_told_the_id_and_the_start_of_its_call_and_another_request_is_not():
    seen = []

    async def script(reader, writer):
        seen.append((await read_request(reader))[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with serving(script) as port:
        await call(port, request=Call(call_id="order:1"))
        await call(port, request=Call())
    function, other = seen
    assert (function["x-call-id"], function["x-start-time"]) == ("order:1", f"{NOW_MS}000000")
    assert not {"x-call-id", "x-start-time"} & set(other)


@pytest.mark.parametrize(
    "raw",
    [
        b"",  # nothing at all
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly ten..",  # half
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",  # no last chunk
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Le",  # half a head
    ],
)
async def test_half_a_response_or_none_is_no_answer(raw):
    async with serving(answering(raw)) as port:
        with pytest.raises(NoAnswer) as caught:
            await call(port)
    assert caught.value.trouble is Trouble.INCOMPLETE
    assert str(caught.value)


async def test_a_response_longer_than_it_says_is_no_answer_as_its_length_cannot_be_trusted():
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more")) as port:
        with pytest.raises(NoAnswer, match="not one HTTP response"):
            await call(port)


async def test_a_redirect_is_an_answer_and_is_not_followed():
    async with serving(answering(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")) as port:
        assert (await call(port))[0] == 302


async def test_a_compressed_answer_is_kept_as_it_is():
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08"
    async with serving(answering(raw)) as port:
        assert (await call(port))[2] == b"\x1f\x8b\x08"


async def test_a_container_that_never_answers_is_given_up_after_the_run_limit():
    async with serving(hanging) as port:
        with pytest.raises(NoAnswer, match=r"within 0.2 s") as caught:
            await call(port, timeout_seconds=0.2)
    assert caught.value.trouble is Trouble.TIMEOUT


async def test_a_container_that_stops_in_the_middle_of_its_answer_is_given_up_too():
    async def script(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        await reader.read(-1)

    async with serving(script) as port:
        with pytest.raises(NoAnswer) as caught:
            await call(port, timeout_seconds=0.2)
    assert caught.value.trouble is Trouble.TIMEOUT


async def test_the_time_in_which_our_store_takes_the_answer_is_not_the_containers():
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + bytes(4_000_000)
    async with serving(answering(raw)) as port, new_session() as session:
        container = Container(session, port=port, timeout_seconds=0.5)
        received = 0
        async with container.call(record(), stored(b"x")) as response:
            async for chunk in response.chunks:
                received += len(chunk)
                await asyncio.sleep(0.1)  # the store is slow: far longer than the run limit in all
    assert received == 4_000_000


async def test_a_header_that_is_no_ascii_is_dropped_and_the_answer_kept():
    raw = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain; name="\xfc"\r\nContent-Length: 2\r\n\r\nok'
    async with serving(answering(raw)) as port:
        status, headers, body = await call(port)
    assert (status, body) == (200, b"ok")
    assert "content-type" not in headers


async def test_a_port_where_nothing_listens_is_unreachable():
    with pytest.raises(NoAnswer) as caught:
        await call(free_port())
    assert caught.value.trouble is Trouble.UNREACHABLE


async def test_an_answer_before_the_payload_was_read_counts():
    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        await writer.drain()
        await reader.read(-1)

    async with serving(script) as port:
        assert (await call(port, b"x" * 100_000))[::2] == (413, b"big")


async def test_a_fault_of_our_own_store_is_not_blamed_on_the_container():
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 10
        raise DependencyError("S3 is down")

    async with serving(hanging) as port, new_session() as session:
        container = Container(session, port=port, timeout_seconds=5)
        payload = Stored(size_bytes=1000, chunks=broken())
        with pytest.raises(DependencyError, match="S3 is down"):
            await container.call(record(), payload).__aenter__()


async def ready_within(readiness: Readiness, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await readiness.wait()
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def probing(*probes: Probe, port: int) -> AsyncIterator[Readiness]:
    async with new_session() as session:
        readiness = Readiness(probes, port=port, asking=Asking(session))
        running = asyncio.create_task(readiness.run())
        yield readiness
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


HEALTH = Probe(kind=ProbeKind.HTTP_GET, port=0, path="/healthz", period_seconds=0.02, timeout_seconds=0.5)


def health(port: int, **changes) -> Probe:
    values = {name: getattr(HEALTH, name) for name in HEALTH.__slots__}
    return Probe(**values | {"port": port} | changes)


def get_answering(*statuses: int) -> Script:
    left = list(statuses)

    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())

    return script


@pytest.mark.parametrize(("status", "ready"), [(200, True), (302, True), (404, False), (503, False)])
async def test_an_http_probe_is_content_with_200_to_399(status, ready):
    async with serving(get_answering(status)) as port, probing(health(port), port=port) as readiness:
        assert await ready_within(readiness, 5 if ready else 0.2) is ready


async def test_without_a_probe_of_its_own_the_port_is_waited_for():
    async with serving(hanging) as port, probing(port=port) as readiness:
        assert await ready_within(readiness, 5)
    async with probing(port=free_port()) as readiness:
        assert not await ready_within(readiness, 0.2)


async def test_a_container_that_comes_up_late_becomes_ready_then():
    script = get_answering(503, 503, 503, 200)
    async with serving(script) as port, probing(health(port), port=port) as readiness:
        assert await ready_within(readiness, 5)


async def test_two_containers_with_the_same_probe_become_ready():
    async with (
        serving(get_answering(200)) as port,
        probing(health(port), health(port), port=port) as readiness,
    ):
        assert await ready_within(readiness, 5)


async def test_a_doubted_container_is_ready_again_with_the_next_good_probe():
    async with serving(get_answering(200)) as port, probing(health(port), port=port) as readiness:
        assert await ready_within(readiness, 5)
        readiness.doubt()
        assert not readiness.ready
        assert await ready_within(readiness, 5)


async def test_one_bad_answer_below_the_failure_threshold_changes_nothing():
    script = get_answering(200, 503, 503, 200)
    async with serving(script) as port, probing(health(port), port=port) as readiness:
        assert await ready_within(readiness, 5)
        await asyncio.sleep(0.1)
        assert await ready_within(readiness, 0.01)
