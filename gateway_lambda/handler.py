"""The Lambda's entry point: clients made once, then one function for every event."""

from __future__ import annotations

import functools
import logging
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from gateway_lambda import batch_wiring
from gateway_lambda.bulk import AT_ONCE, Bulk
from gateway_lambda.figures import FigureSources
from gateway_lambda.functions import Functions
from gateway_lambda.gateway import Gateway
from gateway_lambda.listing import Listing
from gateway_lambda.overview import Overview
from gateway_lambda.recovery import Recovery
from gateway_lambda.requests import Requests
from gateway_lambda.retry import Retrier
from gateway_lambda.routes import build_app
from gateway_lambda.settings import Settings
from gateway_lambda.statuses import Statuses
from gateway_lambda.submit import Submitter
from gateway_lambda.uploads import Uploads
from gateway_lambda.waiting import Waiter
from gateway_lambda.webhooks import Webhooks
from penstock import environment, keys, names
from penstock.aws import deployed
from penstock.aws.copies import S3Copies
from penstock.aws.deliveries import DynamoDeliveries
from penstock.aws.directory import DynamoDirectory
from penstock.aws.emf import MetricLog
from penstock.aws.figures import EcsWorkers, SqsQueues
from penstock.aws.hosts import DynamoEndpoints
from penstock.aws.jobs import DynamoJobs
from penstock.aws.lanes import SqsLanes
from penstock.aws.objects import S3Objects
from penstock.aws.outbox import SqsOutbox
from penstock.aws.records import DynamoRecords
from penstock.aws.roll import EcsRoll
from penstock.aws.secret_text import secret_text
from penstock.aws.slots import DynamoSlots
from penstock.metrics import Metric
from penstock.outgoing.resolver import SystemResolver
from penstock.records import RequestKey
from penstock.tracing import start
from penstock.webhooks.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from gateway_lambda.batch import Batch
    from penstock.catalogue import ApiEntry
    from penstock.tracing.ports import Tracer

logger = Logger()
# Modules log through the standard library; their lines take Powertools' JSON form.
logging.getLogger("gateway_lambda").addHandler(logger.registered_handler)

#: A submission makes at most four calls in a row to dependencies that hang, the look at an upload or
#: its clean-up included.
#: Each gives up after about 7 s, so that API Gateway, which listens for 29 s, still gets the 503.
_AWS = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
)
_S3 = _AWS.merge(Config(signature_version="s3v4"))

#: Parts of a payload that S3 copies at the same time. It answers when a part is copied, in about a second.
_COPIES_AT_ONCE = 16
_COPIES = _S3.merge(Config(read_timeout=8, max_pool_connections=_COPIES_AT_ONCE + AT_ONCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What several parts of the gateway are made of."""

    settings: Settings
    s3: S3Client
    dynamodb: DynamoDBClient
    sqs: SQSClient
    #: For calls of one request at the same time.
    executor: ThreadPoolExecutor
    #: For the shards of a list.
    shards: ThreadPoolExecutor
    records: DynamoRecords
    objects: S3Objects
    tracer: Tracer


def _base() -> _Base:
    settings = environment.read(Settings, os.environ)
    executor = ThreadPoolExecutor(max_workers=3, thread_name_prefix="store")
    s3, dynamodb, sqs = _clients(executor)
    return _Base(
        settings=settings,
        s3=s3,
        dynamodb=dynamodb,
        sqs=sqs,
        executor=executor,
        shards=ThreadPoolExecutor(keys.SHARDS, thread_name_prefix="shard"),
        records=DynamoRecords(dynamodb, settings.table),
        objects=S3Objects(s3, settings.bucket),
        tracer=start.tracer(os.environ, service="gateway", read_secret=secret_text),
    )


def _build(base: _Base) -> Gateway:
    deployment, records, objects = base.settings.deployment, base.records, base.objects
    submitter = _submitter(base)
    catalogue = deployed.catalogue(deployment)
    cluster_of = functools.partial(catalogue.cluster, deployment)
    directory = DynamoDirectory(base.dynamodb, base.settings.table, executor=base.shards)
    guard = Guard(replace(catalogue.callbacks, loopback=bool(base.settings.loopback)), SystemResolver())
    requests, webhooks = Requests(records, _now_ms), _webhooks(base, guard)
    return Gateway(
        catalogue=catalogue,
        submitter=submitter,
        uploads=Uploads(deployment=deployment, records=records, objects=objects, clock=_now_ms),
        requests=requests,
        objects=objects,
        waiter=_waiter(base),
        overview=_overview(base, directory, EcsWorkers(_connect_to_ecs, cluster_of)),
        recovery=_recovery(base, directory, requests=requests, retrier=_retrier(base, submitter)),
        functions=Functions(
            catalogue=catalogue, submitter=submitter, directory=directory, guard=guard, clock=_now_ms
        ),
        webhooks=webhooks,
        batch=_batch(base, webhooks),
        statuses=Statuses(EcsRoll(_connect_to_ecs, deployment, cluster_of=cluster_of), _now_ms),
        on_accepted=_count,
    )


def _submitter(base: _Base) -> Submitter:
    return Submitter(
        deployment=base.settings.deployment,
        records=base.records,
        objects=base.objects,
        outbox=SqsOutbox(base.sqs, _queue_name(base)),
        executor=base.executor,
        clock=_now_ms,
        tracer=base.tracer,
    )


def _queue_name(base: _Base) -> Callable[[str], str]:
    return functools.partial(names.queue, base.settings.deployment)


def _batch(base: _Base, webhooks: Webhooks) -> Batch:
    return batch_wiring.build(
        base.settings,
        dynamodb=base.dynamodb,
        s3=base.s3,
        connect=_connect_to_states,
        objects=base.objects,
        webhooks=webhooks,
        executor=base.executor,
        shards=base.shards,
        on_accepted=_count,
        tracer=base.tracer,
    )


def _clients(executor: ThreadPoolExecutor) -> Iterator[Any]:
    # One session is not safe to share between threads, so each client gets its own; made in
    # parallel, they take as long as the slowest.
    return executor.map(
        lambda arguments: boto3.session.Session().client(arguments[0], config=arguments[1]),
        (("s3", _S3), ("dynamodb", _AWS), ("sqs", _AWS)),
    )


def _waiter(base: _Base) -> Waiter:
    return Waiter(
        records=base.records,
        slots=DynamoSlots(base.dynamodb, base.settings.table),
        slot_count=base.settings.wait_slots,
        executor=base.executor,
        clock=_now_ms,
        sleep=time.sleep,
        choose=secrets.randbelow,
    )


def _webhooks(base: _Base, guard: Guard) -> Webhooks:
    table, deployment = base.settings.table, base.settings.deployment
    return Webhooks(
        deployment=deployment,
        records=base.records,
        jobs=DynamoJobs(base.dynamodb, table),
        deliveries=DynamoDeliveries(base.dynamodb, table, executor=base.shards),
        endpoints=DynamoEndpoints(base.dynamodb, table),
        lanes=SqsLanes(base.sqs, functools.partial(names.webhook_queue, deployment)),
        guard=guard,
        clock=_now_ms,
    )


def _overview(base: _Base, directory: DynamoDirectory, workers: EcsWorkers) -> Overview:
    figures = FigureSources(
        directory=directory,
        queues=SqsQueues(base.sqs, _queue_name(base)),
        workers=workers,
        executor=base.executor,
        clock=_now_ms,
    )
    return Overview(Listing(directory, _now_ms, key=RequestKey), figures)


def _retrier(base: _Base, submitter: Submitter) -> Retrier:
    return Retrier(
        deployment=base.settings.deployment,
        records=base.records,
        objects=base.objects,
        copies=S3Copies(
            _connect_for_copies,
            base.settings.bucket,
            executor=ThreadPoolExecutor(_COPIES_AT_ONCE, thread_name_prefix="copy"),
        ),
        submitter=submitter,
        clock=_now_ms,
    )


def _recovery(base: _Base, directory: DynamoDirectory, *, requests: Requests, retrier: Retrier) -> Recovery:
    listing = Listing(directory, _now_ms, key=RequestKey)
    return Recovery(
        requests=requests,
        listing=listing,
        directory=directory,
        bulk=Bulk(
            directory=directory,
            listing=listing,
            executor=ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bulk"),
            clock=_now_ms,
        ),
        retrier=retrier,
        records=base.records,
        objects=base.objects,
        clock=_now_ms,
        on_accepted=_count,
    )


def _connect_for_copies() -> S3Client:
    return boto3.session.Session().client("s3", config=_COPIES)


def _connect_to_states() -> SFNClient:
    return boto3.session.Session().client("stepfunctions", config=_AWS)


def _connect_to_ecs() -> ECSClient:
    return boto3.session.Session().client("ecs", config=_AWS)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _count(api: ApiEntry, replayed: bool) -> None:  # noqa: FBT001 - the gateway's callback
    _metrics.write(api.name, [(Metric.REPLAYED if replayed else Metric.SUBMITTED, 1)])


_parts = _base()
_metrics = MetricLog(_parts.settings.deployment)
_serve = build_app(_build(_parts))


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve one API Gateway proxy event."""
    try:
        return _serve(event, context)
    finally:
        _parts.tracer.flush()
