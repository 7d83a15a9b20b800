"""A job on moto, a real container, and real workers of it, as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from localstack.emulator import free_port
from penstock import ids, keys
from penstock.aws.job_outbox import SqsJobOutbox
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.batch import moves, objects
from penstock.batch.job_ids import batch_id, job_id
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.messages import BatchMessage
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.batch.tallies import total
from tests.conftest import ROOT
from tests.contract.conftest import make_table
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

API = "sum"
SPEC = JobSpec(
    workers=2,
    source=Source(kind=SourceKind.ITEM_LIST, batch_size=2, items=4),
    config={"model": "small"},
    results=True,
)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Worker:
    """``python -m dequeuer`` in batch mode."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def logged(self, message: str) -> list[dict[str, Any]]:
        lines = [line for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line.get("message") == message]

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    def exit_code(self, *, within_seconds: float = 20) -> int:
        try:
            return self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it goes on:\n{self._log.read_text()}") from None

    @property
    def running(self) -> bool:
        return self._process.poll() is None


@dataclass
class JobRig:
    url: str
    folder: Path
    stack: ExitStack

    def __post_init__(self) -> None:
        self.name = ids.new_request_id()
        self.key = JobKey(api=API, id=job_id(time.time_ns()))
        dynamodb = boto3.client("dynamodb", endpoint_url=self.url)
        self.sqs = boto3.client("sqs", endpoint_url=self.url)
        self.s3 = boto3.client("s3", endpoint_url=self.url)
        make_table(dynamodb, self.name)
        self.s3.create_bucket(Bucket=self.name)
        self.jobs = DynamoJobs(dynamodb, self.name)
        self.parts = DynamoJobParts(dynamodb, self.name)
        self._outbox = SqsJobOutbox(self.sqs, executor=self.stack.enter_context(ThreadPoolExecutor(4)))
        self.queue_url = self._queue(f"{self.name}.fifo")
        self._dead_letter_url = self._queue(f"{self.name}-dlq.fifo")
        self.port = free_port()
        self._workers = 0
        self._settings: dict[str, object] = {}

    def _queue(self, name: str) -> str:
        made = self.sqs.create_queue(
            QueueName=name, Attributes={"FifoQueue": "true", "VisibilityTimeout": "6"}
        )
        return made["QueueUrl"]

    def begin(self, batches: Sequence[Sequence[int]], *, results: bool = False) -> None:
        """As the gateway and the job's execution do it."""
        self.s3.put_object(
            Bucket=self.name, Key=keys.job_object(self.key, objects.SPEC), Body=SPEC.to_json().encode()
        )
        self.jobs.create(
            JobRecord(
                api=API,
                id=self.key.id,
                status=JobStatus.PENDING,
                workers=2,
                caller="anonymous",
                fingerprint="f",
                created_ms=now_ms(),
                max_attempts=3,
                results=results,
            )
        )
        self.jobs.apply(self.key, moves.start(queue_url=self.queue_url, now_ms=now_ms()))
        messages = [
            BatchMessage(job=self.key, batch=batch_id(0, number), items=len(items), body=json.dumps(items))
            for number, items in enumerate(batches)
        ]
        self._outbox.send(self.queue_url, messages)
        self.jobs.apply(self.key, moves.seal(total=len(batches), now_ms=now_ms()))

    def stop(self) -> None:
        self.jobs.apply(self.key, moves.stop(ending=JobStatus.STOPPED, failure=None, now_ms=now_ms()))

    @property
    def now(self) -> JobRecord:
        record = self.jobs.get(self.key)
        assert record is not None
        return record

    def ended(self, *, within_seconds: float = 30) -> JobRecord:
        eventually(lambda: self.now.status.terminal, within_seconds=within_seconds, what="the job ends")
        return self.now

    @property
    def finished(self) -> int:
        return total(self.parts.tallies(self.key)).finished

    def start_container(self) -> None:
        script = ROOT / "tests" / "processes" / "batch_container.py"
        self._process([sys.executable, str(script), str(self.port), str(self.folder)], {}, "container")

    def start_worker(self, **settings: object) -> Worker:
        self._workers += 1
        values = {
            "deployment": "shop",
            "dead_letter_url": self._dead_letter_url,
            "port": self.port,
            "timeout_seconds": 60,
            "retention_seconds": 3600,
            "poll_seconds": 1,
            "lease_seconds": 6,
            "health_port": 0,
            **settings,
        }
        self._settings = values
        name = f"worker-{self._workers}"
        process = self._process([sys.executable, "-m", "dequeuer"], values, name)
        return Worker(process, self.folder / f"{name}.log")

    def job_spec(self, **settings: object) -> subprocess.CompletedProcess[str]:
        return self._run("dequeuer.job_spec", {"job_spec": self.folder / "spec" / "job.json", **settings})

    def healthcheck(self, port: int) -> subprocess.CompletedProcess[str]:
        """As ECS asks in the container of the last worker."""
        return self._run("dequeuer.healthcheck", {**self._settings, "health_port": port})

    def _run(self, module: str, settings: dict[str, object]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=self._environment(settings),
            capture_output=True,
            text=True,
            check=False,
        )

    def _environment(self, settings: dict[str, object]) -> dict[str, str]:
        values = {"api": API, "table": self.name, "bucket": self.name, "job_id": self.key.id, **settings}
        told = {f"PENSTOCK_{name.upper()}": str(value) for name, value in values.items()}
        return {**os.environ, **told, "AWS_ENDPOINT_URL": self.url}

    def _process(self, command: list[str], settings: dict[str, object], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment(settings),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """What the container was called with: the truth that counters are held against."""
        path = self.folder / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def served(self) -> Counter[str]:
        """How often the container ended each batch."""
        return Counter(line["batch"] for line in self.ledger if "ended" in line)

    @property
    def begun(self) -> int:
        return sum("begun" in line for line in self.ledger)

    def hold(self, *numbers: int) -> None:
        """Have the container hold these batches from now on, and no others."""
        self.tell("held.json", [batch_id(0, number) for number in numbers])

    def tell(self, name: str, values: list[Any]) -> None:
        beside = self.folder / f".{name}"
        beside.write_text(json.dumps(values))
        beside.replace(self.folder / name)

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """What counts of the results or errors, read as a user does: by the manifest."""
        return [line for part in self._manifest() if part["kind"] == kind for line in self._counting(part)]

    def _manifest(self) -> list[dict[str, Any]]:
        return self._read(keys.job_object(self.key, objects.MANIFEST))

    def _counting(self, part: dict[str, Any]) -> list[dict[str, Any]]:
        rejected = part.get("rejected", [])
        return [line for line in self._read(part["key"]) if line["batch"] not in rejected]

    def _read(self, key: str) -> list[dict[str, Any]]:
        text = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return [json.loads(line) for line in text.splitlines()]

    def messages(self) -> int:
        """Messages that are in the queue, hidden ones too."""
        told = self.sqs.get_queue_attributes(
            QueueUrl=self.queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return int(told["ApproximateNumberOfMessages"]) + int(told["ApproximateNumberOfMessagesNotVisible"])
