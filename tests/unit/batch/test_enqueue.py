"""Each batch of a chunk is in the queue, once, whatever happens on the way."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from penstock.batch import objects
from penstock.batch.chunks import EnqueuedChunk
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobStatus
from penstock.batch.messages import MOST_INLINE_BYTES
from penstock.batch.spec import OnBadItem, Source, SourceKind
from penstock.ports import DependencyError
from tests.unit.batch.enqueuing import KEY, LAKE, QUEUE, World, files


def planned(items: int = 1000, *, batch_size: int = 2, **more) -> World:
    world = World(files(batch_size=batch_size, **more))
    world.file("file.jsonl", b"".join(b"%d\n" % number for number in range(items)))
    world.plan()
    return world


class Interrupted:
    """An outbox that does something before the call of a number, or fails in it."""

    def __init__(self, world: World, call: int, act, *, then_send: bool = True) -> None:
        self._outbox, self._left, self._act, self._then_send = world.outbox, call, act, then_send
        world.enqueuer._outbox = self

    def send(self, queue_url, messages) -> None:
        self._left -= 1
        if not self._left:
            self._act()
        if self._left or self._then_send:
            self._outbox.send(queue_url, messages)


def refuse() -> None:
    raise DependencyError("throttled")


def test_a_chunk_is_noted_with_what_is_in_it():
    world = planned(1001)
    assert world.enqueue(0).sent == 501
    assert world.items() == list(range(1001))
    assert world.parts.chunks(KEY) == [EnqueuedChunk(index=0, batches=501, items=1001)]


def test_ids_depend_on_the_input_alone():
    first, second = planned(), planned()
    first.enqueue_all()
    second.enqueue_all()
    assert first.messages() == second.messages()
    assert [message.batch for message in first.messages()] == [f"0-{number}" for number in range(500)]


def test_a_chunk_that_was_half_sent_is_sent_again_without_doubles():
    world = planned()
    Interrupted(world, 2, refuse)
    with pytest.raises(DependencyError):
        world.enqueue(0)
    assert 0 < len(world.messages()) < 500
    assert not world.parts.chunks(KEY)
    world.enqueue(0)
    assert set(world.sent().values()) == {1}
    assert world.items() == list(range(1000))


def test_a_call_that_runs_out_of_time_tells_how_far_it_came():
    world = planned()
    Interrupted(world, 1, lambda: world.clock.advance(700))
    answer = world.enqueue(0)
    assert (answer.done, answer.sent) == (False, 200)
    assert not world.parts.chunks(KEY)
    world.queue._sent.clear()
    assert world.enqueue(0, sent=answer.sent).done
    # Not because the queue knew them: it has forgotten.
    assert set(world.sent().values()) == {1}
    assert world.parts.chunks(KEY) == [EnqueuedChunk(index=0, batches=500, items=1000)]


@pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.ENQUEUING}))
def test_nothing_is_sent_for_a_job_that_does_not_enqueue(status):
    world = planned()
    world.becomes(status)
    assert world.enqueue(0).done
    assert not world.messages()
    assert not world.parts.chunks(KEY)


def test_a_stop_ends_enqueuing_within_seconds():
    world = planned()

    def stop() -> None:
        world.becomes(JobStatus.STOPPING)
        world.clock.advance(3)

    Interrupted(world, 1, stop)
    assert world.enqueue(0).done
    assert len(world.messages()) == 200
    assert not world.parts.chunks(KEY)


def test_a_queue_that_is_gone_ends_enqueuing_quietly():
    world = planned()
    Interrupted(world, 2, lambda: world.outbox.queues.pop(QUEUE))
    assert world.enqueue(0).done
    assert not world.parts.chunks(KEY)
    assert world.record.status is JobStatus.ENQUEUING


def test_a_bad_item_ends_the_job_and_is_named():
    world = World(files())
    world.file("a.jsonl", b"1\n2\n")
    world.file("b.jsonl", b"3\n{]\n")
    world.plan()
    with pytest.raises(InputFault, match=r"s3://lake/b\.jsonl, line 2, byte 2: the item is not JSON"):
        world.enqueue(0)
    assert world.record.ending is JobStatus.ENQUEUE_FAILED
    assert world.record.failure.code == "invalid_item"
    assert "s3://lake/b.jsonl, line 2" in world.record.failure.message


def test_bad_items_are_passed_over_and_counted_if_the_job_says_so():
    world = World(files(on_bad_item=OnBadItem.SKIP))
    world.file("a.jsonl", b"1\nNaN\n2\n{]\n3\n" + b"x" * (2 << 20) + b"\n4\n")
    world.plan()
    world.enqueue_all()
    assert world.batches() == [[1, 2], [3, 4]]
    assert world.parts.chunks(KEY) == [EnqueuedChunk(index=0, batches=2, items=4, skipped=3)]


def test_a_file_that_was_replaced_ends_the_job_and_is_named():
    world = planned()
    world.file("file.jsonl", b"other\n")
    with pytest.raises(InputFault, match=r"s3://lake/file\.jsonl was replaced"):
        world.enqueue(0)
    assert world.record.failure.code == "input_changed"


def test_the_first_reason_stays():
    world = planned()
    world.file("file.jsonl", b"other\n")
    world.becomes(JobStatus.ENQUEUING)
    with pytest.raises(InputFault):
        world.enqueue(0)
    first = world.record
    world.becomes(JobStatus.ENQUEUING)
    world.jobs.rows[KEY] = first
    assert world.enqueue(0).done
    assert world.record == first


def test_a_batch_that_does_not_travel_lies_in_s3_before_its_message_is_sent():
    world = World(files(batch_size=1))
    large = json.dumps("x" * MOST_INLINE_BYTES)
    strange = json.dumps("\ufffe", ensure_ascii=False)
    world.file("file.jsonl", f"{large}\n{strange}\n1".encode())
    world.plan()
    there: list[str] = []
    Interrupted(world, 1, lambda: there.extend(key for key in world.bodies.bodies if "/bodies/" in key))
    world.enqueue(0)
    assert [message.body for message in world.messages()] == [None, None, "[1]"]
    assert [message.body_key for message in world.messages()[:2]] == there
    assert world.batches() == [["x" * MOST_INLINE_BYTES], ["\ufffe"], [1]]


def test_what_waits_to_be_sent_is_bounded_in_bytes_whatever_the_letters():
    world = World(files(batch_size=1))
    # Three bytes each.
    line = f'"{"語" * 80_000}"\n'.encode()
    world.file("file.jsonl", line * 60)
    world.plan()
    together: list[int] = []

    class Weighed:
        def send(self, queue_url, messages) -> None:
            together.append(sum(len(message.body.encode()) for message in messages))
            world.outbox.send(queue_url, messages)

    world.enqueuer._outbox = Weighed()
    world.enqueue_all()
    assert sum(world.sent().values()) == 60
    assert max(together) <= (4 << 20) + MOST_INLINE_BYTES


def test_a_cut_file_is_enqueued_whole():
    lines = [b'{"n":%d,"text":"%s"}\r\n' % (number, b"x" * 997) for number in range(20_000)]
    world = World(files(batch_size=100))
    world.file("file.jsonl", b"".join(lines))
    world.plan()
    chunks = world.chunks()
    assert len(chunks) > 2
    borders = [(before.segments[-1].end, behind.segments[0].first) for before, behind in pairwise(chunks)]
    assert all(end == first for end, first in borders)
    world.enqueue_all()
    assert [item["n"] for item in world.items()] == list(range(20_000))
    assert len(world.sent()) == len(world.messages())
    # One read for each chunk: what is behind its end comes with it.
    assert world.ranges.calls == len(chunks)


def test_small_files_are_read_once_each():
    world = World(files(batch_size=10))
    for number in range(50):
        world.file(f"{number:02}.jsonl", b"%d" % number)
    world.plan()
    world.enqueue_all()
    assert world.items() == list(range(50))
    assert world.ranges.calls == 50


def test_items_of_a_list_are_those_that_were_sent():
    world = World(Source(kind=SourceKind.ITEM_LIST, batch_size=3, items=4))
    world.put(objects.ITEMS, '{"a": 1.10}\n"\\u00e4"\nnull\n[ ]\n')
    world.plan()
    world.enqueue_all()
    assert [message.body for message in world.messages()] == ['[{"a": 1.10},"\\u00e4",null]', "[[ ]]"]


def test_a_missing_file_is_named():
    world = planned()
    del world.bodies.foreign[LAKE, "file.jsonl"]
    with pytest.raises(InputFault, match=r"s3://lake/file\.jsonl is not there any more"):
        world.enqueue(0)
