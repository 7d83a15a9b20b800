"""What the benches add to AWS: counts, a round-trip time, bodies that nobody stores."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bench.rig import IMAGE_ENVIRONMENT
from bench.standin.expressions import Scope, Unsupported, holds, updated
from bench.standin.objects import LINE_BYTES
from tests.conftest import ROOT

BUCKET = "anything"


@pytest.fixture
def s3(bench_rig):
    client = boto3.client("s3", endpoint_url=bench_rig.standin.url)
    yield client
    client.close()


@pytest.fixture
def standin(bench_rig):
    bench_rig.standin.settle()
    yield bench_rig.standin
    bench_rig.standin.settle(round_trip_seconds=0, keep_bytes=1 << 30)


def test_calls_are_counted_by_operation_and_settling_begins_anew(standin, s3):
    for _ in range(3):
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    s3.get_object(Bucket=BUCKET, Key="a")
    assert standin.counts() == {"PutObject": 3, "GetObject": 1}
    standin.settle()
    assert standin.counts() == {}


def test_each_call_takes_the_added_time_once(standin, s3):
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    standin.settle(round_trip_seconds=1)
    started = time.monotonic()
    s3.get_object(Bucket=BUCKET, Key="a")["Body"].read()
    assert 1 <= time.monotonic() - started < 2


async def test_a_long_poll_answers_half_a_round_trip_after_the_message_has_come(standin, backend):
    standin.settle(round_trip_seconds=0.2)
    polling = asyncio.create_task(backend.source.receive(limit=1, wait_seconds=10))
    await asyncio.sleep(0.3)
    assert await backend.source.receive(limit=1, wait_seconds=0) == []
    assert not polling.done()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)


def test_a_synthetic_key_reads_as_zeros_of_its_size(s3):
    body = s3.get_object(Bucket=BUCKET, Key="payloads/api/id/synthetic-300001")["Body"].read()
    assert body == bytes(300_001)


def test_a_body_above_the_limit_is_counted_and_dropped(standin, s3):
    standin.settle(keep_bytes=10)
    s3.put_object(Bucket=BUCKET, Key="large", Body=b"x" * 11)
    s3.put_object(Bucket=BUCKET, Key="small", Body=b"x" * 10)
    assert s3.get_object(Bucket=BUCKET, Key="large")["Body"].read() == bytes(11)
    assert s3.get_object(Bucket=BUCKET, Key="small")["Body"].read() == b"x" * 10


@pytest.mark.parametrize("condition", ["size(a) > :v", "a BETWEEN :v AND :v", "NOT (a = :v)", "a = :v b"])
def test_a_condition_beyond_the_known_is_refused_not_guessed(condition):
    with pytest.raises((Unsupported, KeyError, IndexError)):
        holds(condition, Scope({}, {":v": {"N": "1"}}), {"a": {"N": "1"}})


def test_or_binds_weaker_than_and():
    scope = Scope({}, {":one": {"N": "1"}, ":two": {"N": "2"}})
    item = {"a": {"N": "1"}}
    assert holds("a = :one OR a = :two AND a = :two", scope, item)
    assert not holds("(a = :one OR a = :two) AND a = :two", scope, item)


def test_an_update_sets_adds_and_removes():
    scope = Scope({"#n": "n"}, {":v": {"S": "new"}, ":d": {"N": "-1"}})
    before = {"n": {"N": "3"}, "gone": {"S": "x"}}
    assert updated("SET s = :v ADD #n :d REMOVE gone, never", scope, before) == {
        "n": {"N": "2"},
        "s": {"S": "new"},
    }


def test_the_benches_give_the_dequeuer_the_memory_settings_of_its_image():
    dockerfile = (ROOT / "ecs_tasks" / "dequeuer" / "Dockerfile").read_text()
    for name, value in IMAGE_ENVIRONMENT.items():
        assert f"ENV {name}={value}\n" in dockerfile


def test_parts_of_made_up_lines_are_those_of_the_whole(s3):
    key = "lines-1000003.jsonl"
    whole = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert len(whole) == 1_000_003
    assert {len(line) for line in whole.splitlines()[:-1]} == {LINE_BYTES - 1}
    assert json.loads(whole.splitlines()[0])["number"] == 12345678
    part = s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=262000-999999")["Body"].read()
    assert part == whole[262_000:1_000_000]


def test_a_part_behind_the_end_is_refused(s3):
    s3.put_object(Bucket=BUCKET, Key="small", Body=b"123")
    assert s3.get_object(Bucket=BUCKET, Key="small", Range="bytes=1-99")["Body"].read() == b"23"
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=BUCKET, Key="small", Range="bytes=3-99")


@pytest.mark.parametrize("queue", ["batch.fifo", "sink-batch.fifo"])
def test_messages_sent_together_are_counted(standin, queue):
    sqs = boto3.client("sqs", endpoint_url=standin.url)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    entries: list[Any] = [
        {"Id": f"{at}", "MessageBody": "x", "MessageGroupId": f"{at}", "MessageDeduplicationId": f"{at}"}
        for at in range(10)
    ]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sqs.close()
    assert len(sent["Successful"]) == 10
    assert standin.messages(queue) == 10
    assert standin.counts()["SendMessageBatch"] == 1
