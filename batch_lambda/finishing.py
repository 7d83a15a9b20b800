"""The steps of the function ``finish``, put together with what they need of AWS."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.config import Config

from batch_lambda import surroundings
from batch_lambda.clean_up import CleanUp
from batch_lambda.finish import Finisher
from batch_lambda.lane import LaneKeeper
from batch_lambda.stop import Stopper
from penstock.aws.dead_letter_queues import SqsDeadLetterQueues
from penstock.aws.job_outbox import SqsJobOutbox
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.aws.objects import S3Objects
from penstock.batch.closing import Closer

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from batch_lambda.settings import Settings
    from batch_lambda.surroundings import Surroundings
    from penstock.catalogue import Catalogue

#: Bodies of failed batches read at the same time, and so connections to S3.
_THREADS = 16
_AWS = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=_THREADS,
)

#: For jobs of an API that is deployed no more, so that nothing of theirs stays for ever.
_RETENTION_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Finishing:
    """All steps."""

    lanes: LaneKeeper
    finisher: Finisher
    stopper: Stopper


def build(settings: Settings, told: Surroundings, catalogue: Catalogue, session: boto3.Session) -> Finishing:
    """The steps, over one client for each of AWS's services."""
    dynamodb, s3, sqs, scheduler = (
        session.client("dynamodb", config=_AWS),
        session.client("s3", config=_AWS),
        session.client("sqs", config=_AWS),
        session.client("scheduler", config=_AWS),
    )
    jobs, parts = DynamoJobs(dynamodb, settings.table), DynamoJobParts(dynamodb, settings.table)
    bodies = S3Objects(s3, settings.bucket)
    retention_seconds = _retention(catalogue)
    clean_up = CleanUp(
        parts=parts,
        bodies=bodies,
        bucket=settings.bucket,
        queues=surroundings.queues(told, sqs),
        timers=surroundings.timers(told, scheduler),
        dead_letters=SqsDeadLetterQueues(
            lambda region: session.client("sqs", region_name=region, config=_AWS)
        ),
        executor=ThreadPoolExecutor(_THREADS, thread_name_prefix="bodies"),
        clock=_now_ms,
    )
    return Finishing(
        lanes=LaneKeeper(jobs=jobs, parts=parts, clock=_now_ms, retention_seconds=retention_seconds),
        finisher=Finisher(
            jobs=jobs,
            parts=parts,
            bodies=bodies,
            closer=Closer(jobs=jobs, parts=parts, outbox=SqsJobOutbox(sqs), clock=_now_ms),
            clean_up=clean_up,
            clock=_now_ms,
            retention_seconds=retention_seconds,
        ),
        stopper=Stopper(jobs=jobs, clock=_now_ms),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _retention(catalogue: Catalogue) -> Callable[[str], int]:
    def seconds(api: str) -> int:
        entry = catalogue.named(api)
        return entry.retention_seconds if entry else _RETENTION_SECONDS

    return seconds
