"""The scaling function's entry point: EventBridge calls it every minute."""

from __future__ import annotations

import functools
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from penstock import environment, names
from penstock.aws import deployed
from penstock.aws.directory import DynamoDirectory
from penstock.aws.figures import EcsCrews, SqsQueues
from penstock.aws.metrics import CloudWatchMetrics, DynamoHistories
from scaling_lambda import minute
from scaling_lambda.publisher import Publisher
from scaling_lambda.served import Served
from scaling_lambda.settings import FILE, Settings, from_json

logger = Logger()
logging.getLogger("scaling_lambda").addHandler(logger.registered_handler)

#: Queues that are asked at the same time.
_THREADS = 16
#: A look must end within its ten seconds, whatever hangs.
_AWS = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=_THREADS,
)


class LooksFailed(Exception):
    """Some of the minute's looks could not be taken; raised when all else is done, for the alarm."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _build() -> Publisher:
    settings = environment.read(Settings, os.environ)
    session = boto3.session.Session()
    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="queue")
    dynamodb = session.client("dynamodb", config=_AWS)
    # Its shards are asked in threads of their own: those above wait for them.
    directory = DynamoDirectory(dynamodb, settings.table, executor=ThreadPoolExecutor(_THREADS))
    served = Served(
        settings.deployment, from_json(FILE.read_text()), deployed=deployed.remembered(settings.deployment)
    )
    return Publisher(
        served,
        queues=SqsQueues(
            session.client("sqs", config=_AWS), functools.partial(names.queue, settings.deployment)
        ),
        crews=EcsCrews(session.client("ecs", config=_AWS), served.cluster),
        oldest_open_ms=directory.oldest_open_ms,
        metrics=CloudWatchMetrics(session.client("cloudwatch", config=_AWS), settings.deployment),
        histories=DynamoHistories(dynamodb, settings.table, clock=_now_ms, sleep=time.sleep),
        executor=executor,
        clock=_now_ms,
    )


_publisher = _build()


@logger.inject_lambda_context(clear_state=True)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Look for a minute; ``LooksFailed`` after it if there were faults."""
    seen = minute.run(_publisher, clock=_now_ms, sleep=time.sleep)
    summary = {"looks": seen.looks, "faults": seen.faults, "failed": sorted(seen.failed)}
    logger.info("published", extra={"action": "published", **summary})
    if seen.faults or seen.failed:
        raise LooksFailed(str(summary))
    return summary
