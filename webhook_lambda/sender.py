"""The sender's entry point: one message, one attempt."""

from __future__ import annotations

import logging
import os
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from penstock import environment, names
from penstock.aws import deployed
from penstock.aws.deliveries import DynamoDeliveries
from penstock.aws.emf import MetricLog
from penstock.aws.hosts import DynamoEndpoints, DynamoHosts
from penstock.aws.lanes import SqsLanes
from penstock.aws.objects import S3Objects
from penstock.aws.own_api import OwnApi
from penstock.aws.secret_text import secret_text
from penstock.aws.signing_secrets import StoredSecrets
from penstock.metrics import Metric
from penstock.outgoing.call import Caller
from penstock.outgoing.resolver import SystemResolver
from penstock.tracing import start
from penstock.webhooks.deliveries import State
from penstock.webhooks.guard import Guard, Policy
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due
from webhook_lambda.deliver import Deliverer, Stores
from webhook_lambda.post import Post
from webhook_lambda.settings import SenderSettings

if TYPE_CHECKING:
    from penstock.webhooks.deliveries import Delivery

logger = Logger()
# Modules log through the standard library; their lines take Powertools' JSON form.
logging.getLogger("webhook_lambda").addHandler(logger.registered_handler)
logging.getLogger("webhook_lambda").setLevel(logging.INFO)

_AWS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})

_OF_END = {
    State.DELIVERED: Metric.DELIVERIES_DELIVERED,
    State.FAILED: Metric.DELIVERIES_EXHAUSTED,
    State.DISABLED: Metric.DELIVERIES_DISABLED,
}


def _build(settings: SenderSettings) -> Deliverer:
    session = boto3.session.Session()
    dynamodb = session.client("dynamodb", config=_AWS)
    stores = Stores(
        deliveries=DynamoDeliveries(dynamodb, settings.table),
        lanes=SqsLanes(
            session.client("sqs", config=_AWS), lambda lane: names.webhook_queue(settings.deployment, lane)
        ),
        hosts=DynamoHosts(dynamodb, settings.table),
        endpoints=DynamoEndpoints(dynamodb, settings.table),
    )
    return Deliverer(
        stores,
        _post(session, settings),
        schedule=settings.schedule,
        clock=_now_ms,
        random=random.random,
        on_end=_count,
        tracer=_tracer,
    )


def _post(session: boto3.session.Session, settings: SenderSettings) -> Post:
    catalogue = deployed.catalogue(settings.deployment)
    credentials, region = session.get_credentials(), session.region_name
    if credentials is None or region is None:
        raise RuntimeError("the function has no credentials or no region")
    resolve = SystemResolver()
    loopback = bool(settings.loopback)
    return Post(
        base_url=settings.api_url,
        catalogue=catalogue,
        guard=Guard(replace(catalogue.callbacks, loopback=loopback), resolve),
        own_guard=Guard(Policy(loopback=loopback), resolve),
        objects=S3Objects(session.client("s3", config=_AWS), settings.bucket),
        secrets=StoredSecrets(session.client("secretsmanager", config=_AWS), settings.deployment),
        signer=OwnApi(credentials, region=region),
        calls=Caller(_now_ms),
        clock=_now_ms,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _count(delivery: Delivery) -> None:
    values: list[tuple[Metric, float]] = [(_OF_END[delivery.state], 1)]
    # A replay begins long after the event, and its time would say nothing of the receiver.
    if delivery.state is State.DELIVERED and delivery.round == 0:
        values.append((Metric.DELIVERY_TIME, max(0, _now_ms() - delivery.created_ms)))
    _metrics.write(delivery.api, values)


_settings = environment.read(SenderSettings, os.environ)
_metrics = MetricLog(_settings.deployment)
_tracer = start.tracer(os.environ, service="webhooks", read_secret=secret_text)
_deliverer = _build(_settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> None:
    """Serve the messages of one lane, one at a time; what raises comes back after a while."""
    try:
        for record in event["Records"]:
            lane = Lane(record["eventSourceARN"].rpartition("-")[2])
            _deliverer.deliver(Due.decode(record["body"]), lane)
    finally:
        _tracer.flush()
