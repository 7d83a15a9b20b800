"""The recorder's entry point: SQS calls it with up to ten messages of one dead-letter queue."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from botocore.config import Config

from penstock import environment, names
from penstock.aws import deployed
from penstock.aws.emf import MetricLog
from penstock.aws.job_outbox import SqsJobOutbox
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.aws.objects import S3Objects
from penstock.aws.records import DynamoRecords
from penstock.batch.closing import Closer
from penstock.kinds import Kind
from penstock.metrics import Metric
from recovery_lambda.job_recorder import JobRecorder
from recovery_lambda.letters import DeadLetter
from recovery_lambda.recorder import Recorder
from recovery_lambda.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from penstock.catalogue import ApiEntry, Catalogue

logger = Logger()
logging.getLogger("recovery_lambda").addHandler(logger.registered_handler)

_AWS = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})

# One group is one request, or batches of one name: what fails does not concern other groups. Each
# failure stays in the queue, and is given out again when its visibility timeout is over.
_processor = SqsFifoPartialProcessor(skip_group_on_error=True, logger=logging.getLogger(__name__))
# A batch that fails as a whole, such as a single message whose request runs, is no fault of ours.
_processor.raise_on_entire_batch_failure = False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _build(settings: Settings) -> Recorder:
    catalogue = deployed.catalogue(settings.deployment)
    session = boto3.session.Session()
    dynamodb = session.client("dynamodb", config=_AWS)
    objects = S3Objects(session.client("s3", config=_AWS), settings.bucket)
    jobs, parts = DynamoJobs(dynamodb, settings.table), DynamoJobParts(dynamodb, settings.table)
    outbox = SqsJobOutbox(session.client("sqs", config=_AWS))
    return Recorder(
        records=DynamoRecords(dynamodb, settings.table),
        objects=objects,
        job_recorder=JobRecorder(
            jobs=jobs,
            parts=parts,
            bodies=objects,
            closer=Closer(jobs=jobs, parts=parts, outbox=outbox, clock=_now_ms),
            clock=_now_ms,
            on_undeliverable=lambda api: _count(Metric.UNDELIVERABLE, api),
        ),
        clock=_now_ms,
        owner=partial(_owner, settings.deployment, catalogue),
        on_malformed=lambda api: _count(Metric.MALFORMED_MESSAGE, api),
        on_undeliverable=lambda api: _count(Metric.UNDELIVERABLE, api),
    )


def _owner(deployment: str, catalogue: Catalogue, queue: str) -> ApiEntry | None:
    """The API of a dead-letter queue, found by name."""

    def of(apis: Iterable[ApiEntry]) -> ApiEntry | None:
        return next((api for api in apis if names.dead_letter_queue(deployment, api.name) == queue), None)

    return of(catalogue.apis) or of(entry for kind in Kind for entry in catalogue.left(kind))


def _count(metric: Metric, api: str) -> None:
    _metrics.write(api, [(metric, 1)])


_settings = environment.read(Settings, os.environ)
_metrics = MetricLog(_settings.deployment)
_recorder = _build(_settings)


def _record(record: SQSRecord) -> None:
    _recorder.record(
        DeadLetter(
            queue=record.event_source_arn.rpartition(":")[2],
            message_id=record.message_id,
            group=record.attributes.message_group_id or "",
            body=record.body,
        )
    )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    """Record a batch; the answer names the messages that must stay."""
    return process_partial_response(
        event=event, record_handler=_record, processor=_processor, context=context
    )
