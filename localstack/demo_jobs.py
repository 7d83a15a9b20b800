"""The demo's two batch jobs: numbers that are summed, and pictures that get thumbnails."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from localstack.demo_failed import DemoFailed
from localstack.demo_picture import picture
from penstock.client import DelimitedFiles, FilePathLister, JobRequest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from localstack.console import Screen
    from penstock.client import Client, JobState

#: As in the configuration's ``input_buckets``.
BUCKET = "penstock-demo-jobs"
WAIT_SECONDS = 120
NUMBERS = range(1, 1001)
PICTURES = ("one", "two", "three")
THUMBNAIL_PIXELS = 160


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was handed in."""

    api: str
    id: str
    started: float


def run_jobs(client: Client, s3: S3Client, screen: Screen) -> None:
    """Run both at the same time; DemoFailed if one of them or its results are not as they should be."""
    _fill(s3)
    numbers = DelimitedFiles(s3_paths=[f"s3://{BUCKET}/numbers.jsonl"], batch_size=100)
    pictures = FilePathLister(s3_paths=[f"s3://{BUCKET}/pictures/"], includes=["**.jpg"], batch_size=2)
    summing = _submit(
        client,
        screen,
        "sum-batch",
        JobRequest(source=numbers, workers=2, config={"dest_s3_dir": f"s3://{BUCKET}/sums"}),
        told=f"{len(NUMBERS)} numbers in batches of 100, on 2 workers",
    )
    shrinking = _submit(
        client,
        screen,
        "image-batch",
        JobRequest(
            source=pictures,
            workers=1,
            config={"dest_s3_dir": f"s3://{BUCKET}/small", "size": THUMBNAIL_PIXELS},
        ),
        told=f"{len(PICTURES)} pictures in batches of 2",
    )
    _check_total(_ended(client, screen, summing), s3, screen)
    _ended(client, screen, shrinking)
    _check_thumbnails(s3, screen)


def _fill(s3: S3Client) -> None:
    s3.create_bucket(Bucket=BUCKET)
    lines = "".join(f"{number}\n" for number in NUMBERS)
    s3.put_object(Bucket=BUCKET, Key="numbers.jsonl", Body=lines.encode())
    for name in PICTURES:
        s3.put_object(Bucket=BUCKET, Key=f"pictures/{name}.jpg", Body=picture())


def _submit(client: Client, screen: Screen, api: str, request: JobRequest, *, told: str) -> Job:
    started = time.monotonic()
    screen.tell(f"POST /batch/{api}: {told}")
    submission = client.batch.submit(api, request)
    screen.tell(f"  202 {submission.id}")
    return Job(api, submission.id, started)


def _ended(client: Client, screen: Screen, job: Job) -> JobState:
    seen: list[str] = []

    def show(state: JobState) -> None:
        of_how_many = f" of {state.total}" if state.total else ""
        told = f"  {job.api}: {state.status}, {state.finished}{of_how_many} batches done"
        if told not in seen:
            seen.append(told)
            screen.tell(f"{told} after {time.monotonic() - job.started:.2f} s")

    state = client.batch.wait(job.api, job.id, timeout_seconds=WAIT_SECONDS, on_change=show)
    if state.status != "succeeded":
        raise DemoFailed(f"The job of {job.api} ended as {state.status}: {state.error}")
    return state


def _check_total(state: JobState, s3: S3Client, screen: Screen) -> None:
    key = f"sums/{state.id}/total.json"
    result: Any = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    screen.tell(f"  result: s3://{BUCKET}/{key}: {result}")
    if result != {"total": sum(NUMBERS), "batches": state.total}:
        raise DemoFailed(f"sum-batch wrote {result}; the numbers' sum is {sum(NUMBERS)}.")


def _check_thumbnails(s3: S3Client, screen: Screen) -> None:
    for name in PICTURES:
        key = f"small/{BUCKET}/pictures/{name}.jpg.png"
        body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        with Image.open(io.BytesIO(body)) as thumbnail:
            shape, kind = thumbnail.size, thumbnail.format
        screen.tell(f"  result: s3://{BUCKET}/{key} ({kind}, {shape[0]} x {shape[1]})")
        if kind != "PNG" or max(shape) != THUMBNAIL_PIXELS:
            raise DemoFailed(f"image-batch gave a {kind} of {shape}.")
