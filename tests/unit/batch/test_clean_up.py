"""What is done after a job's end: failed batches go to the caller's queue, and nothing of the job stays."""

from __future__ import annotations

import json

import pytest

from batch_lambda.finish import Next, Step
from penstock.batch.dead_letters import DeadLetter
from penstock.batch.jobs import JobStatus
from tests.unit.batch.site import ARN, KEY, Site, site


def test_failed_batches_go_to_the_callers_queue_in_pages():
    here = site(page=2)
    here.plant(JobStatus.COMPLETED_WITH_FAILURES, failed=5, dead_letter_arn=ARN)
    here.end_batches("a", 0, 5)

    here.finish()

    received = here.dead_letters.received[ARN]
    assert [letter.id for letter in received] == [f"{KEY.id}-0-{number}" for number in range(5)]
    assert received[3].body == '["0-3"]'
    assert received[3].attributes == {
        "penstock_api": "sum",
        "penstock_job_id": KEY.id,
        "penstock_batch_id": "0-3",
        "penstock_error": "server_error",
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" + b"1" * 300_000 + b"]", id="too long for a message"),
        pytest.param(b'["\x00"]', id="not for SQS"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(None, id="gone"),
    ],
)
def test_a_failed_batch_that_does_not_travel_is_pointed_to(body):
    here = site()
    here.plant(JobStatus.COMPLETED_WITH_FAILURES, failed=1, dead_letter_arn=ARN)
    here.end_batches("a", 0, 1)
    [key] = here.bodies.bodies
    if body is None:
        del here.bodies.bodies[key]
    else:
        here.bodies.bodies[key] = body

    here.finish()

    [letter] = here.dead_letters.received[ARN]
    assert json.loads(letter.body) == {
        "api": "sum",
        "job_id": KEY.id,
        "batch_id": "0-0",
        "items": 1,
        "body_url": f"s3://bucket/{key}",
    }


def test_no_more_is_read_of_a_large_body_than_shows_that_it_does_not_travel(monkeypatch):
    here = site()
    here.plant(JobStatus.COMPLETED_WITH_FAILURES, failed=1, dead_letter_arn=ARN)
    here.end_batches("a", 0, 1)
    [key] = here.bodies.bodies
    here.bodies.bodies[key] = b"[" + b"1" * 3_000_000 + b"]"
    read, sizes = here.bodies.read_range, []

    def noted(wanted, **borders):
        body = read(wanted, **borders)
        sizes.append(len(body))
        return body

    monkeypatch.setattr(here.bodies, "read_range", noted)

    here.finish()

    assert sizes == [256 * 1024 + 1]
    [letter] = here.dead_letters.received[ARN]
    assert "body_url" in json.loads(letter.body)


def test_a_callers_queue_that_refuses_does_not_keep_the_jobs_queue():
    here = site()
    here.plant(JobStatus.COMPLETED_WITH_FAILURES, failed=1, dead_letter_arn=ARN)
    here.end_batches("a", 0, 1)
    here.dead_letters.received.clear()

    assert here.finish() == Step(Next.DONE)
    assert not here.queues.urls


def test_failed_batches_that_take_longer_than_one_call_are_sent_by_the_next():
    here = site(page=1)
    here.plant(JobStatus.COMPLETED_WITH_FAILURES, failed=3, dead_letter_arn=ARN)
    here.end_batches("a", 0, 3)
    received = here.dead_letters.received[ARN]
    here.dead_letters.received[ARN] = SlowList(here)

    assert here.finish() == Step(Next.WAIT, wait_seconds=1)
    assert here.queues.urls
    assert here.run_to_the_end() == Step(Next.DONE)
    received = here.dead_letters.received[ARN]
    assert [letter.id for letter in received] == [f"{KEY.id}-0-{number}" for number in range(3)]


class SlowList(list[DeadLetter]):
    """A queue that takes two minutes for a page."""

    def __init__(self, here: Site) -> None:
        super().__init__()
        self._here = here

    def extend(self, letters):
        self._here.clock.advance(120)
        super().extend(letters)
