"""Entry point of the function ``plan``: what comes before a job's batches are enqueued, and after.

The step ``prepare`` answers whether the job begins at all.

The state machine calls it with ``api``, ``job`` and ``step``. The step ``plan`` is to be called again while
its answer is not done, with the answer's ``position``.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from batch_lambda import surroundings
from batch_lambda.deadline import until_ms
from batch_lambda.plan import Planner
from batch_lambda.prepare import Preparer
from batch_lambda.seal import Sealer
from batch_lambda.settings import Settings
from batch_lambda.surroundings import Surroundings
from penstock import environment
from penstock.aws.job_outbox import SqsJobOutbox
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.aws.listing import S3InputListing
from penstock.aws.objects import S3Objects
from penstock.batch.closing import Closer
from penstock.batch.jobs import JobKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = Logger()
logging.getLogger("batch_lambda").addHandler(logger.registered_handler)

#: Chunks written at the same time, and so connections to S3.
_THREADS = 16
_AWS = Config(
    connect_timeout=2,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=_THREADS,
)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _build() -> tuple[Preparer, Planner, Sealer]:
    settings, told = environment.read(Settings, os.environ), environment.read(Surroundings, os.environ)
    session = boto3.session.Session()
    dynamodb, s3, sqs, scheduler = (
        session.client("dynamodb", config=_AWS),
        session.client("s3", config=_AWS),
        session.client("sqs", config=_AWS),
        session.client("scheduler", config=_AWS),
    )
    jobs, parts = DynamoJobs(dynamodb, settings.table), DynamoJobParts(dynamodb, settings.table)
    bodies = S3Objects(s3, settings.bucket)
    preparer = Preparer(
        jobs=jobs,
        bodies=bodies,
        queues=surroundings.queues(told, sqs),
        timers=surroundings.timers(told, scheduler),
        clock=_now_ms,
    )
    planner = Planner(
        jobs=jobs,
        parts=parts,
        bodies=bodies,
        listing=S3InputListing(s3),
        own_bucket=settings.bucket,
        executor=ThreadPoolExecutor(_THREADS, thread_name_prefix="chunks"),
        clock=_now_ms,
        nonce=lambda: uuid.uuid4().hex,
    )
    closer = Closer(jobs=jobs, parts=parts, outbox=SqsJobOutbox(sqs), clock=_now_ms)
    sealer = Sealer(jobs=jobs, parts=parts, bodies=bodies, closer=closer, clock=_now_ms)
    return preparer, planner, sealer


_preparer, _planner, _sealer = _build()


def _prepare(key: JobKey, _event: Mapping[str, Any], _context: Any) -> Any:
    return {"begin": _preparer.prepare(key)}


def _plan(key: JobKey, event: Mapping[str, Any], context: Any) -> Any:
    return asdict(_planner.plan(key, event.get("position"), until_ms=until_ms(context, _now_ms())))


def _seal(key: JobKey, _event: Mapping[str, Any], _context: Any) -> Any:
    return asdict(_sealer.seal(key))


_STEPS: dict[str, Callable[[JobKey, Mapping[str, Any], Any], Any]] = {
    "prepare": _prepare,
    "plan": _plan,
    "seal": _seal,
}


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    """Take one step; its answer is for the state machine. ``InputFault`` is not worth another try."""
    return _STEPS[event["step"]](JobKey(api=event["api"], id=event["job"]), event, context)
