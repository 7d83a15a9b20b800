"""Names looked up by the operating system, within a bounded time."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from penstock.webhooks.guard import NotResolved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

#: The system's own patience, several tries of 5 s each, is longer than our callers'.
PATIENCE_SECONDS = 2.0


class SystemResolver:
    """Asks for both families at once."""

    def __init__(
        self,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        executor: Executor | None = None,
        look_up: Callable[..., Sequence[tuple[object, object, object, object, tuple[object, ...]]]]
        | None = None,
    ) -> None:
        self._patience_seconds = patience_seconds
        # A look-up that hangs cannot be ended: it keeps its thread, and the next ones have others.
        self._executor = executor or ThreadPoolExecutor(8, thread_name_prefix="resolver")
        self._look_up = look_up or socket.getaddrinfo

    def __call__(self, host: str) -> Sequence[str]:
        """See ``Resolve``."""
        asked = self._executor.submit(self._look_up, host, None, type=socket.SOCK_STREAM)
        try:
            found = asked.result(timeout=self._patience_seconds)
        except TimeoutError as error:
            asked.cancel()
            raise NotResolved(f"no answer within {self._patience_seconds:g} s") from error
        except (OSError, UnicodeError) as error:
            raise NotResolved("no such name") from error
        return [str(address[0]) for *_, address in found]
