"""The sweeper's entry point: EventBridge calls it every minute."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from penstock import environment
from penstock.aws import deployed
from penstock.aws.directory import DynamoDirectory
from penstock.aws.emf import MetricLog
from penstock.aws.records import DynamoRecords
from penstock.kinds import Kind
from penstock.metrics import Metric
from penstock.ports import DependencyError
from recovery_lambda.settings import Settings
from recovery_lambda.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.catalogue import ApiEntry
    from recovery_lambda.sweeper import Tally

logger = Logger()
logging.getLogger("recovery_lambda").addHandler(logger.registered_handler)

#: Shards looked through at the same time, and so connections to DynamoDB.
_THREADS = 16
_AWS = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=_THREADS,
)


class SweepIncomplete(Exception):
    """Something could not be swept; the log says what. Raised when all else is done, for the alarm."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _build(settings: Settings) -> Sweeper:
    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="lane")
    dynamodb = boto3.session.Session().client("dynamodb", config=_AWS)
    return Sweeper(
        directory=DynamoDirectory(dynamodb, settings.table, executor=executor),
        records=DynamoRecords(dynamodb, settings.table),
        executor=executor,
        clock=_now_ms,
    )


_settings = environment.read(Settings, os.environ)
_metrics = MetricLog(_settings.deployment)
_sweeper = _build(_settings)
_catalogue = deployed.catalogue(_settings.deployment)


@logger.inject_lambda_context(clear_state=True)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Sweep once; ``SweepIncomplete`` after it if there were faults."""
    departed, unread = _departed()
    tally = _sweeper.sweep((*_catalogue.of(Kind.ASYNC), *departed))
    _count(tally)
    summary = {
        "looked_at": tally.looked_at,
        "ended": tally.ended.total(),
        "faults": tally.faults.total(),
        "cut_short": tally.cut_short,
    }
    logger.info("swept", extra={"action": "swept", **summary})
    if unread is not None:
        raise SweepIncomplete("APIs that have left the configuration are not known") from unread
    if tally.faults:
        raise SweepIncomplete(f"faults by API: {dict(tally.faults)}")
    return summary


def _departed() -> tuple[Sequence[ApiEntry], DependencyError | None]:
    """APIs that have left the configuration; not knowing them must not keep the others from being swept."""
    try:
        return _catalogue.left(Kind.ASYNC), None
    except DependencyError as error:
        return (), error


def _count(tally: Tally) -> None:
    # The ends are counted by the function that reads the stream, whoever wrote them.
    for api, count in tally.faults.items():
        _metrics.write(api, [(Metric.SWEEP_FAULTS, count)])
