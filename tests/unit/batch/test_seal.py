"""A job is sealed with the number of its batches, once all are enqueued."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batch_lambda.seal import ChunksMissing, Sealed
from penstock.batch.commits import Commit, FinishedBatch
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobStatus
from penstock.batch.messages import CompleteMessage
from penstock.batch.spec import OnBadItem
from tests.unit.batch.enqueuing import KEY, World, files


def small() -> World:
    world = World(files(batch_size=2))
    world.file("file.jsonl", b"1\n2\n3\n")
    world.plan()
    return world


def test_the_total_is_the_sum_over_the_chunks():
    world = small()
    world.enqueue_all()
    assert world.sealer.seal(KEY) == Sealed(sealed=True, total=2)
    assert (world.record.status, world.record.total) == (JobStatus.RUNNING, 2)
    # Again is once.
    assert world.sealer.seal(KEY) == Sealed(sealed=True, total=2)


def test_a_job_whose_chunks_are_not_all_there_is_not_sealed():
    world = small()
    with pytest.raises(ChunksMissing, match="0 of 1"):
        world.sealer.seal(KEY)
    assert world.record.total is None


def test_a_job_that_was_stopped_is_not_sealed():
    world = small()
    world.becomes(JobStatus.STOPPING)
    assert world.sealer.seal(KEY) == Sealed(sealed=False)
    assert world.record.total is None


def test_a_job_whose_batches_have_all_ended_is_completed_at_once():
    world = small()
    world.enqueue_all()
    ended = tuple(
        FinishedBatch(id=message.batch, attempt=1, items=message.items, finished_ms=1)
        for message in world.messages()
    )
    world.parts.commit(Commit(key=KEY, worker="w", token="t", batches=ended, expires_at=9_999_999_999))
    world.sealer.seal(KEY)
    assert world.record.status is JobStatus.COMPLETING
    assert world.queue._entries[-1].body == CompleteMessage(job=KEY).encode()


def test_input_of_bad_items_alone_ends_the_job_with_a_reason():
    world = World(files(on_bad_item=OnBadItem.SKIP))
    world.file("file.jsonl", b"nope\n\nno\n")
    world.plan()
    world.enqueue_all()
    with pytest.raises(InputFault, match="no items; 2 bad ones were skipped"):
        world.sealer.seal(KEY)
    assert world.record.ending is JobStatus.ENQUEUE_FAILED
    assert world.record.failure.code == "no_items"
    # The step is tried again after a crash behind the stop.
    assert world.sealer.seal(KEY) == Sealed(sealed=False)


def test_a_job_of_many_chunks_is_sealed_with_all_of_them():
    world = small()
    world.enqueue_all()
    first = world.parts.enqueued[KEY][0]
    world.put("chunks.jsonl", '{"chunk": 0}\n{"chunk": 1}\n')
    world.parts.enqueued[KEY][1] = replace(first, index=1, batches=7)
    assert world.sealer.seal(KEY).total == 9
