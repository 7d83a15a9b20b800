"""Outgoing calls on real sockets: pinned, named right in TLS and Host, and over in time."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from penstock.outgoing.call import Caller
from penstock.outgoing.resolver import SystemResolver
from penstock.testing import ManualClock
from penstock.webhooks.guard import Admitted, Guard, Policy
from penstock.webhooks.schedule import Answer, NoAnswer, Trouble
from tests.receivers import receiving

LOCAL = Policy(loopback=True)


def caller(**options) -> Caller:
    return Caller(ManualClock(), **options)


def admitted(url: str) -> Admitted:
    return Guard(LOCAL, lambda _host: ["127.0.0.1"]).admit(url)


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that says what it likes to each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    talk(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_a_call_brings_its_body_and_headers_and_nothing_of_the_environment(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiving() as receiver:
        answer = caller().post(admitted(receiver.url("/a?b=c%20d")), b"\x00body", {"X-One": "1"})

        assert answer == Answer(200)
        [got] = receiver.calls
        assert (got.path, got.body) == ("/a?b=c%20d", b"\x00body")
        assert got.headers["host"] == f"127.0.0.1:{receiver.server.server_address[1]}"
        assert got.headers["x-one"] == "1"
        assert got.headers["content-length"] == "5"


def test_a_name_goes_into_host_while_the_connection_goes_to_the_checked_address():
    with receiving() as receiver:
        port = receiver.server.server_address[1]
        # No such name exists: had the call looked it up, it would have failed.
        answer = caller().post(admitted(f"http://hooks.invalid-name.example:{port}/"), b"", {})

        assert answer == Answer(200)
        assert receiver.calls[0].headers["host"] == f"hooks.invalid-name.example:{port}"


def test_the_next_address_is_tried_where_one_does_not_listen():
    with receiving() as receiver:
        found = Guard(LOCAL, lambda _host: ["127.0.0.2", "127.0.0.1"]).admit(
            f"http://two.example.com:{receiver.server.server_address[1]}/"
        )

        assert caller(connect=_only_one).post(found, b"", {}) == Answer(200)


def _only_one(address: tuple[str, int], timeout: float) -> socket.socket:
    if address[0] == "127.0.0.2":
        raise ConnectionRefusedError
    return socket.create_connection(address, timeout)


def test_a_redirect_is_an_answer_and_nobody_follows_it():
    with receiving() as receiver:
        receiver.script["/"] = [302]
        receiver.extra["/"] = {"Location": receiver.url("/elsewhere")}

        assert caller().post(admitted(receiver.url("/")), b"", {}) == Answer(302)
        assert [call.path for call in receiver.calls] == ["/"]


def test_retry_after_is_read():
    with receiving() as receiver:
        receiver.script["/"] = [429]
        receiver.extra["/"] = {"Retry-After": "17"}

        assert caller().post(admitted(receiver.url("/")), b"", {}) == Answer(429, 17)


def _silent(connection: socket.socket) -> None:
    connection.recv(1)


def _dripping_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(connection)


def _dripping_status(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 2")
    _drip(connection)


def _drip(connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)
    except OSError:
        return


@pytest.mark.parametrize("talk", [_silent, _dripping_headers, _dripping_status])
def test_a_receiver_that_hangs_or_drips_is_left_in_time(talk):
    with talking(talk) as port:
        started = time.monotonic()
        answer = caller(deadline_seconds=0.6).post(admitted(f"http://127.0.0.1:{port}/"), b"", {})

        assert answer == NoAnswer(Trouble.TIMEOUT)
        assert 0.5 <= time.monotonic() - started < 5


def _dripping_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\n")
    _drip(connection)


def _endless_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 202 Accepted\r\n\r\n")
    try:
        while True:
            connection.sendall(bytes(65_536))
    except OSError:
        return


@pytest.mark.parametrize("talk", [_dripping_body, _endless_body])
def test_an_answer_stands_whatever_its_body_does_and_the_body_is_not_read_for_ever(talk):
    with talking(talk) as port:
        started = time.monotonic()
        answer = caller(deadline_seconds=0.6).post(admitted(f"http://127.0.0.1:{port}/"), b"", {})

        assert answer == Answer(202)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 -1 X\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x00\xff" * 100,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_answer_is_told_as_such_and_never_raised(said):
    with talking(lambda connection: connection.sendall(said)) as port:
        answer = caller(deadline_seconds=5).post(admitted(f"http://127.0.0.1:{port}/"), b"", {})

        # The last one has a status, which stands.
        assert answer in {NoAnswer(Trouble.INCOMPLETE), Answer(200)}
        assert (answer == Answer(200)) is (b"zz" in said)


def test_a_port_where_nobody_listens_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert caller().post(admitted(f"http://127.0.0.1:{port}/"), b"", {}) == NoAnswer(Trouble.UNREACHABLE)


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """Key and self-signed certificate of hooks.example.com in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def receiving_tls(certificate: Path) -> Iterator[tuple[int, list[str | None]]]:
    """A TLS server, and the names that clients asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with receiving() as receiver:
        receiver.server.socket = context.wrap_socket(
            receiver.server.socket, server_side=True, do_handshake_on_connect=False
        )
        yield receiver.server.server_address[1], asked


def test_tls_asks_for_the_urls_name_and_verifies_it(certificate):
    with receiving_tls(certificate) as (port, asked):
        trusting = caller(tls=lambda: ssl.create_default_context(cafile=str(certificate)))

        assert trusting.post(admitted(f"https://hooks.example.com:{port}/"), b"{}", {}) == Answer(200)
        assert asked == ["hooks.example.com"]
        other = trusting.post(admitted(f"https://other.example.com:{port}/"), b"{}", {})
        assert other == NoAnswer(Trouble.TLS)


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    with receiving_tls(certificate) as (port, _):
        answer = caller().post(admitted(f"https://hooks.example.com:{port}/"), b"{}", {})

        assert answer == NoAnswer(Trouble.TLS)


def test_a_handshake_that_hangs_is_left_in_time():
    with talking(_silent) as port:
        answer = caller(deadline_seconds=0.5).post(admitted(f"https://127.0.0.1:{port}/"), b"", {})

        assert answer == NoAnswer(Trouble.TIMEOUT)


def test_the_systems_resolver_knows_this_machine():
    assert "127.0.0.1" in SystemResolver()("localhost")
