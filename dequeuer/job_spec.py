"""``python -m dequeuer.job_spec``: writes what its job is into a file, before the user's container starts.

The file is Cortex's ``job.json``; it is there whole or not at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiobotocore.session import get_session

from penstock import environment, keys
from penstock.aws.streams import S3Streams
from penstock.aws.worker_jobs import DynamoWorkerJobs
from penstock.batch import objects
from penstock.batch.jobs import JobKey
from penstock.batch.spec import JobSpec
from penstock.kinds import Kind
from penstock.moments import rfc3339
from penstock.ports import DependencyError, ObjectMissing
from penstock.records import PayloadRef

if TYPE_CHECKING:
    from penstock.batch.jobs import JobRecord
    from penstock.batch.ports import WorkerJobs
    from penstock.ports import Streams


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSettings:
    """Each field is read from ``PENSTOCK_`` and its name in capitals."""

    api: str
    table: str
    bucket: str
    job_id: str
    #: Where the file is to be.
    job_spec: Path = Path("/cortex/spec/job.json")


class NoSuchJob(Exception):
    """There is no job of this id; the text says so."""


def main() -> None:
    """Write the file; exits with 66 if there is no such job, 69 if it cannot be read, 73 if not written."""
    try:
        settings = environment.read(SpecSettings, os.environ)
    except environment.SettingsError as error:
        _exit(error, os.EX_CONFIG)
    try:
        text = asyncio.run(_described(settings))
        write(settings.job_spec, text)
    except NoSuchJob as error:
        _exit(error, os.EX_NOINPUT)
    except DependencyError as error:
        _exit(error, os.EX_UNAVAILABLE)
    except OSError as error:
        _exit(error, os.EX_CANTCREAT)


def _exit(error: Exception, code: int) -> None:
    sys.stderr.write(f"dequeuer.job_spec: {error}\n")
    sys.exit(code)


async def _described(settings: SpecSettings) -> str:
    async with AsyncExitStack() as stack:
        session = get_session()
        dynamodb = await stack.enter_async_context(session.create_client("dynamodb"))
        s3 = await stack.enter_async_context(session.create_client("s3"))
        key = JobKey(api=settings.api, id=settings.job_id)
        jobs = DynamoWorkerJobs(dynamodb, settings.table)
        return await described(key, jobs, S3Streams(s3, settings.bucket))


async def described(key: JobKey, jobs: WorkerJobs, streams: Streams) -> str:
    """The file's text. ``NoSuchJob``, ``DependencyError``."""
    record = await jobs.get(key)
    if record is None:
        raise NoSuchJob(f"API {key.api} has no job {key.id}; PENSTOCK_JOB_ID must name one of its jobs")
    ref = PayloadRef(key=keys.job_object(key, objects.SPEC), size_bytes=0)
    try:
        async with streams.open(ref) as stored:
            text = b"".join([chunk async for chunk in stored.chunks])
    except ObjectMissing as error:
        raise NoSuchJob(f"what was submitted for job {key.id} of API {key.api} is gone: {error}") from error
    return json.dumps(_spec(record, JobSpec.from_json(text)), indent=2)


def _spec(record: JobRecord, spec: JobSpec) -> dict[str, Any]:
    queue = spec.dead_letter_queue
    return {
        "job_id": record.id,
        "api_name": record.api,
        "kind": Kind.BATCH,
        "workers": spec.workers,
        "config": dict(spec.config),
        "timeout": spec.timeout_seconds,
        "sqs_dead_letter_queue": asdict(queue) if queue else None,
        "sqs_url": record.queue_url,
        "start_time": rfc3339(record.created_ms),
        # Ours.
        "source": asdict(spec.source),
        "results": spec.results,
        "retry_of": record.retry_of,
    }


def write(path: Path, text: str) -> None:
    """Have the file there with this text, or not at all; folders are made. ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text)
        # The user's container may run as anybody.
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
