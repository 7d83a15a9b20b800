"""What the task definition tells the dequeuer through its environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from penstock.retries import DEFAULT_RETRY_ON, RetryOn, RetryPolicy


class ProbeKind(StrEnum):
    """How a probe looks at the container."""

    #: A GET that must answer 200 to 399.
    HTTP_GET = "http_get"
    #: A connection that must be accepted.
    TCP_SOCKET = "tcp_socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One readiness probe; names and defaults are Cortex's."""

    kind: ProbeKind
    port: int
    path: str = "/"
    initial_delay_seconds: float = 0
    timeout_seconds: float = 1
    period_seconds: float = 10
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class Probes:
    """All probes of a task."""

    probes: tuple[Probe, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Probes:
        """Read a JSON list of probes; ``ValueError`` says what is wrong."""
        try:
            return cls(
                tuple(Probe(**entry | {"kind": ProbeKind(entry["kind"])}) for entry in json.loads(text))
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a list of probes ({error})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is read from ``PENSTOCK_`` and its name in capitals."""

    api: str
    table: str
    bucket: str
    queue_url: str
    #: Where messages go that are none of ours.
    dead_letter_url: str
    #: Where the user's container listens.
    port: int
    #: Longest run of one attempt.
    timeout_seconds: int
    #: How long a finished request is kept.
    retention_seconds: int
    #: Requests that the container handles at the same time.
    max_concurrency: int = 1
    readiness_probes: Probes = Probes()
    #: Attempts before a request fails for good (R6).
    max_attempts: int = 3
    #: What failed attempts are tried again for.
    retry_on: RetryOn = DEFAULT_RETRY_ON
    #: Shortest and longest wait before another attempt.
    retry_min_wait_seconds: int = 1
    retry_max_wait_seconds: int = 120
    #: Length of a lease, and of each extension (R8); the queue's visibility timeout is the same.
    lease_seconds: int = 30
    #: Length of a long poll. SIGTERM waits for the running one (R18).
    poll_seconds: int = 20
    #: Time from SIGTERM until unfinished work is given back (R18); ECS kills after 120 s.
    drain_seconds: int = 100
    #: Where health is told; port 0 takes a free one. Only from the task itself, unless said otherwise.
    health_host: str = "127.0.0.1"
    health_port: int = 15000

    @property
    def retry_policy(self) -> RetryPolicy:
        """When a failed attempt is tried again."""
        return RetryPolicy(
            attempts=self.max_attempts,
            retry_on=self.retry_on,
            min_wait_seconds=self.retry_min_wait_seconds,
            max_wait_seconds=self.retry_max_wait_seconds,
        )
