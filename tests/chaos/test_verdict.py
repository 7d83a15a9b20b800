"""The judge of a chaos run finds each kind of broken promise."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.client import RequestState
from penstock.records import Failure, RequestKey, Status
from tests.chaos.callers import Outcome
from tests.chaos.chronicle import Chronicle
from tests.chaos.faults import Kill
from tests.chaos.orders import Order, orders
from tests.chaos.report import Report
from tests.chaos.verdict import Facts, judge
from tests.examples import record

SERVED, REFUSED = (
    Order(
        key=key, api="left", body=b"body", work_seconds=0.1, moods=(), refused=key == "refused", twice=False
    )
    for key in ("served", "refused")
)
KEYS = {"served": RequestKey(api="left", id="a" * 26), "refused": RequestKey(api="left", id="b" * 26)}
RIGHT = {"sha256": SERVED.digest}


def outcome(key: str, status: Status, *, answer: bytes | None = None, **parts: Any) -> Outcome:
    made: dict[str, Any] = {"api": "left", "id": KEYS[key].id, "status": status, "attempt": 1, "document": {}}
    return Outcome(RequestState(**made, created_at=datetime.now(UTC), **parts), answer)


def chronicle(*stories: tuple[str, list[Status]]) -> Chronicle:
    """One record after the other, each through its states."""
    told = Chronicle()
    for key, story in stories:
        old = None
        for number, status in enumerate(story):
            new = record(api="left", id=KEYS[key].id, status=status, attempt=number, started_ms=number)
            told.wrote(old, new)
            old = new
    return told


GOOD = [Status.IN_QUEUE, Status.IN_PROGRESS, Status.COMPLETED]
BAD = [Status.IN_QUEUE, Status.IN_PROGRESS, Status.FAILED]
FACTS = Facts(
    orders=[SERVED, REFUSED],
    accepted=KEYS,
    split=frozenset(),
    outcomes={
        "served": outcome("served", Status.COMPLETED, result=RIGHT),
        "refused": outcome(
            "refused",
            Status.FAILED,
            answer=json.dumps(RIGHT).encode(),
            error=Failure(code="container_error", message="422"),
        ),
    },
    lives=chronicle(("served", GOOD), ("refused", BAD)).lives,
    kills=[],
    rollouts=0,
    away_seconds=[],
    repeated={},
    dead_letters=0,
)


def causes(**changes: Any) -> str:
    return "\n".join(judge(replace(FACTS, **changes)).causes)


def told(**changes: Outcome | None) -> dict[str, Outcome]:
    return {key: value for key, value in {**FACTS.outcomes, **changes}.items() if value is not None}


def test_a_run_that_kept_all_promises_passes():
    verdict = judge(FACTS)
    assert verdict.causes == []
    assert (verdict.figures["right results"], verdict.figures["right refusals"]) == (1, 1)
    assert verdict.figures["terminal events"] == 2
    assert verdict.figures["lost"] == verdict.figures["double"] == 0


@pytest.mark.parametrize(
    "outcomes",
    [
        told(served=None),  # nobody could say what became of it
        told(served=outcome("served", Status.IN_PROGRESS)),  # still under way
    ],
)
def test_a_lost_request_is_found(outcomes):
    assert "served: lost" in causes(outcomes=outcomes)


def test_an_order_that_was_never_accepted_is_lost():
    accepted = {"refused": KEYS["refused"]}
    assert "served: lost" in causes(accepted=accepted, outcomes=told(served=None))


@pytest.mark.parametrize(
    ("served", "cause"),
    [
        (outcome("served", Status.COMPLETED, result={"sha256": "other"}), "a wrong result"),
        (outcome("served", Status.CANCELLED), "cancelled with None"),
        (outcome("served", Status.FAILED, error=Failure(code="odd", message="")), "failed with Failure"),
    ],
)
def test_a_wrong_end_is_found(served, cause):
    found = causes(outcomes=told(served=served))
    assert cause in found
    assert "only 0 of 1 requests have the right result" in found


def test_a_refusal_whose_answer_was_not_kept_is_found():
    refused = replace(FACTS.outcomes["refused"], answer=b"")
    assert "refused by its container, yet failed" in causes(outcomes=told(refused=refused))


@pytest.mark.parametrize(
    ("story", "cause"),
    [
        (GOOD[:2], "0 terminal events"),
        ([*GOOD, Status.FAILED], "written 1 times after its end"),
        ([*GOOD, Status.IN_PROGRESS, Status.COMPLETED], "2 terminal events"),
    ],
)
def test_a_request_that_ended_never_or_went_on_after_its_end_is_found(story, cause):
    assert cause in causes(lives=chronicle(("served", story), ("refused", BAD)).lives)


def test_a_change_without_an_event_is_found_unless_the_emulator_was_away():
    story = chronicle(("served", GOOD[:2]), ("refused", BAD))
    story.found(record(api="left", id=KEYS["served"].id, status=Status.COMPLETED))
    assert "changed 1 times without an event" in causes(lives=story.lives)
    assert causes(lives=story.lives, away_seconds=[2.0]) == ""


def test_a_record_that_nobody_was_told_of_is_found():
    accepted = {"refused": KEYS["refused"]}
    assert "1 records that no caller was told of" in causes(accepted=accepted)


def test_two_requests_for_one_key_are_found():
    assert "one Idempotency-Key, two requests" in causes(split=frozenset({"served"}))


def test_a_redelivery_that_takes_too_long_is_found():
    story = chronicle(("served", GOOD), ("refused", BAD))
    story.lives[KEYS["served"]].claims_ms[:] = [1_000, 90_000]
    killed = [Kill(2_000, frozenset({KEYS["served"]}))]
    assert "longest redelivery took 88.0 s instead of 75" in causes(lives=story.lives, kills=killed)
    assert "longest" not in causes(lives=story.lives, kills=killed, away_seconds=[20.0])


def test_kills_that_never_hit_a_request_prove_nothing():
    assert "no kill hit a request" in causes(kills=[Kill(1, frozenset())] * 20)


def test_dead_letters_and_unexpected_errors_are_found():
    assert "1 messages in the dead-letter queues" in causes(dead_letters=1)
    assert "unexpected error of ours" in causes(repeated={"internal_error": 1, "unavailable": 3})


def test_a_report_says_what_is_wrong(tmp_path):
    report = Report(2, 1, 3.0, judge(replace(FACTS, dead_letters=1)))
    for name in ("report.json", "report.md"):
        report.save(tmp_path / name)
    assert json.loads((tmp_path / "report.json").read_text())["passed"] is False
    assert "- 1 messages in the dead-letter queues" in (tmp_path / "report.md").read_text()


def test_the_orders_of_a_seed_are_the_same_each_time_and_have_all_moods():
    made = orders(1000, seed=3)
    assert made == orders(1000, seed=3) != orders(1000, seed=4)
    moods = {mood for order in made for mood in order.moods}
    assert moods == {"crash", "hang", "garbage", "half", "error", "busy"}
    assert sum(order.refused for order in made) == 4
    assert len({order.key for order in made}) == 1000
