"""What enqueuing needs of AWS: parts of objects as they were planned, and messages each of which is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from batch_lambda.enqueue import Enqueuer
from batch_lambda.plan import Planner
from batch_lambda.seal import Sealer
from penstock import ids, keys
from penstock.aws.job_outbox import SqsJobOutbox
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.aws.listing import S3InputListing
from penstock.aws.objects import S3Objects
from penstock.aws.ranges import S3Ranges
from penstock.batch import objects
from penstock.batch.chunks import Form, Segment
from penstock.batch.closing import Closer
from penstock.batch.jobs import JobStatus
from penstock.batch.messages import MOST_INLINE_BYTES, BatchMessage, CompleteMessage
from penstock.batch.ports import JobOutbox, QueueGone, Ranges
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.ports import ObjectChanged, ObjectMissing
from penstock.testing import MemoryJobOutbox, MemoryObjects, MemoryQueue, MemoryRanges
from tests.contract.conftest import BACKENDS, _client, _executor, _real_ms, make_table
from tests.unit.batch.test_moves import JOB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.ports import Objects

KEY = JOB.key


@dataclass(frozen=True)
class Store:
    ranges: Ranges
    objects: Objects
    bucket: str


@dataclass(frozen=True)
class Queue:
    outbox: JobOutbox
    url: str
    #: Receive and delete all: group and text of each message.
    drain: Callable[[], list[tuple[str, str]]]
    remove: Callable[[], object]


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        objects = MemoryObjects()
        return Store(MemoryRanges(objects, own_bucket="own"), objects, "own")
    bucket = ids.new_request_id()
    s3 = _client("s3", request.getfixturevalue(f"{request.param}_url"))
    s3.create_bucket(Bucket=bucket)
    return Store(S3Ranges(s3, own_bucket=bucket), S3Objects(s3, bucket), bucket)


@pytest.fixture(params=BACKENDS)
def queue(request: pytest.FixtureRequest) -> Iterator[Queue]:
    if request.param == "memory":
        memory = MemoryQueue(_real_ms)
        outbox = MemoryJobOutbox({"url": memory})
        yield Queue(outbox, "url", lambda: _drained_memory(memory), lambda: outbox.queues.pop("url"))
        return
    sqs = _client("sqs", request.getfixturevalue(f"{request.param}_url"))
    url = sqs.create_queue(
        QueueName=f"{ids.new_request_id()}.fifo",
        Attributes={
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        },
    )["QueueUrl"]
    yield Queue(
        SqsJobOutbox(sqs, executor=_executor()),
        url,
        lambda: _drained(sqs, url),
        lambda: sqs.delete_queue(QueueUrl=url),
    )


def _drained_memory(queue: MemoryQueue) -> list[tuple[str, str]]:
    return [(entry.group, entry.body) for entry in queue._entries]


def _drained(sqs: Any, url: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    while True:
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
        ).get("Messages", [])
        if not received:
            return found
        for message in received:
            found.append((message["Attributes"]["MessageGroupId"], message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def segment(store: Store, key: str, *, etag: str = "") -> Segment:
    return Segment(bucket=store.bucket, key=key, etag=etag, form=Form.LINES, first=0, end=10)


@pytest.mark.parametrize(
    ("first", "size", "expected"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (8, 100, b"89"), (0, 10, b"0123456789"), (10, 5, b""), (99, 5, b"")],
)
def test_bytes_are_read_up_to_the_end(store, first, size, expected):
    store.objects.put("file", b"0123456789", content_type=None)
    assert store.ranges.read(segment(store, "file"), first=first, size=size) == expected


def test_an_object_is_read_only_as_it_was(store):
    store.objects.put("file", b"old", content_type=None)
    etag = store.objects.describe("file").etag
    assert store.ranges.read(segment(store, "file", etag=etag), first=0, size=9) == b"old"
    store.objects.put("file", b"new", content_type=None)
    with pytest.raises(ObjectChanged):
        store.ranges.read(segment(store, "file", etag=etag), first=0, size=9)


def test_a_missing_object_is_told(store):
    with pytest.raises(ObjectMissing):
        store.ranges.read(segment(store, "none"), first=0, size=9)


def test_a_large_part_comes_whole(store):
    data = bytes(range(256)) * (9 << 12)
    store.objects.put("file", data, content_type=None)
    assert store.ranges.read(segment(store, "file"), first=7, size=len(data)) == data[7:]


def test_all_messages_arrive_once_with_their_groups(queue):
    # Some are so long that a call takes fewer than ten.
    sizes = [1] * 25 + [MOST_INLINE_BYTES] * 6 + [1] * 3
    messages = [
        BatchMessage(job=KEY, batch=f"0-{number}", items=1, body="ä" * (size // 2 + 1))
        for number, size in enumerate(sizes)
    ]
    queue.outbox.send(queue.url, [*messages, CompleteMessage(job=KEY)])
    # The enqueuing function crashed behind this, and comes again.
    queue.outbox.send(queue.url, messages)
    expected = {(message.group, message.encode()) for message in messages}
    found = queue.drain()
    assert set(found) == expected | {("complete", CompleteMessage(job=KEY).encode())}
    assert len(found) == len(messages) + 1


def test_a_queue_that_was_deleted_is_told(queue):
    queue.remove()
    with pytest.raises(QueueGone):
        queue.outbox.send(queue.url, [CompleteMessage(job=KEY)])


@pytest.mark.emulator
def test_a_thousand_batches_are_enqueued_with_at_most_110_calls(emulator_url):
    unique, calls = ids.new_request_id(), Counter[str]()
    dynamodb, s3, sqs = (counted(service, emulator_url, calls) for service in ("dynamodb", "s3", "sqs"))
    make_table(dynamodb, unique)
    for bucket in (unique, f"{unique}-lake"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(
        Bucket=f"{unique}-lake",
        Key="items.jsonl",
        Body=b"".join(b'{"number":%d,"text":"%0100d"}\n' % (number, 0) for number in range(20_000)),
    )
    url = sqs.create_queue(QueueName=f"{unique}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    jobs, parts, bodies = (
        DynamoJobs(dynamodb, unique),
        DynamoJobParts(dynamodb, unique),
        S3Objects(s3, unique),
    )
    source = Source(
        kind=SourceKind.DELIMITED_FILES,
        batch_size=20,
        s3_paths=(f"s3://{unique}-lake/",),
        includes=("**.jsonl",),
    )
    spec = JobSpec(workers=1, source=source).to_json().encode()
    bodies.put(keys.job_object(KEY, objects.SPEC), spec, content_type=None)
    jobs.create(replace(JOB, queue_url=url, status=JobStatus.ENQUEUING))
    outbox = SqsJobOutbox(sqs, executor=_executor())
    planner = Planner(
        jobs=jobs,
        parts=parts,
        bodies=bodies,
        listing=S3InputListing(s3),
        own_bucket=unique,
        executor=_executor(),
        clock=_real_ms,
        nonce=ids.new_request_id,
    )
    enqueuer = Enqueuer(
        jobs=jobs,
        parts=parts,
        bodies=bodies,
        ranges=S3Ranges(s3, own_bucket=unique),
        outbox=outbox,
        executor=_executor(),
        clock=_real_ms,
    )
    closer = Closer(jobs=jobs, parts=parts, outbox=outbox, clock=_real_ms)
    sealer = Sealer(jobs=jobs, parts=parts, bodies=bodies, closer=closer, clock=_real_ms)
    calls.clear()

    planned = planner.plan(KEY, None, until_ms=_real_ms() + 60_000)
    to_plan = calls.total()
    for chunk in range(planned.chunks):
        assert enqueuer.enqueue(KEY, chunk, until_ms=_real_ms() + 60_000).done
    to_enqueue = calls.total() - to_plan
    assert sealer.seal(KEY).total == 1000

    assert calls["SendMessageBatch"] == 100
    assert to_enqueue <= 110, calls
    # What a job takes besides, however many batches it has in a chunk.
    assert calls.total() - to_enqueue <= 10, calls
    record = jobs.get(KEY)
    assert (record.status, record.total) == (JobStatus.RUNNING, 1000)


def counted(service: str, url: str, calls: Counter[str]) -> Any:
    """A client whose calls are counted by operation."""
    client = boto3.client(service, endpoint_url=url)  # type: ignore[call-overload]  # any of three
    one_at_a_time = Lock()

    def count(model: Any, **_: Any) -> None:
        # Calls are made by several threads.
        with one_at_a_time:
            calls[model.name] += 1

    client.meta.events.register("before-call.*.*", count)
    return client
