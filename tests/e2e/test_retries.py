"""Attempts that fail, run too long, or come too late: on real servers, over HTTP."""

from __future__ import annotations

import pytest

from penstock.limits import Limits
from penstock.records import Failure, Status
from tests.e2e.conftest import Stack  # noqa: TC001 - as below
from tests.waiting import eventually


def started(stack: Stack, api: str, request_id: str) -> int:
    """How many attempts of a request have reached its server."""
    logs = [pair.server_log.read_text() for pair in stack.local.pairs(api)]
    return sum(log.count(f"started {request_id}") for log in logs)


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_what_may_go_away_is_tried_again_until_it_succeeds(stack: Stack, code):
    request_id = stack.submit("awkward-path", query={"do": "until", "attempt": "3", "code": str(code)})
    state = stack.finished("awkward-path", request_id)
    assert (state.status, state.attempt) == (Status.COMPLETED, 3)
    assert state.result["headers"]["x-penstock-attempt"] == "3"
    assert state.error is None
    eventually(
        lambda: not stack.keys(f"payloads/awkward/{request_id}"), within_seconds=10, what="the clean-up"
    )
    assert len(stack.keys(f"results/awkward/{request_id}")) == 1, "failed attempts leave nothing behind"


def test_what_would_fail_alike_again_fails_at_once_with_its_answer_kept(stack: Stack):
    request_id = stack.submit("awkward-path", b"of that", query={"do": "status", "code": "404"})
    state = stack.finished("awkward-path", request_id)
    assert (state.status, state.attempt) == (Status.FAILED, 1)
    assert stack.client.result("awkward-path", request_id).content == b"because of that"


def test_retry_after_is_kept_and_the_wait_is_visible(stack: Stack):
    query = {"do": "until", "attempt": "2", "code": "429", "retry_after": "3"}
    request_id = stack.submit("single", query=query)

    def between_attempts():
        state = stack.client.get("single", request_id)
        return state if state.next_attempt_at else None

    waiting = eventually(between_attempts, within_seconds=20, what="the wait between two attempts")
    assert (waiting.status, waiting.attempt) == (Status.IN_QUEUE, 1)
    assert waiting.last_error == Failure(code="container_error", message="The container answered 429.")
    state = stack.finished("single", request_id)
    assert (state.status, state.attempt) == (Status.COMPLETED, 2)
    assert state.started_at >= waiting.next_attempt_at
    assert (waiting.next_attempt_at - waiting.started_at).total_seconds() >= 3


def test_a_run_over_the_callers_limit_is_ended_tried_again_and_named(stack: Stack):
    submission = stack.client.submit(
        "single", b"x", query=[("do", "describe"), ("delay", "30")], limits=Limits(timeout_seconds=1)
    )
    state = stack.finished("single", submission.id)
    assert (state.status, state.attempt) == (Status.FAILED, 2)
    assert state.error == Failure(code="timeout", message="The container did not finish within 1 s.")
    assert started(stack, "single", submission.id) == 2


def test_a_request_whose_deadline_has_passed_expires_and_never_starts(stack: Stack):
    busy = stack.submit("single", query={"do": "describe", "delay": "6"})
    stack.until("single", busy, "in_progress")
    late = stack.client.submit(
        "single", b"x", query=[("do", "describe")], limits=Limits(deadline_seconds=1)
    ).id
    assert stack.client.get("single", late).deadline_at is not None
    assert stack.finished("single", late).status is Status.EXPIRED
    assert stack.finished("single", busy).status is Status.COMPLETED
    assert started(stack, "single", late) == 0
