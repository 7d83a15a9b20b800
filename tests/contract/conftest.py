"""One suite of promises, kept by the in-memory fakes, by the adapters on moto and on the emulator.

The suite is written in coroutines; ``Backend`` wraps the gateway's plain functions.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aiobotocore.session import AioSession
from botocore.config import Config
from moto.server import ThreadedMotoServer

from localstack.emulator import EmulatorSettings, free_port, start_emulator
from localstack.environment import Endpoint, child_environment
from localstack.guard import Guard
from localstack.options import PROJECT
from localstack.processes import GroupSpawner
from localstack.state import State
from penstock import ids, keys
from penstock.aws.copies import S3Copies
from penstock.aws.directory import DynamoDirectory
from penstock.aws.figures import SqsQueues
from penstock.aws.job_sender import SqsJobSender
from penstock.aws.ledger import DynamoLedger
from penstock.aws.objects import S3Objects
from penstock.aws.outbox import SqsOutbox
from penstock.aws.records import DynamoRecords
from penstock.aws.slots import DynamoSlots
from penstock.aws.source import SqsSource
from penstock.aws.streams import S3Streams
from penstock.testing import (
    MemoryCopies,
    MemoryDirectory,
    MemoryJobSender,
    MemoryLedger,
    MemoryObjects,
    MemoryOutbox,
    MemoryQueue,
    MemoryQueues,
    MemoryRecords,
    MemorySlots,
    MemorySource,
    MemoryStreams,
)
from tests.conftest import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from penstock.batch.ports import JobSender
    from penstock.overview import Directory, Queues, Slots
    from penstock.ports import Copies, Ledger, Objects, Outbox, Records, Source, Streams


@dataclass(frozen=True)
class Backend:
    """All ports over one set of stores. The queue's visibility timeout is two seconds."""

    name: str
    records: Records
    ledger: Ledger
    objects: Objects
    streams: Streams
    outbox: Outbox
    #: Of a job's worker, to the same queue.
    sender: JobSender
    source: Source
    copies: Copies
    #: What is in the dead-letter queue: group and text of each message.
    dead_letters: Callable[[], list[tuple[str, str]]]
    directory: Directory
    slots: Slots
    queues: Queues


BACKENDS = [
    "memory",
    pytest.param("moto"),
    pytest.param("emulator", marks=pytest.mark.emulator),
]


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = PROJECT / ".venv-emulator" / "bin" / "python"
    if not python.exists():
        missing("the emulator is not installed; run `make setup`")
    state = State(tmp_path_factory.mktemp("emulator"))
    state.create()
    endpoint = Endpoint(free_port())
    with Guard(environment=child_environment(endpoint, state.root, outer=os.environ)) as guard:
        emulator = start_emulator(
            EmulatorSettings(python, endpoint, state), GroupSpawner(guard), outer=os.environ
        )
        try:
            emulator.wait_until_ready(interrupt=threading.Event())
            yield endpoint.url
        finally:
            emulator.stop()


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    if request.param == "memory":
        yield _in_memory()
        return
    url = request.getfixturevalue(f"{request.param}_url")
    async with AsyncExitStack() as stack:
        yield await _on_aws(request.param, url, stack)


def _in_memory() -> Backend:
    records, objects = MemoryRecords(), MemoryObjects()
    queue = MemoryQueue(_real_ms, visibility_ms=2000)
    source = MemorySource(queue)
    return Backend(
        name="memory",
        records=records,
        ledger=MemoryLedger(records),
        objects=objects,
        streams=MemoryStreams(objects),
        outbox=MemoryOutbox(queue),
        sender=MemoryJobSender(queue),
        source=source,
        copies=MemoryCopies(objects),
        dead_letters=lambda: [(entry.group, entry.body) for entry in source.dead_letters._entries],
        directory=MemoryDirectory(records),
        slots=MemorySlots(),
        queues=MemoryQueues(queue),
    )


@functools.cache
def _client(service: str, url: str) -> Any:
    # Making a client takes far longer than a call on it.
    signature = Config(signature_version="s3v4") if service == "s3" else None
    return boto3.client(service, endpoint_url=url, config=signature)  # type: ignore[call-overload]  # any of three


@functools.cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(keys.SHARDS)


def _index(name: str, partition: str, sort: str, projection: dict[str, Any]) -> dict[str, Any]:
    schema = [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]
    return {"IndexName": name, "KeySchema": schema, "Projection": projection}


@functools.cache
def _session() -> AioSession:
    return AioSession()


def make_table(dynamodb: Any, name: str) -> None:
    """The table of a deployment."""
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "N" if name == "due_ms" else "S"}
            for name in ("pk", "sk", "listing_pk", "listing_sk", "open_pk", "due_ms")
        ],
        GlobalSecondaryIndexes=[
            _index(keys.LISTING_INDEX, "listing_pk", "listing_sk", {"ProjectionType": "KEYS_ONLY"}),
            _index(
                keys.OPEN_INDEX,
                "open_pk",
                "due_ms",
                {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["created_ms"]},
            ),
        ],
    )


async def _on_aws(name: str, url: str, stack: AsyncExitStack) -> Backend:
    unique = ids.new_request_id()
    dynamodb, s3, sqs = (_client(service, url) for service in ("dynamodb", "s3", "sqs"))
    make_table(dynamodb, unique)
    s3.create_bucket(Bucket=unique)
    queue_url, dead_letter_url = (
        sqs.create_queue(
            QueueName=f"{name}.fifo",
            Attributes={
                "FifoQueue": "true",
                "DeduplicationScope": "messageGroup",
                "FifoThroughputLimit": "perMessageGroupId",
                "VisibilityTimeout": "2",
            },
        )["QueueUrl"]
        for name in (unique, f"{unique}-dlq")
    )

    def dead_letters() -> list[tuple[str, str]]:
        received = sqs.receive_message(
            QueueUrl=dead_letter_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return [
            (message["Attributes"]["MessageGroupId"], message["Body"])
            for message in received.get("Messages", [])
        ]

    async def client(service: str) -> Any:
        made: Any = _session().create_client(service, endpoint_url=url)  # type: ignore[call-overload]  # as above
        return await stack.enter_async_context(made)

    return Backend(
        name=name,
        records=DynamoRecords(dynamodb, unique),
        ledger=DynamoLedger(await client("dynamodb"), unique),
        objects=S3Objects(s3, unique),
        streams=S3Streams(await client("s3"), unique),
        outbox=SqsOutbox(sqs, lambda _api: f"{unique}.fifo"),
        sender=SqsJobSender(await client("sqs"), queue_url),
        source=SqsSource(await client("sqs"), queue_url, dead_letter_url=dead_letter_url),
        # Parts as small as S3 takes them.
        copies=S3Copies(lambda: s3, unique, executor=_executor(), part_bytes=5 * 1024 * 1024),
        dead_letters=dead_letters,
        directory=DynamoDirectory(dynamodb, unique, executor=_executor()),
        slots=DynamoSlots(dynamodb, unique),
        queues=SqsQueues(sqs, lambda _api: f"{unique}.fifo"),
    )


def deviates(request: pytest.FixtureRequest, backend: Backend, name: str, reason: str) -> None:
    """A strict expected failure: the day the stand-in behaves, the test says so."""
    if backend.name == name:
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))


def _real_ms() -> int:
    return time.time_ns() // 1_000_000
