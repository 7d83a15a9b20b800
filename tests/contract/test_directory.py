"""Lists by time. On AWS the indexes lag a moment behind the table; on all backends here they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import ids, keys, transitions
from penstock.records import RequestKey, Status
from penstock.transitions import Move
from tests.examples import NOW_MS, record
from tests.unit.test_transitions import EVERY, MINE

DAY_MS = 24 * 3600 * 1000
DAY = keys.day_of(NOW_MS)
TOP = keys.position(NOW_MS + DAY_MS)


def create(backend, *, api="word-count", created_ms=NOW_MS, **changes):
    made = record(
        api=api, id=ids.new_request_id(), created_ms=created_ms, due_ms=created_ms + DAY_MS, **changes
    )
    backend.records.create(made)
    return made


def place(made):
    return keys.position(made.created_ms, made.id)


def test_requests_of_a_day_are_listed_newest_first_across_all_shards(backend):
    made = [create(backend, created_ms=NOW_MS + step) for step in range(30)]
    assert len({keys.shard_of(one.id) for one in made}) > 1
    listed = backend.directory.newest("word-count", DAY, below=TOP, limit=100)
    assert listed == [place(one) for one in reversed(made)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(0, 5), max_size=12), limit=st.integers(1, 5))
def test_pages_have_neither_gaps_nor_doubles_also_within_one_millisecond(backend, steps, limit):
    api = ids.new_request_id()
    made = [create(backend, api=api, created_ms=NOW_MS + step) for step in steps]
    listed, below = [], TOP
    while page := backend.directory.newest(api, DAY, below=below, limit=limit):
        assert len(page) <= limit
        listed += page
        below = page[-1]
    assert listed == sorted((place(one) for one in made), reverse=True)


def test_another_day_another_api_and_what_is_above_are_not_listed(backend):
    made = create(backend)
    create(backend, created_ms=NOW_MS + DAY_MS)
    create(backend, api="word-count-2")
    create(backend, created_ms=NOW_MS + 5)
    below = keys.position(NOW_MS + 5)
    assert backend.directory.newest("word-count", DAY, below=below, limit=9) == [place(made)]


def test_records_are_read_many_at_once_and_missing_ones_are_left_out(backend):
    made = [create(backend) for _ in range(99)]
    unknown = RequestKey(api="word-count", id="b" * 26)
    found = backend.directory.read([*(one.key for one in made), unknown])
    assert found == {one.key: one for one in made}
    assert backend.directory.read([]) == {}


def test_the_oldest_open_request_is_the_one_made_first(backend):
    assert backend.directory.oldest_open_ms("word-count") is None
    for step in (7, 3, 5):
        create(backend, created_ms=NOW_MS + step)
    create(backend, api="thumbnail", created_ms=NOW_MS)
    assert backend.directory.oldest_open_ms("word-count") == NOW_MS + 3


@pytest.mark.parametrize("moves", [[], [Move.CLAIM], [Move.CLAIM, Move.RENEW], [Move.CLAIM, Move.RELEASE]])
async def test_a_request_is_open_until_it_ends(backend, moves):
    made = create(backend)
    release = transitions.release(
        lease=MINE, not_before_ms=0, deadline_ms=made.deadline_ms, releases=made.releases
    )
    by_name = {**EVERY, Move.RELEASE: release}
    for move in moves:
        await backend.ledger.apply(made.key, by_name[move])
    assert backend.directory.oldest_open_ms("word-count") == NOW_MS
    await backend.ledger.apply(made.key, EVERY[Move.CANCEL])
    assert backend.directory.oldest_open_ms("word-count") is None
    assert backend.directory.newest("word-count", DAY, below=TOP, limit=9) == [place(made)]


def test_a_record_that_replaces_one_past_its_retention_is_listed_once_where_it_is_now(backend):
    old = create(backend, expires_at=NOW_MS // 1000)
    new = replace(old, created_ms=NOW_MS + 2000, expires_at=None)
    backend.records.create(replace(new, payload=replace(new.payload, key="payloads/new")))
    assert backend.directory.newest("word-count", DAY, below=TOP, limit=9) == [place(new)]


def due(backend, api="word-count", *, before_ms=NOW_MS, after=None, limit=100):
    shards = (
        backend.directory.due(api, shard, before_ms=before_ms, after=after, limit=limit)
        for shard in range(keys.SHARDS)
    )
    return [place for shard in shards for place in shard]


def due_at(backend, due_ms, **changes):
    made = replace(record(api="word-count", id=ids.new_request_id(), **changes), due_ms=due_ms)
    backend.records.create(made)
    return made


def test_what_was_due_before_a_moment_is_found_and_nothing_else(backend):
    assert due(backend) == []
    late = [due_at(backend, NOW_MS - step) for step in (1, 1000, 5000)]
    due_at(backend, NOW_MS)
    due_at(backend, None, status=Status.FAILED)
    create(backend, api="thumbnail")
    found = due(backend)
    assert {place.id for place in found} == {one.id for one in late}
    assert {place.due_ms for place in found} == {one.due_ms for one in late}


async def test_what_is_due_is_found_page_by_page_also_when_what_was_found_has_ended(backend):
    made = [due_at(backend, NOW_MS - 1 - step % 3) for step in range(40)]
    found = []
    for shard in range(keys.SHARDS):
        after = None
        while page := backend.directory.due("word-count", shard, before_ms=NOW_MS, after=after, limit=2):
            assert len(page) <= 2
            assert [place.due_ms for place in page] == sorted(place.due_ms for place in page)
            found += [place.id for place in page]
            after = page[-1]
            for place in page:
                await backend.ledger.apply(RequestKey(api="word-count", id=place.id), EVERY[Move.CANCEL])
    assert sorted(found) == sorted(one.id for one in made)
