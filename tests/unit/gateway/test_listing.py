from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_lambda import cursor, listing
from gateway_lambda.list_query import MAX_LIMIT, ListQuery
from penstock import ids, keys
from penstock.errors import InvalidCursor, InvalidQuery
from penstock.ports import DependencyError
from penstock.records import Failure, ResultRef, Status
from penstock.testing import MemoryDirectory, MemoryQueues, MemoryWorkers
from tests.examples import record
from tests.unit.gateway.front_door import FrontDoor

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def add(door, *, age_ms=0, api="word-count", **changes):
    made = record(api=api, id=ids.new_request_id(), created_ms=door.clock() - age_ms, **changes)
    door.records.rows[made.key] = made
    return made.id


def get(door, query="", path="/async/words"):
    return door.call("GET", path, query=parse_qs(query, keep_blank_values=True))


def listed(answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [entry["id"] for entry in answer.json["requests"]]


def walk(door, query="") -> list[list[str]]:
    pages, answer = [], get(door, query)
    while True:
        pages.append(listed(answer))
        if "next_cursor" not in answer.json:
            return pages
        answer = get(door, f"{query}&cursor={answer.json['next_cursor']}")


def flat(pages):
    return [entry for page in pages for entry in page]


def test_requests_are_listed_newest_first_without_links_to_results(door):
    older, newer = add(door, age_ms=5000), add(door)
    add(door, api="thumbnail")
    result = ResultRef(key="results/r", size_bytes=2, status_code=200)
    done = add(door, age_ms=9000, status=Status.COMPLETED, result=result, due_ms=None)
    answer = get(door)
    assert listed(answer) == [newer, older, done]
    assert answer.json["requests"][2]["status_code"] == 200
    assert "result_url" not in answer.json["requests"][2]
    assert answer.json["requests"][0]["links"]["status"] == f"/async/words/{newer}"


def test_an_api_without_requests_has_an_empty_list(door):
    assert flat(walk(door)) == []


@settings(max_examples=40, deadline=None)
@given(
    ages=st.lists(st.integers(0, 12 * DAY_MS) | st.integers(0, 3), max_size=30),
    limit=st.integers(1, 7),
    wanted=st.sampled_from([None, *Status]),
    data=st.data(),
)
def test_pages_have_neither_gaps_nor_doubles_whatever_is_made_meanwhile(ages, limit, wanted, data):
    door = FrontDoor()
    for age_ms in ages:
        add(door, age_ms=age_ms, status=data.draw(st.sampled_from(Status)))
    expected = sorted(
        (row for row in door.records.rows.values() if wanted in {None, row.status}),
        key=lambda row: keys.position(row.created_ms, row.id),
        reverse=True,
    )
    query = f"limit={limit}" + (f"&status={wanted}" if wanted else "")
    pages, answer = [], get(door, query)
    while True:
        pages.append(listed(answer))
        assert len(pages[-1]) <= limit
        door.clock.advance(0.01)
        add(door)
        if "next_cursor" not in answer.json:
            break
        answer = get(door, f"{query}&cursor={answer.json['next_cursor']}")
    assert flat(pages) == [row.id for row in expected]


def test_the_work_for_one_page_is_bounded(door):
    asked = []

    class Counted(MemoryDirectory):
        def newest(self, api, day, *, below, limit):
            asked.append(day)
            return super().newest(api, day, below=below, limit=limit)

    found = add(door, age_ms=listing.MAX_DAYS * DAY_MS + DAY_MS)
    door.directory = Counted(door.records)
    door.build()
    first = get(door)
    assert (listed(first), len(asked)) == ([], listing.MAX_DAYS)
    assert listed(get(door, f"cursor={first.json['next_cursor']}")) == [found]


def test_a_filter_that_passes_nearly_everything_over_gives_a_short_page(door):
    rare = add(door, age_ms=1000, status=Status.FAILED)
    for _ in range(listing.MAX_LOOKED_AT):
        add(door, status=Status.COMPLETED)
    assert walk(door, "status=failed")[:2] == [[], [rare]]


def test_a_directory_that_is_slow_gives_a_short_page(door):
    class Slow(MemoryDirectory):
        def newest(self, api, day, *, below, limit):
            door.clock.advance(4)
            return super().newest(api, day, below=below, limit=limit)

    last = add(door, age_ms=5 * DAY_MS)
    door.directory = Slow(door.records)
    door.build()
    pages = walk(door)
    assert (len(pages) > 1, flat(pages)) == (True, [last])


def test_the_list_ends_where_no_request_can_be_any_more(door):
    asked = []

    class Counted(MemoryDirectory):
        def newest(self, api, day, *, below, limit):
            asked.append(day)
            return super().newest(api, day, below=below, limit=limit)

    door.directory = Counted(door.records)
    door.build()
    walk(door)
    assert len(asked) == 16  # the 15 days that a request may live, and retention of a few minutes


def test_what_is_past_its_retention_or_gone_or_replaced_is_hidden(door):
    add(door, status=Status.COMPLETED, expires_at=door.clock() // 1000)
    ghost = add(door)
    moved = add(door, age_ms=5000)

    class Stale(MemoryDirectory):
        """An index that has not heard of the latest writes yet."""

        def newest(self, api, day, *, below, limit):
            return [place for place in places if place < below and keys.day_of(int(place[:13])) == day]

    places = MemoryDirectory(door.records).newest("word-count", keys.day_of(door.clock()), below="9", limit=9)
    for key, row in list(door.records.rows.items()):
        if row.id == ghost:
            del door.records.rows[key]
        if row.id == moved:
            door.records.rows[key] = replace(row, created_ms=row.created_ms + 1)
    door.directory = Stale(door.records)
    door.build()
    assert listed(get(door)) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("created_after=2023-11-14T22:13:18Z", [0, 1, 2]),  # the moment itself is in
        ("created_before=2023-11-14T22:13:18Z", [3]),  # and here it is not: windows join without overlap
        ("created_after=2023-11-14T22:13:18Z&created_before=2023-11-14T22:13:19Z", [2]),
        ("created_after=2023-11-15T00:13:18%2B02:00", [0, 1, 2]),
        ("created_after=2023-11-15T00:13:18+02:00", [0, 1, 2]),  # a plus that nobody escaped
        ("created_after=2023-11-14t22:13:18.000z", [0, 1, 2]),
        ("created_after=9999-12-31T23:59:59Z", []),
        ("created_before=0001-01-01T00:00:00Z", []),
        ("created_before=9999-12-31T23:59:59-12:00", [0, 1, 2, 3]),
        ("created_after=1969-12-31T23:59:59Z", [0, 1, 2, 3]),
    ],
)
def test_a_list_is_bounded_by_time(door, query, expected):
    made = [add(door, age_ms=seconds * 1000) for seconds in range(4)]
    assert flat(walk(door, query)) == [made[index] for index in expected]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=-1", "limit=1e9", "limit=", "limit=99999999999",
        "limit=\N{ARABIC-INDIC DIGIT ONE}",
        "status=done", "status=", "status=failed&status=expired", "stauts=failed", "created_after=",
        "created_after=2023-11-14", "created_after=2023-11-14T22:13:18", "created_after=20231114T221318Z",
        "created_after=2023-02-30T00:00:00Z", "created_before=tomorrow", "created_before=1700000000",
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_followed_is_refused(door, query):
    answer = get(door, query)
    assert (answer.status, answer.json["code"]) == (400, "invalid_query")
    assert answer.json["detail"]


def forged(**content) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    ["", "x", "====", "ü", "a" * 5000, "W10", forged(v=1), forged(v=1, p=5, l="x"), forged(v=2, p="0", l=""),
     forged(v=1, p="9" * 400, l="x"), base64.b64encode(b"[" * 300).decode()],
)  # fmt: skip
def test_a_broken_cursor_is_refused(door, text):
    answer = get(door, f"cursor={text}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


@given(st.text(max_size=300))
def test_any_text_is_a_cursor_of_ours_or_refused(text):
    with pytest.raises(InvalidCursor):
        cursor.decode(text, belongs_to=("api",))


@given(st.text(max_size=100))
def test_any_query_is_read_or_refused(text):
    try:
        query = ListQuery.parse(text, api="word-count")
    except (InvalidQuery, InvalidCursor):
        return
    assert 1 <= query.limit <= MAX_LIMIT


def test_a_cursor_belongs_to_its_api_and_filters_but_takes_another_limit(door):
    made = [add(door, age_ms=age) for age in range(4)]
    place = get(door, "limit=1").json["next_cursor"]
    for path, query in [("/async/thumbnail", ""), ("/async/words", "status=failed")]:
        answer = get(door, f"{query}&cursor={place}", path)
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")
    assert listed(get(door, f"limit=2&cursor={place}")) == made[1:3]


def test_a_cursor_from_the_future_is_no_long_walk(door):
    made = add(door)
    belongs_to = ListQuery.parse("", api="word-count").belongs_to
    place = cursor.encode("9999999999999#", belongs_to=belongs_to)
    assert listed(get(door, f"cursor={place}")) == [made]


@pytest.mark.parametrize("place", ["1-1", "17-1", "9-9", "1789999999999#" + "a" * 26 + "-api"])
def test_a_place_that_somebody_made_up_is_refused_or_one_like_any_other(door, place):
    add(door)
    made_up = cursor.encode(place, belongs_to=ListQuery.parse("", api="word-count").belongs_to)
    answer = get(door, f"cursor={made_up}")
    assert (answer.status, answer.json.get("code")) in {(200, None), (400, "invalid_cursor")}


def test_the_first_page_tells_how_busy_the_api_is(door):
    add(door, age_ms=12_500)
    door.call("POST", "/async/words", body=b"x")
    add(door, age_ms=99_000, status=Status.COMPLETED, due_ms=None)
    answer = get(door, "limit=1")
    assert answer.json["queue"] == {
        "visible": 1,
        "in_flight": 0,
        "oldest_open_seconds": 12.5,
        "workers_desired": 1,
        "workers_running": 1,
    }
    assert "queue" not in get(door, f"limit=1&cursor={answer.json['next_cursor']}").json


def test_without_open_requests_there_is_no_oldest(door):
    assert "oldest_open_seconds" not in get(door).json["queue"]


def test_a_figure_whose_source_fails_is_left_out_with_a_reason(door):
    class NoQueues(MemoryQueues):
        def depth(self, api):
            raise DependencyError("secret names of AWS's")

    class NoWorkers(MemoryWorkers):
        def count(self, api):
            raise DependencyError("no service")

    class NoIndex(MemoryDirectory):
        def oldest_open_ms(self, api):
            raise DependencyError("down")

    made = add(door)
    door.queues, door.workers, door.directory = NoQueues(door.queue), NoWorkers(), NoIndex(door.records)
    door.build()
    answer = get(door)
    assert listed(answer) == [made]
    assert answer.json["queue"].keys() == {"unavailable"}
    assert answer.json["queue"]["unavailable"].keys() == {"messages", "oldest_open", "workers"}
    assert b"secret" not in answer.body


def test_an_index_that_fails_is_a_503(door):
    class Down(MemoryDirectory):
        def newest(self, api, day, *, below, limit):
            raise DependencyError("down")

    door.directory = Down(door.records)
    door.build()
    assert (get(door).status, get(door).json["code"]) == (503, "unavailable")


def test_a_list_of_an_unknown_api_is_not_found(door):
    assert get(door, path="/async/nope").json["code"] == "unknown_api"


def test_a_failed_request_is_listed_with_its_reason(door):
    add(door, status=Status.FAILED, failure=Failure(code="timeout", message="m"))
    assert get(door).json["requests"][0]["error"]["code"] == "timeout"
