"""When to send again, and how long to wait before: for requests, and between looks at one."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_RETRIES = 4

#: Answers after which the same request may succeed; each may come from API Gateway or a proxy.
RETRIED = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

#: A server that asks for more is not waited for: the caller knows better what to do meanwhile.
MAX_RETRY_AFTER_SECONDS = 30

_FIRST_BACKOFF_SECONDS = 0.25
_FIRST_POLL_SECONDS = 0.2
_LAST_POLL_SECONDS = 2.0
_POLL_GROWTH = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Time and chance, injected so that tests neither wait nor vary."""

    sleep: Callable[[float], None] = time.sleep
    #: Seconds from any fixed moment.
    clock: Callable[[], float] = time.monotonic
    #: Evenly spread over 0 to 1.
    random: Callable[[], float] = random.random


def backoff_seconds(retry: int, *, chance: float) -> float:
    """Half fixed, half random, doubling: clients that failed together do not return together."""
    return _FIRST_BACKOFF_SECONDS * float(2**retry) * (0.5 + chance / 2)


def retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """What the server asks for; a date, which AWS and Penstock never send, counts as absent."""
    text = headers.get("retry-after", "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    # Longer numbers are refused by int(), and mean the same.
    return int(text[:9])


def poll_intervals(chance: Callable[[], float]) -> Iterator[float]:
    """Pauses between two looks at a request: short for quick work, and never a burden for long work."""
    interval = _FIRST_POLL_SECONDS
    while True:
        yield interval * (0.8 + 0.2 * chance())
        interval = min(interval * _POLL_GROWTH, _LAST_POLL_SECONDS)
