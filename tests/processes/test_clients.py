"""How often the real AWS clients repeat a call, against a server that counts."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from dequeuer.clients import clients
from penstock import transitions
from penstock.aws.ledger import DynamoLedger
from penstock.aws.source import SqsSource
from penstock.aws.streams import S3Streams
from penstock.ports import DependencyError
from penstock.records import PayloadRef
from tests.examples import KEY
from tests.processes.task import BUCKET, QUEUE, TABLE, Cloud, listening
from tests.unit.dequeuer.workbench import SETTINGS

FOR_EVER = 10**9
RENEWAL = transitions.renew(lease="l", lease_until_ms=1)


@pytest.fixture
async def cloud(monkeypatch):
    cloud = Cloud()
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    async with listening(cloud.app(), cloud.port):
        yield cloud


@pytest.fixture
async def stores(cloud):
    async with AsyncExitStack() as stack:
        dynamodb, sqs, s3 = await clients(replace(SETTINGS, poll_seconds=1, max_concurrency=60), stack)
        queue_url = f"{cloud.url}/000000000000/{QUEUE}"
        source = SqsSource(sqs, queue_url, dead_letter_url=f"{cloud.url}/000000000000/dlq.fifo")
        yield DynamoLedger(dynamodb, TABLE), source, S3Streams(s3, BUCKET)


async def read(streams: S3Streams) -> None:
    async with streams.open(PayloadRef(key="payloads/a/b/c", size_bytes=1)):
        pass


async def fails(call) -> float:
    """How many seconds the call took to fail."""
    started = time.monotonic()
    with pytest.raises(DependencyError):
        await call
    return time.monotonic() - started


async def test_throttling_is_tried_again_a_bounded_number_of_times(cloud, stores):
    ledger, source, streams = stores
    for operation in ("UpdateItem", "ReceiveMessage", "S3 GET"):
        cloud.faults[operation] = ("throttled", FOR_EVER)
    await asyncio.gather(
        fails(ledger.apply(KEY, RENEWAL)),
        fails(source.receive(limit=1, wait_seconds=1)),
        fails(read(streams)),
    )
    assert cloud.calls == {"UpdateItem": 5, "ReceiveMessage": 3, "S3 GET": 5}


async def test_a_table_that_hangs_is_given_up_within_its_budget(cloud, stores):
    ledger, _, _ = stores
    cloud.faults["UpdateItem"] = ("hanging", FOR_EVER)
    # Five times two seconds without an answer, and between them at the most 1, 2, 4 and 8 s.
    assert 10 <= await fails(ledger.apply(KEY, RENEWAL)) < 26
    assert cloud.calls["UpdateItem"] == 5


async def test_an_outage_costs_a_client_a_hundred_repetitions_and_then_each_call_is_made_once(cloud, stores):
    _, _, streams = stores
    cloud.faults["S3 GET"] = ("down", FOR_EVER)
    await asyncio.gather(*[fails(read(streams)) for _ in range(60)])
    assert cloud.calls["S3 GET"] == 60 + 100
    cloud.calls.clear()
    assert await fails(read(streams)) < 1
    assert cloud.calls["S3 GET"] == 1
