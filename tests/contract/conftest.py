"""One suite of promises, kept by the in-memory fakes, by the adapters on moto and on the emulator.

The suite is written in coroutines; ``Backend`` wraps the gateway's plain functions.
"""

from __future__ import annotations

import functools
import os
import threading
import time
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
from penstock import ids
from penstock.aws.ledger import DynamoLedger
from penstock.aws.objects import S3Objects
from penstock.aws.outbox import SqsOutbox
from penstock.aws.records import DynamoRecords
from penstock.aws.source import SqsSource
from penstock.aws.streams import S3Streams
from penstock.testing import (
    MemoryLedger,
    MemoryObjects,
    MemoryOutbox,
    MemoryQueue,
    MemoryRecords,
    MemorySource,
    MemoryStreams,
)
from tests.conftest import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from penstock.ports import Ledger, Objects, Outbox, Records, Source, Streams


@dataclass(frozen=True)
class Backend:
    """All ports over one set of stores. The queue's visibility timeout is two seconds."""

    name: str
    records: Records
    ledger: Ledger
    objects: Objects
    streams: Streams
    outbox: Outbox
    source: Source


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
    return Backend(
        name="memory",
        records=records,
        ledger=MemoryLedger(records),
        objects=objects,
        streams=MemoryStreams(objects),
        outbox=MemoryOutbox(queue),
        source=MemorySource(queue),
    )


@functools.cache
def _client(service: str, url: str) -> Any:
    # Making a client takes far longer than a call on it.
    signature = Config(signature_version="s3v4") if service == "s3" else None
    return boto3.client(service, endpoint_url=url, config=signature)  # type: ignore[call-overload]  # any of three


@functools.cache
def _session() -> AioSession:
    return AioSession()


async def _on_aws(name: str, url: str, stack: AsyncExitStack) -> Backend:
    unique = ids.new_request_id()
    dynamodb, s3, sqs = (_client(service, url) for service in ("dynamodb", "s3", "sqs"))
    dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    s3.create_bucket(Bucket=unique)
    queue_url = sqs.create_queue(
        QueueName=f"{unique}.fifo",
        Attributes={
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
            "VisibilityTimeout": "2",
        },
    )["QueueUrl"]

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
        source=SqsSource(await client("sqs"), queue_url),
    )


def _real_ms() -> int:
    return time.time_ns() // 1_000_000
