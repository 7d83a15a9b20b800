"""Puts the dequeuer together and runs it until it is told to stop, or its batch job is over."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import dequeuer.batch.main as batch
from dequeuer.attempt import Attempts
from dequeuer.cleanup import Cleaner
from dequeuer.clients import clients
from dequeuer.clocks import wall_ms
from dequeuer.ecs_agent import URI_VARIABLE
from dequeuer.lease import Heartbeat
from dequeuer.run import Ports
from dequeuer.settings import JOB_VARIABLE, BatchSettings, Settings
from dequeuer.shell import Shell
from dequeuer.telemetry import configure_logging
from dequeuer.watched import WatchedLedger, WatchedStreams
from penstock import environment
from penstock.aws.ledger import DynamoLedger
from penstock.aws.source import SqsSource
from penstock.aws.streams import S3Streams

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

logger = logging.getLogger(__name__)

#: Exit code for settings that cannot be used.
EX_CONFIG = 78


def main() -> None:
    """Run until SIGTERM or SIGINT, or until the job is over if there is one.

    Exits with 78 if the environment is not usable, and with 66 if there is no such job.
    """
    try:
        run = _chosen(os.environ.get(URI_VARIABLE))
    except environment.SettingsError as error:
        sys.stderr.write(f"dequeuer: {error}\n")
        sys.exit(EX_CONFIG)
    sys.exit(asyncio.run(run))


def _chosen(agent_uri: str | None) -> Coroutine[Any, Any, int]:
    """What the environment asks for: with a job's id, batches of that job."""
    if JOB_VARIABLE in os.environ:
        job_settings = environment.read(BatchSettings, os.environ)
        configure_logging(job_settings.api)
        return batch.serve(job_settings)
    settings = environment.read(Settings, os.environ)
    configure_logging(settings.api)
    return serve(settings, agent_uri=agent_uri)


async def serve(settings: Settings, *, agent_uri: str | None) -> int:
    """Work until the first SIGTERM or SIGINT, then drain; the exit code.

    ``EX_UNAVAILABLE`` if a container was not alive any more.
    """
    async with AsyncExitStack() as stack:
        shell = await Shell.make(settings, agent_uri=agent_uri, stack=stack)
        ports = await _ports(settings, stack, shell)
        attempts = Attempts(settings, ports, out_of_time=shell.out_of_time)
        worker = shell.worker(ports.source, attempts)
        await shell.run(worker, worker.run(), ports.cleaner.run())
        await ports.cleaner.flush()
        await asyncio.to_thread(shell.tracer.flush)
    logger.info("stopped", extra={"action": "stopped"})
    return os.EX_UNAVAILABLE if shell.liveness.failed else os.EX_OK


async def _ports(settings: Settings, stack: AsyncExitStack, shell: Shell) -> Ports:
    dynamodb, sqs, s3 = await clients(settings, stack)
    source = SqsSource(sqs, settings.queue_url, dead_letter_url=settings.dead_letter_url)
    streams = WatchedStreams(S3Streams(s3, settings.bucket), shell.outages)
    ledger = WatchedLedger(DynamoLedger(dynamodb, settings.table), shell.outages)
    return Ports(
        ledger=ledger,
        source=source,
        streams=streams,
        container=shell.container,
        cleaner=Cleaner(source=source, streams=streams),
        heartbeat=Heartbeat(
            ledger=ledger, source=source, clock=wall_ms, lease_seconds=settings.lease_seconds
        ),
        telemetry=shell.telemetry,
        clock=wall_ms,
        chance=random.random,
        on_unreachable=shell.readiness.doubt,
        tracer=shell.tracer,
    )
