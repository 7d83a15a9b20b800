from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from penstock import ids, keys
from penstock.catalogue import ApiEntry
from penstock.ports import DependencyError
from penstock.records import RequestKey, Status
from penstock.testing import ManualClock, MemoryDirectory, MemoryRecords
from penstock.versions import UnknownVersion
from recovery_lambda.sweeper import MAX_SECONDS, Sweeper
from tests.examples import NOW_MS, record


def entry(name: str, *, max_attempts: int = 3) -> ApiEntry:
    return ApiEntry(
        name=name,
        endpoint=name,
        timeout_seconds=60,
        max_attempts=max_attempts,
        retention_seconds=600,
        inline_result_bytes=1,
    )


class Altered:
    """A port with some of its methods replaced."""

    def __init__(self, whole: object, **methods: Any) -> None:
        self._whole, self._methods = whole, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._whole, name)


class Site:
    """Records that are due, and a sweeper that looks at two of a shard at a time."""

    def __init__(self, *apis: str) -> None:
        self.clock = ManualClock(NOW_MS)
        self.records = MemoryRecords()
        self.directory: Any = MemoryDirectory(self.records)
        self.store: Any = self.records
        self.apis = [entry(api) for api in apis or ("word-count",)]
        self.build()

    def build(self) -> None:
        self.sweeper = Sweeper(
            directory=self.directory,
            records=self.store,
            executor=ThreadPoolExecutor(4),
            clock=self.clock,
            page=2,
        )

    def sweep(self):
        return self.sweeper.sweep(self.apis)

    def plant(self, api="word-count", **changes) -> RequestKey:
        made = record(api=api, id=ids.new_request_id(), **changes)
        self.records.rows[made.key] = made
        return made.key

    def overdue(self, api="word-count") -> RequestKey:
        return self.plant(api, deadline_ms=NOW_MS - 1, due_ms=NOW_MS - 1)

    def statuses(self, found) -> set[Status]:
        return {self.records.rows[key].status for key in found}


def test_overdue_requests_expire_and_those_that_are_not_stay():
    site = Site()
    late = [site.overdue() for _ in range(50)]
    waiting = site.plant()
    tally = site.sweep()
    assert site.statuses(late) == {Status.EXPIRED}
    assert site.statuses([waiting]) == {Status.IN_QUEUE}
    assert tally.ended == {("word-count", "expire"): 50}
    assert (tally.looked_at, tally.faults.total(), tally.cut_short) == (50, 0, False)


def test_a_dead_lease_ends_the_request_when_its_apis_attempts_are_used_up():
    site = Site()
    dead = {"status": Status.IN_PROGRESS, "lease": "x", "lease_until_ms": NOW_MS - 1, "due_ms": NOW_MS - 1}
    used_up, left = site.plant(**dead, attempt=3), site.plant(**dead, attempt=2)
    site.sweep()
    assert site.records.rows[used_up].failure.code == "worker_lost"
    assert site.statuses([left]) == {Status.IN_PROGRESS}


def test_what_is_due_behind_many_that_must_wait_is_reached():
    site = Site()
    for _ in range(60):
        site.plant(
            status=Status.IN_PROGRESS,
            attempt=1,
            lease="x",
            lease_until_ms=NOW_MS - 9000,
            due_ms=NOW_MS - 9000,
        )
    late = site.overdue()
    site.sweep()
    assert site.statuses([late]) == {Status.EXPIRED}


def test_a_request_that_ended_after_the_index_was_read_is_left_alone():
    site = Site()
    late = site.overdue()
    mine = keys.shard_of(late.id)
    stale = site.directory.due("word-count", mine, before_ms=NOW_MS, after=None, limit=9)
    site.directory = Altered(site.directory, due=lambda _api, shard, **_: stale if shard == mine else [])
    site.build()
    ended = site.records.rows[late] = record(id=late.id, status=Status.CANCELLED, due_ms=None)
    assert site.sweep().ended == {}
    assert site.records.rows[late] == ended


@pytest.mark.parametrize(
    ("part", "method", "error"),
    [
        ("directory", "due", DependencyError("throttled")),
        ("directory", "read", DependencyError("throttled")),
        ("store", "apply", DependencyError("throttled")),
        # a bug
        ("directory", "read", KeyError("status")),
    ],
)
def test_one_apis_fault_is_counted_and_the_others_are_swept(part, method, error):
    site = Site("broken", "word-count")
    late = [site.overdue(api) for api in ("broken", "word-count") for _ in range(20)]
    whole = getattr(site, part)

    def fail(about, *args, **kwargs):
        if "broken" in repr(about):
            raise error
        return getattr(whole, method)(about, *args, **kwargs)

    setattr(site, part, Altered(whole, **{method: fail}))
    site.build()
    tally = site.sweep()
    assert site.statuses(key for key in late if key.api == "word-count") == {Status.EXPIRED}
    assert site.statuses(key for key in late if key.api == "broken") == {Status.IN_QUEUE}
    assert tally.faults.keys() == {"broken"}


@pytest.mark.parametrize("error", [KeyError("status"), UnknownVersion("the record has version 2")])
def test_a_record_that_cannot_be_read_is_told_of_and_hides_no_other(caplog, error):
    site = Site()
    late = [site.overdue() for _ in range(60)]
    broken = late[7]
    site.directory.unreadable[broken] = error
    tally = site.sweep()
    assert tally.faults == {"word-count": 1}
    assert [key for key in late if site.records.rows[key].status is Status.IN_QUEUE] == [broken]
    (told,) = (line for line in caplog.records if line.levelname == "ERROR")
    assert (told.api, told.id) == ("word-count", broken.id)
    assert str(error) in caplog.text


def test_a_record_that_a_later_version_changes_meanwhile_hides_no_other():
    site = Site()
    late = [site.overdue() for _ in range(60)]
    broken, apply = late[7], site.records.apply

    def meets_a_later_one(key, transition):
        if key == broken:
            raise UnknownVersion("the record has version 2")
        return apply(key, transition)

    site.store = Altered(site.records, apply=meets_a_later_one)
    site.build()
    assert site.sweep().faults == {"word-count": 1}
    assert [key for key in late if site.records.rows[key].status is Status.IN_QUEUE] == [broken]


def test_a_store_that_is_throttled_is_not_asked_for_the_rest_of_the_page():
    site = Site()
    for _ in range(60):
        site.overdue()
    asked = []

    def throttled(key, _transition):
        asked.append(key)
        raise DependencyError("throttled")

    site.store = Altered(site.records, apply=throttled)
    site.build()
    tally = site.sweep()
    # Of the two of a page, the first.
    assert tally.faults == {"word-count": len(asked)}
    assert len(asked) < 60


def test_a_sweep_ends_in_time_and_the_next_one_goes_on_where_it_was():
    site = Site("first", "second")
    late = [site.overdue(api) for api in ("first", "second") for _ in range(60)]
    looked_at: list[RequestKey] = []
    read = site.directory.read

    def slow(found, **how):
        looked_at.extend(found)
        site.clock.advance(MAX_SECONDS / 4)
        return read(found, **how)

    site.directory = Altered(site.directory, read=slow)
    site.build()
    for key in late:
        # Due, and yet to be left alone: they are there again in every sweep.
        site.records.rows[key] = record(
            api=key.api,
            id=key.id,
            status=Status.IN_PROGRESS,
            attempt=1,
            lease="x",
            lease_until_ms=NOW_MS - 1,
            due_ms=NOW_MS - 1,
        )
    first = site.sweep()
    assert first.cut_short
    assert len(looked_at) < len(late)
    for _ in range(len(late)):
        if not site.sweep().cut_short:
            break
    assert {key.api for key in looked_at[: len(late)]} == {"first", "second"}
    assert set(looked_at) == set(late)
