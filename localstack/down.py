"""Stops a local stack from another terminal."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from localstack.processes import kill_left_behind

if TYPE_CHECKING:
    from localstack.state import State

#: ECS lets a dequeuer have up to 120 seconds; then come its server and the emulator, with 30 each.
WITHIN_SECONDS = 190.0


class Outcome(Enum):
    """How a stack was stopped; the value is what to tell."""

    NOT_RUNNING = "No local stack was running"
    STOPPED = "Stopped"
    KILLED = "Killed: it did not stop in time"
    SWEPT = "Killed processes that an earlier run had left behind"


def down(state: State, *, within_seconds: float = WITHIN_SECONDS) -> Outcome:
    """Stop the stack that runs on a state directory, and whatever was left of one."""
    pid = state.holder()
    if pid is None:
        outcome = Outcome.NOT_RUNNING
    else:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        outcome = Outcome.STOPPED
        if not _released(state, within_seconds=within_seconds):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            outcome = Outcome.KILLED
    state.forget_endpoint()
    # A clean stop leaves nothing; should it have, nobody else would ever find it.
    if kill_left_behind(state.root) and outcome is not Outcome.KILLED:
        return Outcome.SWEPT
    return outcome


def _released(state: State, *, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while state.holder() is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True
