"""Puts a job's worker together and runs it until the job is over, or it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dequeuer.batch.attempt import Attempts
from dequeuer.batch.closing import Closing
from dequeuer.batch.committer import Committer
from dequeuer.batch.handler import AskingSource, JobMessages
from dequeuer.batch.holding import Holding
from dequeuer.batch.hook import LastMessage
from dequeuer.batch.patience import Patience
from dequeuer.batch.run import Ends, Job, Ports
from dequeuer.batch.start import NoSuchJob, begun
from dequeuer.batch.turns import Turns
from dequeuer.batch.watch import Watch
from dequeuer.batch.watched import WatchedJobs, subject_of
from dequeuer.cleanup import Cleaner
from dequeuer.clients import clients
from dequeuer.clocks import wall_ms
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
    from dequeuer.settings import BatchSettings
    from dequeuer.worker import Worker
    from penstock.batch.jobs import JobRecord
    from penstock.batch.ports import WorkerJobs

logger = logging.getLogger(__name__)


async def serve(settings: BatchSettings, *, agent_uri: str | None) -> int:
    """Work until the job is over, or until the first SIGTERM or SIGINT; the exit code.

    0 also for a job that is over already; ``EX_NOINPUT`` if there is none, ``EX_TEMPFAIL`` if that cannot
    be read.
    """
    key = JobKey(api=settings.api, id=settings.job_id)
    async with AsyncExitStack() as stack:
        dynamodb, sqs, s3 = await clients(settings, stack)
        jobs = DynamoWorkerJobs(dynamodb, settings.table)
        try:
            record = await _begun(jobs, key)
        except (NoSuchJob, DependencyError) as error:
            logger.error("no work", extra={"action": "start", "job": key.id, "error": str(error)})  # noqa: TRY400 - the text says it all
            return os.EX_NOINPUT if isinstance(error, NoSuchJob) else os.EX_TEMPFAIL
        if record is None:
            logger.info("nothing to do", extra={"action": "start", "job": key.id})
            return 0
        assert record.queue_url is not None
        shell = await Shell.make(settings, agent_uri=agent_uri, stack=stack)
        source = SqsSource(sqs, record.queue_url, dead_letter_url=settings.dead_letter_url)
        ends = Ends(out_of_time=shell.out_of_time, over=asyncio.Event())
        streams = WatchedStreams(
            S3Streams(s3, settings.bucket), shell.outages, subject_of=subject_of
        )
        ports = Ports(
            jobs=WatchedJobs(jobs, shell.outages),
            source=source,
            streams=streams,
            sender=SqsJobSender(sqs, record.queue_url),
            container=shell.container,
            cleaner=Cleaner(source=source, streams=streams),
            telemetry=shell.telemetry,
            clock=wall_ms,
            chance=random.random,
            patience=Patience(until=ends.out_of_time),
            holding=Holding(source, seconds=settings.lease_seconds),
            on_unreachable=shell.readiness.doubt,
        )
        job = Job.of(
            record,
            worker=ids.new_token(),
            policy=settings.policy(record.max_attempts),
            retention_seconds=settings.retention_seconds,
        )
        await JobWorker.make(job, ports, ends, shell=shell, bucket=settings.bucket).run()
    logger.info("stopped", extra={"action": "stopped", "job": key.id})
    return 0


async def _begun(jobs: WorkerJobs, key: JobKey) -> JobRecord | None:
    """As ``begun``; None as well if the worker is told to stop meanwhile."""
    waiting = asyncio.create_task(begun(jobs, key))
    on_stop_signals(waiting.cancel)
    await asyncio.wait({waiting})
    return None if waiting.cancelled() else waiting.result()
