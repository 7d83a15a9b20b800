"""What the run makes of records' images, and of dequeuers' logs."""

from __future__ import annotations

import json

from penstock.records import RequestKey, Status
from tests.chaos.chronicle import Chronicle
from tests.chaos.faults import held
from tests.examples import record

KEY = RequestKey(api="word-count", id="a" * 26)
QUEUED = record()
FIRST = record(status=Status.IN_PROGRESS, lease="1", started_ms=10)
SECOND = record(status=Status.IN_PROGRESS, lease="2", started_ms=50)
ENDED = record(status=Status.COMPLETED, lease="2", started_ms=50)


def test_a_life_is_followed_to_its_one_end():
    chronicle = Chronicle()
    for old, new in ((None, QUEUED), (QUEUED, FIRST), (FIRST, SECOND), (SECOND, ENDED)):
        chronicle.wrote(old, new)
    chronicle.found(ENDED)
    life = chronicle.lives[KEY]
    assert chronicle.ended == {KEY}
    assert (life.endings, life.writes_after_the_end, life.unseen) == (1, 0, 0)
    assert (life.claims_ms, life.takeovers) == ([10, 50], 1)


def test_a_heartbeat_is_no_claim():
    chronicle = Chronicle()
    beaten = record(status=Status.IN_PROGRESS, lease="1", started_ms=10, lease_until_ms=99)
    for old, new in ((None, QUEUED), (QUEUED, FIRST), (FIRST, beaten)):
        chronicle.wrote(old, new)
    assert chronicle.lives[KEY].claims_ms == [10]


def test_an_end_that_no_event_told_of_counts_and_shows_as_unseen():
    chronicle = Chronicle()
    chronicle.wrote(None, QUEUED)
    chronicle.wrote(QUEUED, FIRST)
    chronicle.found(ENDED)
    assert (chronicle.lives[KEY].endings, chronicle.lives[KEY].unseen) == (1, 1)


def test_what_happened_between_two_events_shows_in_the_second_ones_image_before():
    chronicle = Chronicle()
    chronicle.wrote(None, QUEUED)
    chronicle.wrote(SECOND, ENDED)
    life = chronicle.lives[KEY]
    assert (life.unseen, life.endings, life.claims_ms) == (1, 1, [50])


def test_a_request_is_held_from_its_start_to_its_end_in_the_log():
    def line(action: str, request_id: str) -> str:
        return json.dumps({"action": action, "api": "word-count", "id": request_id})

    log = [
        json.dumps({"action": "start", "max_concurrency": 4}),
        *(line("start", request_id) for request_id in "abcde"),
        line("commit", "a"),
        line("finish", "b"),
        line("retry", "c"),
        line("give_back", "d"),
        line("abandon", "e"),
        '{"action": "start", "id": "half a li',
    ]
    assert held("\n".join(log)) == {RequestKey(api="word-count", id="a")}
