"""A plan has each item of its source once, however often it is interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.batch import objects
from penstock.batch.commits import Commit, FinishedBatch
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobKey, JobStatus
from penstock.batch.planning import CHUNK_BYTES
from penstock.batch.ports import FoundObject
from penstock.batch.spec import Source, SourceKind
from penstock.records import Failure
from tests.unit.batch.enqueuing import KEY, LAKE, World, files

MIB = 1 << 20


def paths(*listed: str, batch_size: int = 2, **more) -> Source:
    return Source(kind=SourceKind.FILE_PATH_LISTER, batch_size=batch_size, s3_paths=listed, **more)


class SlowListing:
    """Pages of a few objects of these sizes, each of which takes a second."""

    def __init__(self, world: World, sizes: Mapping[str, int], *, page: int) -> None:
        self._clock, self._sizes, self._page = world.clock, sizes, page

    def pages(self, bucket: str, prefix: str, *, after: str | None = None):
        found = [
            FoundObject(key, size, "")
            for key, size in sorted(self._sizes.items())
            if key.startswith(prefix) and (after is None or key > after)
        ]
        for start in range(0, max(1, len(found)), self._page):
            self._clock.advance(1)
            yield found[start : start + self._page]


def planned_in_steps(world: World, *, seconds: int, repeated: bool = False) -> int:
    """Plan with calls that each have so much time; how many it took.

    With ``repeated`` each comes twice, as after a crash.
    """
    position, calls = None, 0
    while True:
        calls += 1
        for _ in range(1 + repeated):
            answer = world.planner.plan(KEY, position, until_ms=world.clock() + seconds * 1000)
        if answer.done:
            return calls
        position = json.loads(json.dumps(answer.position))


def test_a_list_of_items_is_planned_from_its_lines():
    world = World(Source(kind=SourceKind.ITEM_LIST, batch_size=2, items=5))
    world.put(objects.ITEMS, "1\n2\n3\n4\n5\n")
    assert world.plan().chunks == 1
    world.enqueue_all()
    assert world.batches() == [[1, 2], [3, 4], [5]]


def test_a_large_list_is_cut_at_full_batches():
    items = [f"{number}-" + "x" * (MIB // 2) for number in range(40)]
    world = World(Source(kind=SourceKind.ITEM_LIST, batch_size=3, items=len(items)))
    world.put(objects.ITEMS, "".join(f"{json.dumps(item)}\n" for item in items))
    assert world.plan().chunks > 1
    world.enqueue_all()
    assert world.items() == items
    assert len(world.batches()) == 14


def test_paths_of_files_are_items():
    world = World(paths("s3://lake/a/", "s3://lake/b", batch_size=2, excludes=("**.txt",)))
    for key in ("a/1.jpg", "a/2.jpg", "a/", "a/3.txt", "b1", "c"):
        world.file(key, b"" if key.endswith("/") else b"x")
    world.plan()
    world.enqueue_all()
    assert world.batches() == [["s3://lake/a/1.jpg", "s3://lake/a/2.jpg"], ["s3://lake/b1"]]


def test_lines_of_files_are_items_and_empty_files_have_none():
    world = World(files(includes=("**.jsonl",)))
    world.file("1.jsonl", b"1\n2\n3")
    world.file("2.jsonl", b"")
    world.file("3.jsonl", b"4\n")
    world.file("4.md", b"# no items")
    world.plan()
    world.enqueue_all()
    # Batches go across files.
    assert world.batches() == [[1, 2], [3, 4]]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 400, 3 * MIB, CHUNK_BYTES, 20 * MIB]), min_size=1, max_size=25),
    st.integers(1, 5),
    st.integers(0, 4),
    st.booleans(),
)
def test_an_interrupted_plan_is_that_of_one_call(sizes, page, seconds, repeated):
    listed = {
        f"{'ab'[number % 2]}{number:02}.{'csv' if number % 3 else 'jsonl'}": size
        for number, size in enumerate(sizes)
    }
    made = []
    for interrupted in (False, True):
        world = World(files("s3://lake/a", "s3://lake/b"))
        world.planner._listing = SlowListing(world, listed, page=page)
        if not any(sizes):
            with pytest.raises(InputFault):
                world.plan()
            return
        if interrupted:
            assert planned_in_steps(world, seconds=seconds, repeated=repeated) > 1 or seconds
        else:
            world.plan()
        made.append(world.chunks())
    assert made[0] == made[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 7), st.integers(0, 3), st.integers(1, 9), st.booleans())
def test_an_interrupted_plan_of_paths_has_each_path_once(number, page, seconds, batch_size, repeated):
    world = World(paths("s3://lake/a", "s3://lake/b", batch_size=batch_size))
    keys = sorted(f"{'ab'[one % 2]}{one:03}" for one in range(number))
    world.planner._listing = SlowListing(world, dict.fromkeys(keys, 1), page=page)
    planned_in_steps(world, seconds=seconds, repeated=repeated)
    world.enqueue_all()
    assert world.items() == [f"s3://{LAKE}/{key}" for key in keys]
    assert {len(batch) for batch in world.batches()[:-1]} <= {batch_size}


def test_a_retry_has_the_failed_batches_as_they_were():
    world = World(Source(kind=SourceKind.RETRY, batch_size=0, retry_of="7fff000000000001"))
    old = JobKey(api=KEY.api, id="7fff000000000001")
    bodies = {f"{chunk}-{number}": f"[{chunk}, {number} ]" for chunk in range(3) for number in range(100)}
    for batch, body in bodies.items():
        world.bodies.bodies[f"old/{batch}"] = body.encode()
    failed = tuple(
        FinishedBatch(
            id=batch,
            failure=Failure(code="status", message="500"),
            attempt=3,
            items=2,
            finished_ms=1,
            body_key=f"old/{batch}",
        )
        for batch in bodies
    )
    fine = FinishedBatch(id="9-9", attempt=1, items=2, finished_ms=1)
    world.parts.commit(
        Commit(key=old, worker="w", token="t", batches=(*failed, fine), expires_at=9_999_999_999)
    )
    assert world.plan().chunks == 1
    world.enqueue_all()
    assert sorted(message.body or "" for message in world.messages()) == sorted(bodies.values())
    assert {message.items for message in world.messages()} == {2}
    assert world.parts.chunks(KEY)[0].items == 600


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (files("s3://lake/none"), "no object below s3_paths"),
        (files(includes=("**.parquet",)), "no object below s3_paths"),
        (paths("s3://lake/none"), "no object below s3_paths"),
        (Source(kind=SourceKind.RETRY, batch_size=0, retry_of="7fff000000000001"), "has no failed batches"),
    ],
    ids=["prefix", "pattern", "paths", "retry"],
)
def test_a_source_with_nothing_in_it_ends_the_job_with_a_reason(source, told):
    world = World(source)
    world.file("file", b"1\n")
    with pytest.raises(InputFault, match=told):
        world.plan()
    assert world.record.status is JobStatus.STOPPING
    assert world.record.ending is JobStatus.ENQUEUE_FAILED
    assert world.record.failure.code == "no_items"


def test_a_bucket_that_is_gone_or_closed_is_named():
    world = World(files("s3://lake/", "s3://gone/x"))
    world.file("file", b"1\n")
    with pytest.raises(InputFault, match="s3://gone/x: there is no such bucket"):
        world.plan()
    world = World(files())
    world.listing.forbidden.add(LAKE)
    with pytest.raises(
        InputFault, match=r"s3://lake/: the bucket may not be listed.*input_buckets"
    ) as caught:
        world.plan()
    assert world.record.failure.code == caught.value.code == "input_forbidden"


def test_a_plan_whose_job_was_stopped_ends_quietly():
    world = World(files())
    world.planner._listing = SlowListing(
        world, {f"{number:02}.jsonl": CHUNK_BYTES for number in range(100)}, page=10
    )
    world.becomes(JobStatus.STOPPING)
    answer = world.plan()
    assert answer.done
    assert answer.chunks == len(world.chunks()) < 100
