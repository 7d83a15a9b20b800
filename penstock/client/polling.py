"""Waiting for an end: long polls where the server has room for them, short ones where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from penstock.client.errors import WaitTimeout
from penstock.client.retry import poll_intervals

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.client.job_states import JobState
    from penstock.client.retry import Timing
    from penstock.client.states import RequestState

S = TypeVar("S", "RequestState", "JobState")

#: What the server grants at most.
LONGEST_POLL_SECONDS = 25

#: With somebody to tell of changes on the way: the server answers only at the end, or when time is up.
TELLING_POLL_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Poll(Generic[S]):
    """What one look found, and whether the server waited on the caller's behalf."""

    state: S
    waited: bool


def until_ended(
    look: Callable[[int], Poll[S]],
    what: str,
    *,
    timeout_seconds: float,
    timing: Timing,
    on_change: Callable[[S], None] | None,
) -> S:
    """Look, for as many seconds each time as the server may wait, until it has ended.

    ``what`` is looked at, for the text of WaitTimeout.
    """
    deadline = timing.clock() + timeout_seconds
    longest = LONGEST_POLL_SECONDS if on_change is None else TELLING_POLL_SECONDS
    intervals = poll_intervals(timing.random)
    seen: object = None
    wait_seconds = 0
    while True:
        started = timing.clock()
        poll = look(wait_seconds)
        state = poll.state
        if on_change is not None and seen != state.progress:
            on_change(state)
        seen = state.progress
        if state.status.terminal:
            return state
        remaining = deadline - timing.clock()
        if remaining <= 0:
            raise WaitTimeout(what, state, timeout_seconds=timeout_seconds)
        # A server that says it waited and did not must not be asked in a tight loop.
        passed = timing.clock() - started if poll.waited else 0
        pause = min(next(intervals) - passed, remaining)
        if pause > 0:
            timing.sleep(pause)
        wait_seconds = int(max(0, min(longest, deadline - timing.clock())))
