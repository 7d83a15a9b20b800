"""What is looked at before a job is accepted, and what a dry run tells."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_lambda.batch_probe import Probe
from penstock.batch.spec import Source, SourceKind
from penstock.ports import DependencyError
from penstock.testing import MemoryInputListing
from tests.unit.gateway.front_door import Answer, FrontDoor

DRY = {"dryRun": ["true"]}


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def files(kind: str = "file_path_lister", *, batch_size: int = 2, **source: Any) -> dict[str, Any]:
    return {"workers": 1, kind: {"s3_paths": ["s3://lists/in/"], "batch_size": batch_size, **source}}


def submit(door: FrontDoor, content: Any, **parts: Any) -> Answer:
    return door.call("POST", "/batch/sums", body=json.dumps(content).encode(), **parts)


def dry_run(door: FrontDoor, content: Any, **parts: Any) -> Answer:
    answer = submit(door, content, query=DRY, **parts)
    assert not door.jobs.rows
    assert not door.objects.bodies
    assert not door.executions.started
    return answer


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def put(door: FrontDoor, key: str, body: bytes = b"[1]\n", *, bucket: str = "lists") -> None:
    door.objects.foreign[bucket, key] = body


both = pytest.mark.parametrize("send", [submit, dry_run])


class Slow(MemoryInputListing):
    """A store whose every page takes its time."""

    def __init__(self, door: FrontDoor, *, seconds: float) -> None:
        super().__init__(door.objects)
        self._door = door
        self._seconds = seconds

    def pages(self, bucket: str, prefix: str, *, after: str | None = None) -> Any:
        for page in super().pages(bucket, prefix, after=after):
            self._door.clock.advance(self._seconds)
            yield page


def listed_by(door: FrontDoor, listing: MemoryInputListing) -> None:
    door.input_listing = listing
    door.build()


@both
def test_a_job_without_a_file_is_refused_with_its_paths_and_patterns(door, send):
    put(door, "in/a.csv")
    patterns: dict[str, Any] = {"includes": ["**.json", "**.jsonl"], "excludes": ["**/_*"]}
    answer = send(door, files(s3_paths=["s3://lists/in/", "s3://lists/out"], **patterns))
    assert code(answer) == (422, "no_files_found")
    for said in ("s3://lists/in/, s3://lists/out", "**.json, **.jsonl", "excludes **/_*"):
        assert said in answer.json["detail"]


@both
def test_many_paths_are_not_all_named(door, send):
    door.input_listing.empty.add("lists")
    answer = send(door, files(s3_paths=[f"s3://lists/{number}" for number in range(300)]))
    assert answer.json["detail"].endswith("s3://lists/4 and 295 more.")


@both
def test_markers_of_folders_are_no_files(door, send):
    put(door, "in/", b"")
    put(door, "in/deep/", b"")
    assert code(send(door, files())) == (422, "no_files_found")


@both
def test_a_bucket_that_does_not_exist_is_named(door, send):
    answer = send(door, files())
    assert code(answer) == (422, "input_bucket_missing")
    assert "bucket lists" in answer.json["detail"]


@both
def test_a_bucket_that_may_not_be_listed_is_named_with_the_remedy(door, send):
    put(door, "in/a")
    door.input_listing.forbidden.add("more-lists")
    answer = send(door, files(s3_paths=["s3://lists/in/", "s3://more-lists"]))
    assert code(answer) == (403, "input_bucket_forbidden")
    assert "more-lists" in answer.json["detail"]
    assert "s3:ListBucket" in answer.json["detail"]


@both
def test_a_bucket_that_is_not_the_apis_is_never_asked(door, send):
    put(door, "in/a", bucket="secrets")
    answer = send(door, files(s3_paths=["s3://secrets/in/"]))
    assert code(answer) == (403, "input_bucket_not_allowed")
    assert "input_buckets" in answer.json["detail"]


@both
def test_a_store_that_fails_is_told_as_such(door, send):
    class Failing(MemoryInputListing):
        def pages(self, bucket, prefix, *, after=None):
            raise DependencyError("no answer")

    listed_by(door, Failing(door.objects))
    assert code(send(door, files())) == (503, "unavailable")


def test_one_path_with_a_file_is_enough_for_a_job(door):
    put(door, "in/a")
    assert submit(door, files(s3_paths=["s3://lists/in/", "s3://lists/none"])).status == 202
    assert len(door.executions.started) == 1


def test_a_match_behind_the_first_thousand_keys_is_left_to_the_plan(door):
    for number in range(1001):
        put(door, f"in/{number:04d}")
    assert submit(door, files(includes=["**/1000"])).status == 202


def test_a_thousand_keys_without_a_match_are_all_there_is(door):
    for number in range(1000):
        put(door, f"in/{number:04d}")
    assert code(submit(door, files(includes=["**/1000"]))) == (422, "no_files_found")


def test_what_cannot_be_looked_at_in_time_is_accepted(door):
    for number in range(5):
        put(door, f"in/{number}")
    listed_by(door, Slow(door, seconds=6))
    assert submit(door, files(includes=["**/x"])).status == 202


def test_a_store_that_hangs_holds_nobody_up_for_longer(door):
    released = threading.Event()

    class Hanging(MemoryInputListing):
        def pages(self, bucket, prefix, *, after=None):
            released.wait(30)
            yield []

    source = Source(kind=SourceKind.FILE_PATH_LISTER, batch_size=1, s3_paths=("s3://lists/in/",))
    with ThreadPoolExecutor(1) as executor:
        probe = Probe(listing=Hanging(door.objects), executor=executor, clock=door.clock)
        try:
            assert not probe.look(source, seconds=0.1, pages=1).complete
        finally:
            released.set()


def test_a_dry_run_counts_the_batches_of_a_list(door):
    content = {"workers": 1, "item_list": {"items": [1, 2, 3], "batch_size": 2}}
    assert dry_run(door, content).json == {"files": [], "batch_count": 2, "truncated": False}


def test_a_dry_run_names_files_in_the_order_of_their_paths_and_counts_them(door):
    for key in ("in/b", "in/a", "in/c.txt", "other/z"):
        put(door, key)
    content = files(s3_paths=["s3://lists/other/", "s3://lists/in/"], excludes=["**.txt"])
    assert dry_run(door, content).json == {
        "files": ["s3://lists/other/z", "s3://lists/in/a", "s3://lists/in/b"],
        "batch_count": 2,
        "truncated": False,
    }


def test_a_file_that_two_paths_have_is_taken_twice(door):
    put(door, "in/a")
    found = dry_run(door, files(s3_paths=["s3://lists/in/", "s3://lists/in/a"], batch_size=1)).json
    assert (found["files"], found["batch_count"]) == (["s3://lists/in/a"] * 2, 2)


def test_more_files_than_are_named_are_still_counted(door):
    for number in range(2001):
        put(door, f"in/{number:04d}")
    found = dry_run(door, files(batch_size=10)).json
    assert (len(found["files"]), found["batch_count"], found["truncated"]) == (1000, 201, True)


def test_names_that_are_long_are_fewer_so_that_the_answer_reaches_every_client(door):
    for number in range(400):
        put(door, f"in/{number:04d}" + "ü" * 500)
    answer = dry_run(door, files())
    assert (answer.json["batch_count"], answer.json["truncated"]) == (200, True)
    assert 100 < len(answer.json["files"]) < 400
    assert len(answer.body) < 500_000


def test_what_cannot_be_listed_in_time_is_told_as_truncated(door):
    for number in range(2500):
        put(door, f"in/{number:04d}")
    listed_by(door, Slow(door, seconds=10))
    found = dry_run(door, files()).json
    assert (found["batch_count"], found["truncated"]) == (None, True)
    assert len(found["files"]) == 1000


def test_cortexs_text_is_for_those_who_accept_nothing_else(door):
    put(door, "in/a")
    put(door, "in/b")
    plain = {"Accept": "text/plain"}
    answer = dry_run(door, files(), headers=plain)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body == b"s3://lists/in/a\ns3://lists/in/b\nvalidations passed\n"
    content = {"workers": 1, "item_list": {"items": [1], "batch_size": 1}}
    assert dry_run(door, content, headers=plain).body == b"validations passed\n"
    for accept in ("*/*", "text/plain, application/json", "application/json"):
        assert dry_run(door, content, headers={"Accept": accept}).json["batch_count"] == 1


def test_a_refused_dry_run_is_the_same_document_for_all(door):
    answer = dry_run(door, {}, headers={"Accept": "text/plain"})
    assert code(answer) == (422, "invalid_submission")


@pytest.mark.parametrize(
    ("bodies", "batches"),
    [
        ({"a.jsonl": b"1\n2\n\n3"}, 2),
        # Batches span files.
        ({"a.jsonl": b"1\n", "b.jsonl": b"2\n", "c.jsonl": b"3\n4\n"}, 2),
        ({"a.csv": b"x,y\n1,2\n3,4\n5,6\n"}, 2),
        ({"a.jsonl.gz": gzip.compress(b"1\n2\n3\n")}, 2),
        ({"a.jsonl": b""}, 0),
    ],
    ids=["lines", "files", "rows", "compressed", "nothing"],
)
def test_items_of_small_files_are_counted(door, bodies, batches):
    for name, body in bodies.items():
        put(door, f"in/{name}", body)
    assert dry_run(door, files("delimited_files")).json["batch_count"] == batches


def test_a_line_that_would_fail_the_job_is_told_with_its_place(door):
    put(door, "in/a.jsonl", b"1\n{oops\n3\n")
    answer = dry_run(door, files("delimited_files"))
    assert code(answer) == (422, "invalid_submission")
    assert "s3://lists/in/a.jsonl, line 2" in answer.json["detail"]
    assert dry_run(door, files("delimited_files", on_bad_item="skip")).json["batch_count"] == 1


def test_a_file_that_is_not_what_its_name_says_is_told(door):
    put(door, "in/a.jsonl.gz", b"not gzip")
    answer = dry_run(door, files("delimited_files"))
    assert code(answer) == (422, "invalid_submission")
    assert "s3://lists/in/a.jsonl.gz" in answer.json["detail"]


def test_items_of_many_or_large_files_are_not_counted(door):
    put(door, "in/large", b"1\n" * (4 * 1024 * 1024 + 1))
    found = dry_run(door, files("delimited_files")).json
    assert (found["batch_count"], found["truncated"]) == (None, False)
    door.objects.foreign.clear()
    for number in range(51):
        put(door, f"in/{number}")
    assert dry_run(door, files("delimited_files")).json["batch_count"] is None


def test_counting_has_an_end_however_much_is_in_a_small_file(door):
    # A thousandth of its size when compressed.
    put(door, "in/a.jsonl.gz", gzip.compress(b"1\n" * 1_000_000))
    ticks = iter(range(10**9))
    clock = door.clock
    door.clock = lambda: clock() + next(ticks)  # a millisecond a look
    door.build()
    assert dry_run(door, files("delimited_files")).json["batch_count"] is None


@given(
    st.lists(st.lists(st.integers(0, 99), max_size=7), min_size=1, max_size=5),
    st.sampled_from(["jsonl", "jsonl.gz", "csv"]),
    st.integers(1, 9),
)
def test_a_dry_run_counts_the_batches_that_the_items_make(contents, suffix, batch_size):
    door = FrontDoor()
    for number, content in enumerate(contents):
        if suffix == "csv":
            text = io.StringIO()
            csv.writer(text).writerows([["n"], *([item] for item in content)])
            body = text.getvalue().encode()
        else:
            body = "".join(f"{item}\n" for item in content).encode()
        put(door, f"in/{number}.{suffix}", gzip.compress(body) if suffix.endswith("gz") else body)
    found = dry_run(door, files("delimited_files", batch_size=batch_size)).json
    assert found["batch_count"] == -(-sum(map(len, contents)) // batch_size)


def test_a_page_is_looked_at_in_time_though_each_name_takes_long(door):
    """A pattern may take a second with a name: the time is looked at between names, not pages."""
    for number in range(100):
        put(door, f"in/{number}")

    class Counted(MemoryInputListing):
        looked_at = 0

        def pages(self, bucket, prefix, *, after=None):
            def slowly(page):
                for one in page:
                    self.looked_at += 1
                    door.clock.advance(1)
                    yield one

            for page in super().pages(bucket, prefix, after=after):
                yield Page(slowly(page))

    class Page:
        def __init__(self, objects):
            self._objects = objects

        def __iter__(self):
            return self._objects

    listing = Counted(door.objects)
    listed_by(door, listing)
    assert submit(door, files()).status == 202
    assert listing.looked_at < 10
