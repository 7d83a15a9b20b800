"""Entry point of the function ``enqueue``: one chunk a call.

The state machine calls it with ``api``, ``job`` and ``chunk``, the chunk's number. It is to be called again
while its answer is not done, with the answer's ``sent``.
"""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from batch_lambda.deadline import until_ms
from batch_lambda.enqueue import Enqueuer
from batch_lambda.settings import Settings
from penstock import environment
from penstock.aws.job_outbox import SqsJobOutbox
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.aws.objects import S3Objects
from penstock.aws.ranges import S3Ranges
from penstock.batch.jobs import JobKey

logger = Logger()
logging.getLogger("batch_lambda").addHandler(logger.registered_handler)

#: Calls at the same time, and so connections to a service. More would not pay: one core makes them.
_THREADS = 8
_AWS = Config(
    connect_timeout=2,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 6},
    max_pool_connections=2 * _THREADS,
)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _build() -> Enqueuer:
    settings = environment.read(Settings, os.environ)
    session = boto3.session.Session()
    dynamodb, s3, sqs = (
        session.client("dynamodb", config=_AWS),
        session.client("s3", config=_AWS),
        session.client("sqs", config=_AWS),
    )
    return Enqueuer(
        jobs=DynamoJobs(dynamodb, settings.table),
        parts=DynamoJobParts(dynamodb, settings.table),
        bodies=S3Objects(s3, settings.bucket),
        ranges=S3Ranges(s3, own_bucket=settings.bucket),
        outbox=SqsJobOutbox(sqs, executor=ThreadPoolExecutor(_THREADS, thread_name_prefix="messages")),
        executor=ThreadPoolExecutor(_THREADS, thread_name_prefix="input"),
        clock=_now_ms,
    )


_enqueuer = _build()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    """Enqueue a chunk; the answer is for the state machine. ``InputFault`` is not worth another try."""
    key = JobKey(api=event["api"], id=event["job"])
    sent = event.get("sent") or 0
    return asdict(_enqueuer.enqueue(key, event["chunk"], sent=sent, until_ms=until_ms(context, _now_ms())))
