"""Puts the dequeuer together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dequeuer.attempt import Attempts
from dequeuer.breaker import Breaker
from dequeuer.cleanup import Cleaner
from dequeuer.clients import clients
from dequeuer.clocks import steady_ms, wall_ms
from dequeuer.container import Container, new_session
from dequeuer.ecs_agent import URI_VARIABLE, TaskAgent
from dequeuer.health import Health, serving
from dequeuer.lease import Heartbeat
from dequeuer.outages import Outages
from dequeuer.probes import Readiness
from dequeuer.protect import Protection
from dequeuer.run import Ports
from dequeuer.settings import Settings
from dequeuer.shift import Shift
from dequeuer.telemetry import Telemetry, configure_logging
from dequeuer.watched import WatchedLedger, WatchedStreams
from dequeuer.worker import Worker
from penstock import environment
from penstock.aws.ledger import DynamoLedger
from penstock.aws.source import SqsSource
from penstock.aws.streams import S3Streams

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    import aiohttp

logger = logging.getLogger(__name__)

#: Exit code for settings that cannot be used.
EX_CONFIG = 78


def main() -> None:
    """Run until SIGTERM or SIGINT; exits with 78 if the environment is not usable."""
    try:
        settings = environment.read(Settings, os.environ)
    except environment.SettingsError as error:
        sys.stderr.write(f"dequeuer: {error}\n")
        sys.exit(EX_CONFIG)
    configure_logging(settings.api)
    asyncio.run(serve(settings, agent_uri=os.environ.get(URI_VARIABLE)))


async def serve(settings: Settings, *, agent_uri: str | None) -> None:
    """Work until the first SIGTERM or SIGINT, then drain. Without an agent's URI this is no ECS task."""
    async with AsyncExitStack() as stack:
        parts = await _assemble(settings, agent_uri, stack)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, parts.worker.stop)
        port = await stack.enter_async_context(
            serving(parts.health, host=settings.health_host, port=settings.health_port)
        )
        context = {"action": "start", "max_concurrency": settings.max_concurrency, "health_port": port}
        logger.info("started", extra=context)
        await _run_beside(parts.worker.run(), *(helper.run() for helper in parts.helpers))
        await parts.cleaner.flush()
    logger.info("stopped", extra={"action": "stopped"})


@dataclass(frozen=True, slots=True)
class _Parts:
    worker: Worker
    cleaner: Cleaner
    health: Health
    #: What runs beside the worker.
    helpers: tuple[Cleaner | Readiness | Protection, ...]


async def _assemble(settings: Settings, agent_uri: str | None, stack: AsyncExitStack) -> _Parts:
    http = await stack.enter_async_context(new_session())
    telemetry, out_of_time = Telemetry(settings.api), asyncio.Event()
    outages = Outages(Breaker(clock=steady_ms, chance=random.random), telemetry=telemetry, clock=steady_ms)
    readiness = Readiness(settings.readiness_probes.probes, port=settings.port, session=http)
    ports = await _ports(
        settings, stack, http=http, telemetry=telemetry, outages=outages, readiness=readiness
    )
    protection = Protection(
        TaskAgent(http, agent_uri) if agent_uri else None,
        Shift(clock=steady_ms, slots=settings.max_concurrency),
        clock=steady_ms,
    )
    worker = Worker(
        settings,
        source=ports.source,
        attempts=Attempts(settings, ports, out_of_time=out_of_time),
        readiness=readiness,
        outages=outages,
        protection=protection,
        out_of_time=out_of_time,
        clock=steady_ms,
    )
    health = Health(worker=worker, readiness=readiness, outages=outages)
    return _Parts(worker, ports.cleaner, health, (ports.cleaner, readiness, protection))


async def _ports(
    settings: Settings,
    stack: AsyncExitStack,
    *,
    http: aiohttp.ClientSession,
    telemetry: Telemetry,
    outages: Outages,
    readiness: Readiness,
) -> Ports:
    dynamodb, sqs, s3 = await clients(settings, stack)
    source = SqsSource(sqs, settings.queue_url, dead_letter_url=settings.dead_letter_url)
    streams = WatchedStreams(S3Streams(s3, settings.bucket), outages)
    ledger = WatchedLedger(DynamoLedger(dynamodb, settings.table), outages)
    return Ports(
        ledger=ledger,
        source=source,
        streams=streams,
        container=Container(http, port=settings.port, timeout_seconds=settings.timeout_seconds),
        cleaner=Cleaner(source=source, streams=streams),
        heartbeat=Heartbeat(
            ledger=ledger, source=source, clock=wall_ms, lease_seconds=settings.lease_seconds
        ),
        telemetry=telemetry,
        clock=wall_ms,
        chance=random.random,
        on_unreachable=readiness.doubt,
    )


async def _run_beside(work: Coroutine[Any, Any, None], *helpers: Coroutine[Any, Any, None]) -> None:
    """Run the work; helpers go on beside it and end with it. A helper that dies ends everything."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(helper) for helper in helpers]
        await group.create_task(work)
        for task in tasks:
            task.cancel()
