"""Puts a job's worker together and runs it until the job is over, or it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dequeuer.batch.at_work import AtWork
from dequeuer.batch.despair import Despair
from dequeuer.batch.holding import Holding
from dequeuer.batch.patience import Patience
from dequeuer.batch.run import Ends, Job, Ports
from dequeuer.batch.start import NoSuchJob, begun
from dequeuer.batch.watched import WatchedJobs, subject_of
from dequeuer.cleanup import Cleaner
from dequeuer.clients import clients
from dequeuer.clocks import wall_ms
from dequeuer.racing import unless
from dequeuer.shell import Shell, on_stop_signals
from dequeuer.watched import WatchedStreams
from penstock import ids
from penstock.aws.job_sender import SqsJobSender
from penstock.aws.source import SqsSource
from penstock.aws.streams import S3Streams
from penstock.aws.worker_jobs import DynamoWorkerJobs
from penstock.batch.jobs import JobKey
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sqs import SQSClient

    from dequeuer.settings import BatchSettings
    from penstock.batch.jobs import JobRecord

logger = logging.getLogger(__name__)

#: How long the message of a batch that has ended waits for company. Far less than what is left of its
#: visibility; and nobody is waiting for it, as a batch's end does not depend on its message.
ACK_LINGER_SECONDS = 5


async def serve(settings: BatchSettings) -> int:
    """Work until the job is over, or until the first SIGTERM or SIGINT; the exit code.

    0 also for a job that is over already; ``EX_NOINPUT`` if there is none, ``EX_TEMPFAIL`` if that cannot
    be read, ``EX_UNAVAILABLE`` if the container does not become ready, or is
    not alive any more.
    """
    code = os.EX_OK
    async with AsyncExitStack() as stack:
        stopped = asyncio.Event()
        on_stop_signals(stopped.set)
        opened = Clients(*await clients(settings, stack))
        key = JobKey(api=settings.api, id=settings.job_id)
        try:
            record = await unless(stopped, begun(opened.jobs(settings), key))
        except (NoSuchJob, DependencyError) as error:
            context = {"action": "start", "job": settings.job_id, "error": str(error)}
            logger.error("no work", extra=context)  # noqa: TRY400 - the text says it all
            return os.EX_NOINPUT if isinstance(error, NoSuchJob) else os.EX_TEMPFAIL
        if record is not None:
            # The agent protects tasks of services, and this is none.
            shell = await Shell.make(settings, agent_uri=None, stack=stack)
            code = await _work(settings, record, opened, shell, stopped=stopped)
    logger.info("stopped", extra={"action": "stopped", "job": settings.job_id})
    return code


@dataclass(frozen=True, slots=True)
class Clients:
    """AWS, as ``clients`` opens it."""

    dynamodb: DynamoDBClient
    sqs: SQSClient
    s3: S3Client

    def jobs(self, settings: BatchSettings) -> DynamoWorkerJobs:
        """The job store."""
        return DynamoWorkerJobs(self.dynamodb, settings.table)


async def _work(
    settings: BatchSettings, record: JobRecord, opened: Clients, shell: Shell, *, stopped: asyncio.Event
) -> int:
    job = Job.of(
        record,
        worker=ids.new_token(),
        policy=settings.policy(record.max_attempts),
        retention_seconds=settings.retention_seconds,
    )
    ends = Ends(out_of_time=shell.out_of_time, over=asyncio.Event())
    ports = _ports(settings, record, opened, shell)
    at_work = AtWork(job, ports, ends, bucket=settings.bucket)
    worker = shell.worker(at_work.source, at_work.handler)
    if stopped.is_set():
        # From here on, with no pause in between, the signals go to the worker.
        worker.stop()
    despair = Despair(shell.health(worker), stop=worker.stop)
    await shell.run(worker, at_work.run(worker), *at_work.helpers(worker), despair.run())
    await ports.cleaner.flush()
    await asyncio.to_thread(shell.tracer.flush)
    await _leave(job, ports)
    return os.EX_UNAVAILABLE if despair.came or shell.liveness.failed else os.EX_OK


def _ports(settings: BatchSettings, record: JobRecord, opened: Clients, shell: Shell) -> Ports:
    assert record.queue_url is not None
    source = SqsSource(opened.sqs, record.queue_url, dead_letter_url=settings.dead_letter_url)
    streams = WatchedStreams(S3Streams(opened.s3, settings.bucket), shell.outages, subject_of=subject_of)
    return Ports(
        jobs=WatchedJobs(opened.jobs(settings), shell.outages),
        source=source,
        streams=streams,
        sender=SqsJobSender(opened.sqs, record.queue_url),
        container=shell.container,
        cleaner=Cleaner(source=source, streams=streams, linger_seconds=ACK_LINGER_SECONDS),
        telemetry=shell.telemetry,
        clock=wall_ms,
        chance=random.random,
        patience=Patience(until=shell.out_of_time),
        holding=Holding(source, seconds=settings.lease_seconds),
        on_unreachable=shell.readiness.doubt,
        tracer=shell.tracer,
    )


async def _leave(job: Job, ports: Ports) -> None:
    try:
        await ports.jobs.leave(job.key, job.worker, now_ms=ports.clock())
    except DependencyError as error:
        # It counts as lost in a minute, and the job goes on.
        logger.warning("leaving not noted", extra={"action": "leave", "job": job.key.id, "error": str(error)})
