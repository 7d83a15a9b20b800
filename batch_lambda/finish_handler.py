"""Entry point of the function ``finish``: steps of the state machines, timers, and ends of executions.

The state machine and the timers call it with the name of a step; SQS with events of executions that were
aborted or failed, one at a time.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from batch_lambda import finishing
from batch_lambda.executions import ended_execution
from batch_lambda.finish import Called, Next
from batch_lambda.settings import Settings
from batch_lambda.surroundings import TIMED_OUT, Surroundings
from penstock import environment, names
from penstock.aws import deployed
from penstock.batch import stops
from penstock.batch.jobs import JobKey, JobStatus
from penstock.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = Logger()
logging.getLogger("batch_lambda").addHandler(logger.registered_handler)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndsSettings:
    """Read from ``PENSTOCK_ENDS_QUEUE_URL``: where the ends of executions come from."""

    ends_queue_url: str


_told = environment.read(Surroundings, os.environ)
_ends = environment.read(EndsSettings, os.environ)
_catalogue = deployed.catalogue(_told.deployment)
_steps = finishing.build(environment.read(Settings, os.environ), _told, _catalogue, boto3.session.Session())
_sqs = boto3.session.Session().client("sqs")


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> Any:
    """Take one step; its answer is for the state machine."""
    if "Records" in event:
        return {
            "batchItemFailures": [_failure(record) for record in event["Records"] if not _finished(record)]
        }
    key = JobKey(api=event["api"], id=event["job"])
    match event["step"]:
        case "lane":
            return asdict(_steps.lanes.next(key, event["lane"], event.get("outcome")))
        case "finish":
            return asdict(_steps.finisher.finish(key, _called(event["state"])))
        case "enqueue_failed":
            failure = stops.enqueue_failed(event.get("fault"))
            return _steps.stopper.stop(key, ending=JobStatus.ENQUEUE_FAILED, failure=failure)
        case step if step == TIMED_OUT:
            return _steps.stopper.stop(key, ending=JobStatus.TIMED_OUT, failure=stops.TIMED_OUT)
        case unknown:
            raise ValueError(f"there is no step {unknown!r}")


def _called(state: Mapping[str, Any]) -> Called:
    """What the state machine's own state says of how it came here."""
    before = state.get("finish", {})
    return Called(last_workers=before.get("last_workers", 0), fault=state.get("fault"))


def _finished(record: Mapping[str, Any]) -> bool:
    """Whether the message may go: the job that it tells of has ended."""
    ended = ended_execution(record["body"], _machines())
    if ended is None:
        return True
    step = _steps.finisher.finish(ended.key, Called(execution=ended.status))
    if step.next is Next.DONE:
        return True
    # Not the queue's own time: that must be longer than this function's, for calls that crash.
    _sqs.change_message_visibility(
        QueueUrl=_ends.ends_queue_url,
        ReceiptHandle=record["receiptHandle"],
        VisibilityTimeout=step.wait_seconds,
    )
    return False


def _machines() -> Mapping[str, str]:
    """The API of each state machine."""
    apis = (*_catalogue.of(Kind.BATCH), *_catalogue.left(Kind.BATCH))
    return {names.state_machine(_told.deployment, api.name): api.name for api in apis}


def _failure(record: Mapping[str, Any]) -> dict[str, str]:
    return {"itemIdentifier": record["messageId"]}
