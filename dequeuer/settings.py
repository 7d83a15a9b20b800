"""What the task definition tells the dequeuer through its environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from penstock.retries import DEFAULT_RETRY_ON, RetryOn, RetryPolicy

#: Set for the workers of a batch job.
JOB_VARIABLE = "PENSTOCK_JOB_ID"


class ProbeKind(StrEnum):
    """How a probe looks at the container."""

    #: A GET that must answer 200 to 399.
    HTTP_GET = "http_get"
    #: A connection that must be accepted.
    TCP_SOCKET = "tcp_socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One probe; names and defaults are Cortex's."""

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
class WorkerSettings:
    """What each worker is told, whatever it works on.

    Each field is read from ``PENSTOCK_`` and its name in capitals.
    """

    deployment: str
    api: str
    table: str
    bucket: str
    #: Where messages go that are none of ours.
    dead_letter_url: str
    #: Where the user's container listens.
    port: int
    #: Longest run of one attempt.
    timeout_seconds: int
    #: How long a finished request or job is kept.
    retention_seconds: int
    #: Requests or batches that the container handles at the same time.
    max_concurrency: int = 1
    readiness_probes: Probes = Probes()
    liveness_probes: Probes = Probes()
    #: What failed attempts are tried again for.
    retry_on: RetryOn = DEFAULT_RETRY_ON
    #: Shortest and longest wait before another attempt.
    retry_min_wait_seconds: int = 1
    retry_max_wait_seconds: int = 120
    #: How long a message stays hidden, and by how much each heartbeat prolongs that (R8); the queue's
    #: visibility timeout is the same. A request's lease has this length as well.
    lease_seconds: int = 30
    #: Length of a long poll. SIGTERM waits for the running one (R18).
    poll_seconds: int = 20
    #: Time from SIGTERM until unfinished work is given back (R18); ECS kills after 120 s.
    drain_seconds: int = 100
    #: How soon protection follows the work, and how long it lasts before a rest (R19).
    settle_seconds: int = 10
    shift_seconds: int = 900
    #: Where health is told; port 0 takes a free one. Only from the task itself, unless said otherwise.
    health_host: str = "127.0.0.1"
    health_port: int = 15000

    def policy(self, max_attempts: int) -> RetryPolicy:
        """When a failed attempt is tried again, if there may be so many in all."""
        return RetryPolicy(
            attempts=max_attempts,
            retry_on=self.retry_on,
            min_wait_seconds=self.retry_min_wait_seconds,
            max_wait_seconds=self.retry_max_wait_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(WorkerSettings):
    """What a worker of requests is told besides."""

    queue_url: str
    #: Attempts before a request fails for good (R6).
    max_attempts: int = 3

    @property
    def retry_policy(self) -> RetryPolicy:
        """When a failed attempt is tried again."""
        return self.policy(self.max_attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings(WorkerSettings):
    """What a worker of a batch job is told besides; queue and attempts stand in the job's record."""

    job_id: str
    #: Short: each poll that brings nothing is followed by a look whether the job is done.
    poll_seconds: int = 5
