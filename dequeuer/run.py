"""What the parts of an attempt share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.tracing.ports import OFF

if TYPE_CHECKING:
    from collections.abc import Callable

    from dequeuer.cleanup import Cleaner
    from dequeuer.container import Container
    from dequeuer.lease import Heartbeat
    from dequeuer.telemetry import Telemetry
    from penstock.ports import Clock, Delivery, Ledger, Source, Streams
    from penstock.records import RequestKey, RequestRecord
    from penstock.tracing.ports import Tracer


@dataclass(frozen=True, slots=True)
class Ports:
    """What an attempt works with."""

    ledger: Ledger
    source: Source
    streams: Streams
    container: Container
    cleaner: Cleaner
    heartbeat: Heartbeat
    telemetry: Telemetry
    clock: Clock
    #: A random number from 0 to 1, for the spread of waits.
    chance: Callable[[], float]
    #: Told that the container refuses connections, whatever its probes said last.
    on_unreachable: Callable[[], None]
    tracer: Tracer = OFF


@dataclass(frozen=True, slots=True)
class Run:
    """An attempt in progress: the request is ours as long as its record holds this lease."""

    record: RequestRecord
    lease: str
    delivery: Delivery
    #: Where the attempt is in a trace, if it is traced.
    trace: str | None = None

    @property
    def key(self) -> RequestKey:
        """The request's key."""
        return self.record.key

    @property
    def traced_as(self) -> dict[str, str | int]:
        """What spans of this attempt are known by."""
        return {"api": self.record.api, "id": self.record.id, "attempt": self.record.attempt}

    def log_context(self, action: str) -> dict[str, str | int]:
        """What a log line about this attempt may hold."""
        return {"action": action, **self.traced_as}
