"""The part of the gateway that serves jobs, put together from AWS clients."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway_lambda import batch_probe
from gateway_lambda.batch import Batch
from gateway_lambda.batch_dry_run import DryRun
from gateway_lambda.batch_intake import Intake
from gateway_lambda.batch_jobs import SingleJobs
from gateway_lambda.batch_probe import Probe
from gateway_lambda.batch_progress import ProgressReader
from gateway_lambda.listing import Listing
from penstock import names
from penstock.aws.executions import StepFunctionsExecutions
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.aws.listing import S3InputListing
from penstock.aws.ranges import S3Ranges
from penstock.batch.jobs import JobKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from gateway_lambda.settings import Settings
    from gateway_lambda.webhooks import Webhooks
    from penstock.catalogue import ApiEntry
    from penstock.ports import Objects
    from penstock.tracing.ports import Tracer


def build(
    settings: Settings,
    *,
    dynamodb: DynamoDBClient,
    s3: S3Client,
    connect: Callable[[], SFNClient],
    objects: Objects,
    webhooks: Webhooks,
    executor: Executor,
    shards: Executor,
    on_accepted: Callable[[ApiEntry, bool], None],
    tracer: Tracer,
) -> Batch:
    """Everything that the routes about jobs need."""
    jobs = DynamoJobs(dynamodb, settings.table, executor=shards)
    parts = DynamoJobParts(dynamodb, settings.table)
    intake = Intake(
        jobs=jobs,
        objects=objects,
        executions=StepFunctionsExecutions(connect, settings.deployment, arn_prefix=settings.state_machines),
        executor=executor,
        clock_ns=time.time_ns,
        tracer=tracer,
    )
    probe = _probe(s3)
    return Batch(
        deployment=settings.deployment,
        intake=intake,
        probe=probe,
        dry_run=DryRun(probe=probe, ranges=S3Ranges(s3, own_bucket=settings.bucket), clock=_now_ms),
        single=SingleJobs(
            deployment=settings.deployment, jobs=jobs, objects=objects, intake=intake, clock=_now_ms
        ),
        progress=ProgressReader(parts=parts, objects=objects, executor=executor, clock=_now_ms),
        listing=Listing(jobs, _now_ms, key=JobKey),
        parts=parts,
        objects=objects,
        webhooks=webhooks,
        logs_url=partial(_logs_url, settings),
        on_accepted=on_accepted,
    )


def _probe(s3: S3Client) -> Probe:
    executor = ThreadPoolExecutor(batch_probe.AT_ONCE, thread_name_prefix="probe")
    return Probe(listing=S3InputListing(s3), executor=executor, clock=_now_ms)


def _logs_url(settings: Settings, api: str) -> str | None:
    if not settings.console:
        return None
    # The console escapes twice, with a dollar in place of the second percent.
    group = quote(quote(names.log_group(settings.deployment, api), safe=""), safe="").replace("%", "$")
    return f"{settings.console}#logsV2:log-groups/log-group/{group}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
