"""Enqueuing of a job's batches: memory, messages a second, calls.

The real function ``enqueue`` in a process of its own, as Lambda holds it. The files are as large as a bench
asks for: the stand-in makes their bytes up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from batch_lambda.plan import Planner
from bench.report import Report, Target
from bench.rig import BUCKET, TABLE
from bench.standin.objects import LINE_BYTES
from bench.standin.sqs import SINK
from bench.usage import processor_seconds, resident_mib, watched_memory
from localstack.options import PROJECT
from penstock import keys
from penstock.aws.jobs import DynamoJobs
from penstock.aws.objects import S3Objects
from penstock.batch import objects
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.ports import FoundObject
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.testing import MemoryJobParts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.options import Options
    from bench.rig import Rig

ITEMS_IN_A_BATCH = 20
MOST_MIB = 128
MOST_CALLS = 110

_DRIVER = Path(__file__).with_name("handler_driver.py")
_MIB = 1 << 20
_LAKE = "lake"


@dataclass(frozen=True, slots=True)
class _Case:
    title: str
    job: JobKey
    #: The one file.
    key: str
    size_bytes: int
    #: How many of its chunks are enqueued, spread over the file.
    chunks: int


class _OneFile:
    """A listing with one file in it."""

    def __init__(self, case: _Case) -> None:
        self._found = FoundObject(case.key, case.size_bytes, "")

    def pages(
        self, _bucket: str, _prefix: str, *, after: str | None = None
    ) -> Iterator[Sequence[FoundObject]]:
        """See ``InputListing.pages``."""
        yield [] if after else [self._found]


def enqueue(rig: Rig, options: Options) -> Report:
    """A file that is cut into chunks, and one that is a single chunk."""
    lines, whole = options.planned_bytes, options.whole_bytes
    cases = [
        _Case("JSONL", _key(0), f"lines-{lines}.jsonl", lines, options.enqueued_chunks),
        _Case("CSV", _key(1), f"lines-{whole}.csv", whole, 1),
    ]
    data = [_measured(rig, case) for case in cases]
    columns = (
        "file",
        "enqueued",
        "messages",
        "messages/s",
        "per core",
        "MiB/s",
        "idle",
        "peak MiB",
        "calls/1000",
    )
    rows = [
        (
            f"{row['title']}, {row['size_bytes'] / (1 << 30):g} GiB",
            f"{row['input_mib']:.0f} MiB in {row['chunks']}",
            f"{row['messages']}",
            f"{row['messages'] / row['seconds']:.0f}",
            f"{row['messages'] / row['cpu_seconds']:.0f}",
            f"{row['input_mib'] / row['seconds']:.1f}",
            f"{row['idle_mib']:.0f}",
            f"{row['peak_mib']:.0f}",
            f"{row['calls_per_1000']:.1f}",
        )
        for row in data
    ]
    targets = [
        target
        for row in data
        for target in (
            Target(
                promise=f"{row['title']}: peak memory", measured=row["peak_mib"], limit=MOST_MIB, unit="MiB"
            ),
            Target(
                promise=f"{row['title']}: calls for 1,000 batches",
                measured=row["calls_per_1000"],
                limit=MOST_CALLS,
                unit="calls",
            ),
        )
    ]
    title = f"enqueuing batches of {ITEMS_IN_A_BATCH} items of {LINE_BYTES} bytes, one function"
    return Report(name="enqueue", title=title, columns=columns, rows=rows, targets=targets, data=data)


def _key(number: int) -> JobKey:
    return JobKey(api="bench", id=f"{number:016x}")


def _measured(rig: Rig, case: _Case) -> dict[str, Any]:
    queue = f"{SINK}{case.job.id}.fifo"
    planned, plan_seconds = _plan(rig, case, queue_url=f"{rig.standin.url}/000000000000/{queue}")
    taken = [planned * number // case.chunks for number in range(case.chunks)]
    with _function(rig) as (process, call):
        idle_mib = resident_mib(process.pid)
        rig.standin.settle()
        with watched_memory(process.pid) as watched:
            started, cpu_before = time.monotonic(), processor_seconds(process.pid)
            for chunk in taken:
                sent: dict[str, Any] = {"done": False, "sent": 0}
                while not sent["done"]:
                    sent = call(
                        {"api": case.job.api, "job": case.job.id, "chunk": chunk, "sent": sent["sent"]}
                    )
            seconds = time.monotonic() - started
            cpu_seconds = processor_seconds(process.pid) - cpu_before
    messages, calls = rig.standin.messages(queue), sum(rig.standin.counts().values())
    return {
        "title": case.title,
        "size_bytes": case.size_bytes,
        "chunks": case.chunks,
        "planned_chunks": planned,
        "plan_seconds": plan_seconds,
        "input_mib": messages * ITEMS_IN_A_BATCH * LINE_BYTES / _MIB,
        "messages": messages,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "idle_mib": idle_mib,
        "peak_mib": watched.peak_mib,
        "calls_per_1000": calls / messages * 1000,
    }


def _plan(rig: Rig, case: _Case, *, queue_url: str) -> tuple[int, float]:
    """Plan the whole file; the number of its chunks, and how long it took."""
    session = boto3.session.Session(
        aws_access_key_id=rig.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=rig.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=rig.environment["AWS_DEFAULT_REGION"],
    )
    s3 = session.client("s3", endpoint_url=rig.standin.url)
    jobs = DynamoJobs(session.client("dynamodb", endpoint_url=rig.standin.url), TABLE)
    bodies = S3Objects(s3, BUCKET)
    source = Source(
        kind=SourceKind.DELIMITED_FILES, batch_size=ITEMS_IN_A_BATCH, s3_paths=(f"s3://{_LAKE}/",)
    )
    spec = JobSpec(workers=1, source=source).to_json()
    bodies.put(keys.job_object(case.job, objects.SPEC), spec.encode(), content_type=None)
    jobs.create(_record(case.job, queue_url))
    with ThreadPoolExecutor(8) as executor:
        planner = Planner(
            jobs=jobs,
            parts=MemoryJobParts(),
            bodies=bodies,
            listing=_OneFile(case),
            own_bucket=BUCKET,
            executor=executor,
            clock=_now_ms,
            nonce=lambda: "bench",
        )
        started = time.monotonic()
        planned = planner.plan(case.job, None, until_ms=_now_ms() + 600_000).chunks
    return planned, time.monotonic() - started


def _record(key: JobKey, queue_url: str) -> JobRecord:
    return JobRecord(
        api=key.api,
        id=key.id,
        status=JobStatus.ENQUEUING,
        workers=1,
        caller="bench",
        fingerprint="",
        created_ms=_now_ms(),
        max_attempts=3,
        queue_url=queue_url,
    )


@contextmanager
def _function(rig: Rig) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    environment = {
        **rig.environment,
        "PYTHONPATH": str(PROJECT),
        "PENSTOCK_TABLE": TABLE,
        "PENSTOCK_BUCKET": BUCKET,
        "POWERTOOLS_SERVICE_NAME": "enqueue",
    }
    with subprocess.Popen(
        [sys.executable, str(_DRIVER), "batch_lambda.enqueue_handler"],
        cwd=rig.folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def read() -> Any:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the function's process has ended; its error is above")
            return json.loads(line)

        def call(event: dict[str, Any]) -> Any:
            assert process.stdin is not None
            process.stdin.write(json.dumps(event) + "\n")
            process.stdin.flush()
            return read()

        read()
        yield process, call


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
