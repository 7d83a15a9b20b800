"""Whether and when a failed attempt is tried again: one pure decision (R6, R7, R11 of the life cycle).

An attempt fails for a cause: the container gave no complete response, took too long, or answered a
status outside 2xx. The API's policy names the causes worth another try; everything else is final,
because the same request would meet the same answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


#: 2 to the power of a large attempt would be a number that floats cannot hold.
_MOST_DOUBLINGS = 60


class Cause(StrEnum):
    """Why an attempt failed, as ``retry_on`` names it where there is no status code."""

    #: No complete response came: the connection broke, or what came was no HTTP.
    TRANSPORT = "transport"
    #: The run limit passed.
    TIMEOUT = "timeout"


#: A status code, or all codes of a class: ``429``, ``5xx``.
STATUS_PATTERN = "[345][0-9]{2}|[45]xx"

_STATUS = re.compile(STATUS_PATTERN)


@dataclass(frozen=True, slots=True)
class RetryOn:
    """The causes that are worth another try."""

    causes: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> RetryOn:
        """Read a list such as ``transport,429,5xx``; ``ValueError`` names a word that is no cause."""
        return cls.of(word for word in text.split(",") if word)

    @classmethod
    def of(cls, words: Iterable[str]) -> RetryOn:
        """From single words; ``ValueError`` as ``parse``."""
        causes = frozenset(words)
        for word in sorted(causes):
            if word not in list(Cause) and not _STATUS.fullmatch(word):
                known = ", ".join(Cause)
                raise ValueError(f"{word!r} is no cause: use {known}, a status code such as 429, 4xx or 5xx")
        return cls(causes)

    def covers(self, cause: Cause | int) -> bool:
        """Whether this cause, or this status code, is among them."""
        if isinstance(cause, Cause):
            return cause in self.causes
        return str(cause) in self.causes or f"{cause // 100}xx" in self.causes

    def __str__(self) -> str:
        return ",".join(sorted(self.causes))


DEFAULT_RETRY_ON = RetryOn.of(
    [
        *Cause,
        str(HTTPStatus.REQUEST_TIMEOUT.value),
        str(HTTPStatus.TOO_MANY_REQUESTS.value),
        "5xx",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how soon; the defaults are those of the configuration."""

    #: Attempts in all, the first one included.
    attempts: int = 3
    retry_on: RetryOn = DEFAULT_RETRY_ON
    #: No wait is shorter.
    min_wait_seconds: float = 1
    #: No wait is longer, also where the container asks for more with ``Retry-After``.
    max_wait_seconds: float = 120

    def wait_seconds(
        self, cause: Cause | int, *, attempt: int, retry_after_seconds: float | None, jitter: float
    ) -> float | None:
        """How long to wait before the next attempt; None if there is none.

        ``attempt`` is the number of the one that failed, from 1. ``jitter`` is a random number from
        0 to 1: the wait is spread over the whole range between the floor and a ceiling that doubles
        with each attempt, so that requests that failed together do not come back together.
        ``retry_after_seconds`` is what the container asked for: never less than that, within the cap.
        """
        if attempt >= self.attempts or not self.retry_on.covers(cause):
            return None
        doublings = min(attempt, _MOST_DOUBLINGS)
        ceiling = min(self.max_wait_seconds, self.min_wait_seconds * 2.0**doublings)
        floor = min(self.min_wait_seconds, self.max_wait_seconds)
        wait = floor + jitter * (max(ceiling, floor) - floor)
        return min(max(wait, retry_after_seconds or 0), self.max_wait_seconds)
