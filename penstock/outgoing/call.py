"""One POST to an admitted address: pinned, without redirects, and over within its time.

HTTP on a socket of our own: there are no proxies, no redirects, and no name server is asked, since the
socket is connected already. ``Host`` and the name in TLS are the URL's. h11 reads the answer strictly;
the standard library would take headers that break off for whole ones.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import h11

from penstock.retry_after import retry_after_seconds
from penstock.webhooks.schedule import Answer, NoAnswer, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penstock.ports import Clock
    from penstock.webhooks.guard import Admitted
    from penstock.webhooks.urls import Destination

#: From the first connection to the end of the answer.
DEADLINE_SECONDS = 15.0

#: Of the answer's body so much is read, so that the receiver sees an orderly end; nothing is kept.
MOST_BODY_BYTES = 65_536
_CHUNK_BYTES = 16_384


class Connect(Protocol):
    """Opens a TCP connection; ``OSError``."""

    def __call__(self, address: tuple[str, int], timeout: float) -> socket.socket:
        """Connect to an IP address and a port."""


class Caller:
    """Makes calls; one instance serves many threads."""

    def __init__(
        self,
        clock: Clock,
        *,
        connect: Connect = socket.create_connection,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._clock = clock
        self._connect = connect
        self._tls = tls()
        self._deadline_seconds = deadline_seconds

    def post(self, admitted: Admitted, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Call, and say what came back."""
        ends = time.monotonic() + self._deadline_seconds
        try:
            sock = self._connected(admitted, ends)
        except TimeoutError:
            return NoAnswer(Trouble.TIMEOUT)
        except OSError:
            return NoAnswer(Trouble.UNREACHABLE)
        with _ended_at(sock, ends) as late:
            try:
                return self._exchange(sock, admitted.destination, body, headers)
            except ssl.SSLError:
                trouble = Trouble.TLS
            except (OSError, h11.RemoteProtocolError):
                trouble = Trouble.INCOMPLETE
            return NoAnswer(Trouble.TIMEOUT if late.is_set() else trouble)

    def _connected(self, admitted: Admitted, ends: float) -> socket.socket:
        refused: OSError = TimeoutError()
        for tried, address in enumerate(admitted.addresses):
            # One that swallows packets leaves the others their share of the time.
            share = (ends - time.monotonic()) / (len(admitted.addresses) - tried)
            if share <= 0:
                break
            try:
                return self._connect((address, admitted.destination.port), share)
            except OSError as error:
                refused = error
        raise refused

    def _exchange(
        self, sock: socket.socket, destination: Destination, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        if destination.scheme == "https":
            sock = self._tls.wrap_socket(sock, server_hostname=destination.host)
        with sock:
            connection = h11.Connection(our_role=h11.CLIENT)
            sock.sendall(_request(connection, destination, body, headers))
            response = _next(connection, sock)
            while isinstance(response, h11.InformationalResponse):
                response = _next(connection, sock)
            assert isinstance(response, h11.Response)
            # The answer stands, whatever becomes of its body.
            with suppress(OSError, h11.RemoteProtocolError):
                _pass_over_body(connection, sock)
            return Answer(response.status_code, self._retry_after(response))

    def _retry_after(self, response: h11.Response) -> float | None:
        for name, value in response.headers:
            if name == b"retry-after":
                return retry_after_seconds(value.decode("latin-1"), now_ms=self._clock())
        return None


def _request(
    connection: h11.Connection, destination: Destination, body: bytes, headers: Mapping[str, str]
) -> bytes:
    request = h11.Request(
        method="POST",
        target=destination.path,
        headers=[
            ("Host", destination.host_header),
            ("Content-Length", str(len(body))),
            *headers.items(),
        ],
    )
    events = (request, h11.Data(data=body), h11.EndOfMessage())
    return b"".join(connection.send(event) or b"" for event in events)


def _next(connection: h11.Connection, sock: socket.socket) -> h11.Event:
    """The next event, read as far as it takes; ``RemoteProtocolError`` for what is no HTTP or ends early."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(sock.recv(_CHUNK_BYTES))
    assert isinstance(event, h11.Event)
    return event


def _pass_over_body(connection: h11.Connection, sock: socket.socket) -> None:
    left_bytes = MOST_BODY_BYTES
    while left_bytes > 0 and isinstance(event := _next(connection, sock), h11.Data):
        left_bytes -= len(event.data)


@contextmanager
def _ended_at(sock: socket.socket, ends: float) -> Iterator[threading.Event]:
    """Shut the connection down at that time, told by the event: a receiver that drips goes on for ever.

    A socket's own timeout is that of a single read.
    """
    late = threading.Event()
    # TLS moves the descriptor into another object; a second one of the same connection stays ours.
    handle = sock.dup()

    def end() -> None:
        late.set()
        with suppress(OSError):  # the connection has ended meanwhile
            handle.shutdown(socket.SHUT_RDWR)

    sock.settimeout(None)
    timer = threading.Timer(max(0.0, ends - time.monotonic()), end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()
        handle.close()
        sock.close()
