"""One POST to an admitted address: pinned, without redirects, and over within its time.

The standard library's client on a socket of our own: it knows no proxies, follows nothing, and asks
no name server, since the socket is connected already. ``Host`` and the name in TLS are the URL's.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

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
                answer = self._exchange(sock, admitted.destination, body, headers)
            except ssl.SSLError:
                answer = NoAnswer(Trouble.TLS)
            except (OSError, http.client.HTTPException, ValueError):
                # ValueError: what http.client raises for a status line or length that is no number.
                answer = NoAnswer(Trouble.INCOMPLETE)
            return NoAnswer(Trouble.TIMEOUT) if isinstance(answer, NoAnswer) and late.is_set() else answer

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
    ) -> Answer | NoAnswer:
        connection = http.client.HTTPConnection(destination.host, destination.port)
        if destination.scheme == "https":
            sock = self._tls.wrap_socket(sock, server_hostname=destination.host)
        connection.sock = sock
        # Without a socket it would look the name up, and connect, by itself.
        connection.auto_open = 0
        try:
            connection.request("POST", destination.path, body, {"Host": destination.host_header, **headers})
            response = connection.getresponse()
            answer = Answer(response.status, self._retry_after(response))
            # The answer stands, whatever becomes of its body.
            with suppress(OSError, http.client.HTTPException, ValueError):
                response.read(MOST_BODY_BYTES)
            response.close()
            return answer
        finally:
            connection.close()

    def _retry_after(self, response: http.client.HTTPResponse) -> float | None:
        text = response.headers.get("Retry-After")
        return None if text is None else retry_after_seconds(text, now_ms=self._clock())


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
