"""What the worker tells of itself over HTTP.

``/healthz`` is for people and alarms: 503 with the causes while nothing is received. ``/livez`` is
for ECS, which replaces a task that fails it, and so it fails only for what a new task could mend.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from dequeuer.clocks import steady_ms, wall_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from dequeuer.outages import Outages
    from dequeuer.probes import Readiness
    from dequeuer.worker import Worker
    from penstock.ports import Clock

#: How long a container may be unready, with nothing to do, before a new task is worth trying.
#: Longer than any model takes to load.
UNREADY_LIMIT_MS = 30 * 60_000


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is wrong, and since when on the steady clock."""

    code: str
    since_ms: int
    detail: str


class Health:
    """The state of one worker, asked for at any time."""

    def __init__(
        self,
        *,
        worker: Worker,
        readiness: Readiness,
        outages: Outages,
        clock: Clock = steady_ms,
        wall_clock: Clock = wall_ms,
    ) -> None:
        self._worker = worker
        self._readiness = readiness
        self._outages = outages
        self._clock = clock
        self._wall_clock = wall_clock

    def causes(self) -> list[Cause]:
        """Everything for which nothing is received."""
        found = []
        if suspects := self._outages.suspects:
            detail = f"Calls fail: {', '.join(suspects)}."
            found.append(Cause("receiving_paused", self._outages.since_ms, detail))
        if (since_ms := self._readiness.unready_since_ms) is not None:
            found.append(Cause("container_not_ready", since_ms, "A readiness probe fails."))
        if (since_ms := self._worker.stopping_since_ms) is not None:
            found.append(Cause("draining", since_ms, "The worker was told to stop."))
        return found

    def fatal(self) -> list[Cause]:
        """Everything for which the task should be replaced.

        Not an outage: a new task would meet it too. Not a container that is at work: a server
        that does one thing at a time answers no probe meanwhile.
        """
        unready_ms, idle_ms = self._readiness.unready_since_ms, self._worker.idle_since_ms
        if unready_ms is None or idle_ms is None or self._worker.stopping_since_ms is not None:
            return []
        since_ms = max(unready_ms, idle_ms)
        if self._clock() - since_ms < UNREADY_LIMIT_MS:
            return []
        return [Cause("container_not_ready", since_ms, "The container does not become ready.")]

    def answer(self, causes: Sequence[Cause]) -> web.Response:
        """The HTTP answer that tells them."""
        listed = [
            {"code": cause.code, "since": self._time_of(cause.since_ms), "detail": cause.detail}
            for cause in causes
        ]
        status = HTTPStatus.SERVICE_UNAVAILABLE if causes else HTTPStatus.OK
        return web.json_response({"healthy": not causes, "causes": listed}, status=status)

    def _time_of(self, moment_ms: int) -> str:
        at_ms = self._wall_clock() - (self._clock() - moment_ms)
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


@asynccontextmanager
async def serving(health: Health, *, host: str, port: int) -> AsyncIterator[int]:
    """Answer ``/healthz`` and ``/livez``; gives the port. ``OSError`` if it is taken."""

    async def healthz(_request: web.Request) -> web.Response:
        return health.answer(health.causes())

    async def livez(_request: web.Request) -> web.Response:
        return health.answer(health.fatal())

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/livez", livez)])
    # Its handlers never wait, so there is nothing to wait for when it ends.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
