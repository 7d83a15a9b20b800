"""What is around the work, whatever is worked on: signals, health, readiness, outages, protection."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dequeuer.asking import Asking
from dequeuer.breaker import Breaker
from dequeuer.clocks import steady_ms
from dequeuer.container import Container, new_session
from dequeuer.ecs_agent import TaskAgent
from dequeuer.health import Health, serving
from dequeuer.liveness import Liveness
from dequeuer.outages import Outages
from dequeuer.probes import Readiness
from dequeuer.protect import Protection
from dequeuer.shift import Pace, Shift
from dequeuer.telemetry import Telemetry
from dequeuer.worker import Worker
from penstock import environment
from penstock.tracing import start

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AsyncExitStack
    from typing import Any

    from dequeuer.settings import WorkerSettings
    from dequeuer.worker import Handler
    from penstock.ports import Source
    from penstock.tracing.ports import Tracer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shell:
    """The parts that each worker has."""

    settings: WorkerSettings
    container: Container
    telemetry: Telemetry
    tracer: Tracer
    outages: Outages
    readiness: Readiness
    liveness: Liveness
    protection: Protection
    #: Tells running attempts to give back what they work on.
    out_of_time: asyncio.Event

    @classmethod
    async def make(cls, settings: WorkerSettings, *, agent_uri: str | None, stack: AsyncExitStack) -> Shell:
        """Open for as long as the stack. Without an agent's URI this is no ECS task."""
        http = await stack.enter_async_context(new_session())
        asking = Asking(http)
        telemetry = Telemetry(deployment=settings.deployment, api=settings.api)
        pace = Pace(settle_ms=settings.settle_seconds * 1000, shift_ms=settings.shift_seconds * 1000)
        tracer = start.tracer(os.environ, service="dequeuer", read_secret=_no_secret)
        breaker = Breaker(clock=steady_ms, chance=random.random)
        return cls(
            settings,
            Container(http, port=settings.port, timeout_seconds=settings.timeout_seconds),
            telemetry,
            tracer,
            Outages(breaker, telemetry=telemetry, clock=steady_ms),
            Readiness(settings.readiness_probes.probes, port=settings.port, asking=asking),
            Liveness(settings.liveness_probes.probes, asking=asking),
            Protection(
                TaskAgent(http, agent_uri) if agent_uri else None,
                Shift(clock=steady_ms, slots=settings.max_concurrency, pace=pace),
                clock=steady_ms,
            ),
            asyncio.Event(),
        )

    def worker(self, source: Source, handler: Handler) -> Worker:
        """A worker inside of this."""
        return Worker(
            self.settings,
            source=source,
            handler=handler,
            readiness=self.readiness,
            outages=self.outages,
            protection=self.protection,
            out_of_time=self.out_of_time,
            clock=steady_ms,
        )

    def health(self, worker: Worker) -> Health:
        """What the worker tells of itself."""
        return Health(worker=worker, readiness=self.readiness, outages=self.outages)

    async def run(
        self, worker: Worker, work: Coroutine[Any, Any, None], *helpers: Coroutine[Any, Any, None]
    ) -> None:
        """Do the worker's work until the first SIGTERM or SIGINT, and then drain; helpers end with it.

        So too when a container is not alive any more, which ``liveness`` tells.
        """
        on_stop_signals(worker.stop)
        host, wanted = self.settings.health_host, self.settings.health_port
        async with serving(self.health(worker), host=host, port=wanted) as port:
            concurrency = self.settings.max_concurrency
            context = {"action": "start", "max_concurrency": concurrency, "health_port": port}
            logger.info("started", extra=context)
            await run_beside(
                work, self.readiness.run(), self.protection.run(), self.liveness.run(worker.stop), *helpers
            )


def _no_secret(name: str) -> str:
    raise environment.SettingsError(f"the secret {name} is for functions: ECS gives a task its text")


def on_stop_signals(do: Callable[[], object]) -> None:
    """Have it called at each SIGTERM and SIGINT, in place of what was called before."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, do)


async def run_beside(work: Coroutine[Any, Any, None], *helpers: Coroutine[Any, Any, None]) -> None:
    """Run the work; helpers go on beside it and end with it. A helper that dies ends everything."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(helper) for helper in helpers]
        await group.create_task(work)
        for task in tasks:
            task.cancel()
