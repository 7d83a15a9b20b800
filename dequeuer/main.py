"""Puts the dequeuer together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from dequeuer.attempt import Attempts
from dequeuer.cleanup import Cleaner
from dequeuer.container import Container, new_session
from dequeuer.lease import Heartbeat
from dequeuer.probes import Readiness
from dequeuer.run import Ports
from dequeuer.settings import Settings
from dequeuer.telemetry import Telemetry, configure_logging
from dequeuer.worker import Worker
from penstock import environment
from penstock.aws.ledger import DynamoLedger
from penstock.aws.source import SqsSource
from penstock.aws.streams import S3Streams

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sqs import SQSClient

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
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Work until the first SIGTERM or SIGINT, then drain."""
    async with AsyncExitStack() as stack:
        worker, cleaner, readiness = await _assemble(settings, stack)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        logger.info("started", extra={"action": "start", "max_concurrency": settings.max_concurrency})
        await _run_beside(worker.run(), cleaner.run(), readiness.run())
        await cleaner.flush()
    logger.info("stopped", extra={"action": "stopped"})


async def _assemble(settings: Settings, stack: AsyncExitStack) -> tuple[Worker, Cleaner, Readiness]:
    http = await stack.enter_async_context(new_session())
    dynamodb, sqs, s3 = await _clients(settings, stack)
    source, streams = SqsSource(sqs, settings.queue_url), S3Streams(s3, settings.bucket)
    ledger, cleaner = DynamoLedger(dynamodb, settings.table), Cleaner(source=source, streams=streams)
    readiness = Readiness(settings.readiness_probes.probes, port=settings.port, session=http)
    out_of_time = asyncio.Event()
    ports = Ports(
        ledger=ledger,
        source=source,
        streams=streams,
        container=Container(http, port=settings.port, timeout_seconds=settings.timeout_seconds),
        cleaner=cleaner,
        heartbeat=Heartbeat(
            ledger=ledger, source=source, clock=_now_ms, lease_seconds=settings.lease_seconds
        ),
        telemetry=Telemetry(settings.api),
        clock=_now_ms,
        chance=random.random,
        on_unreachable=readiness.doubt,
    )
    worker = Worker(
        settings,
        source=source,
        attempts=Attempts(settings, ports, out_of_time=out_of_time),
        readiness=readiness,
        out_of_time=out_of_time,
    )
    return worker, cleaner, readiness


async def _clients(settings: Settings, stack: AsyncExitStack) -> tuple[DynamoDBClient, SQSClient, S3Client]:
    session = get_session()
    common = AioConfig(
        connect_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=2 * settings.max_concurrency + 8,
    )
    # A hung connection to the table must be given up long before the lease is over.
    brief = common.merge(AioConfig(read_timeout=2))
    # A long poll must not look like a dead connection.
    patient = common.merge(AioConfig(read_timeout=settings.poll_seconds + 10))
    signed = patient.merge(AioConfig(signature_version="s3v4"))
    return (
        await stack.enter_async_context(session.create_client("dynamodb", config=brief)),
        await stack.enter_async_context(session.create_client("sqs", config=patient)),
        await stack.enter_async_context(session.create_client("s3", config=signed)),
    )


async def _run_beside(work: Coroutine[Any, Any, None], *helpers: Coroutine[Any, Any, None]) -> None:
    """Run the work; helpers go on beside it and end with it. A helper that dies ends everything."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(helper) for helper in helpers]
        await group.create_task(work)
        for task in tasks:
            task.cancel()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
