"""The events function's entry point: images of the table's stream in, deliveries and SNS out (N2).

It does nothing else, and nothing slow, so that one shard never lags behind because of a receiver.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from botocore.config import Config

from penstock import environment, names
from penstock.aws import deployed, items, job_items
from penstock.aws.deliveries import DynamoDeliveries
from penstock.aws.emf import MetricLog
from penstock.aws.lanes import SqsLanes
from penstock.aws.objects import S3Objects
from penstock.aws.topic import SnsTopic
from penstock.aws.unread import SqsUnread
from penstock.versions import UNREADABLE
from penstock.webhooks.events import Kind
from webhook_lambda.announce import Announcer
from webhook_lambda.counted import Counted
from webhook_lambda.images import news_in
from webhook_lambda.settings import EventSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

logger = Logger()

_AWS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})


def _build(settings: EventSettings) -> tuple[Announcer, SqsUnread]:
    session = boto3.session.Session()
    sqs = session.client("sqs", config=_AWS)
    queue_name = functools.partial(names.webhook_queue, settings.deployment)
    announcer = Announcer(
        deployment=settings.deployment,
        base_url=settings.api_url,
        catalogue=deployed.catalogue(settings.deployment),
        objects=S3Objects(session.client("s3", config=_AWS), settings.bucket),
        deliveries=DynamoDeliveries(session.client("dynamodb", config=_AWS), settings.table),
        lanes=SqsLanes(sqs, queue_name),
        topic=SnsTopic(session.client("sns", config=_AWS), settings.topic_arn),
        clock=lambda: time.time_ns() // 1_000_000,
    )
    return announcer, SqsUnread(sqs, queue_name)


class _Processor(BatchProcessor):
    """Says why a record failed: Powertools itself tells Lambda only that it did."""

    def failure_handler(self, record: DynamoDBRecord, exception: Any) -> Any:
        logger.error("a change failed", exc_info=exception, extra={"action": "announce"})
        return super().failure_handler(record, exception)


_settings = environment.read(EventSettings, os.environ)
_announcer, _unread = _build(_settings)
_metrics = MetricLog(_settings.deployment)
#: Of the batch at hand: a function serves one at a time.
_counted = Counted()

# Lambda goes back to the first record that failed, also if all did; raising would make it do the same,
# and say less.
_processor = _Processor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)


def _announce(record: DynamoDBRecord) -> None:  # Powertools passes it by this name
    change = record.raw_event
    news = news_in(change)
    if news is None:
        return
    try:
        told = items.decode(news.item) if news.kind is Kind.REQUEST else job_items.decode(news.item)
    except UNREADABLE:
        # No other try would read it, and each would hold up what comes after it in the shard.
        logger.exception("a record cannot be read", extra={"action": "keep_unread"})
        _unread.keep(change)
    else:
        _announcer.announce(told)
        _counted.add(change["dynamodb"]["SequenceNumber"], told)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:
    """Serve one batch of the stream; those that failed are tried again, alone in the end."""
    global _counted  # noqa: PLW0603 - Powertools' handler takes the record and nothing else
    _counted = Counted()
    answer = process_partial_response(
        event=event, record_handler=_announce, processor=_processor, context=context
    )
    failed = [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]
    for api, values in _counted.values(failed=failed).items():
        _metrics.write(api, values)
    return answer
