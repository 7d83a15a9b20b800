"""Waiting for what another process or task brings about: a condition and a deadline instead of a sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.02


def eventually(predicate: Callable[[], T], *, within_seconds: float, what: str) -> T:
    """Return the first truthy answer of `predicate`; `what` says in the failure what never came."""
    deadline = time.monotonic() + within_seconds
    while not (answer := predicate()):
        assert time.monotonic() < deadline, f"{what}: not within {within_seconds} s"
        time.sleep(POLL_SECONDS)
    return answer
