from __future__ import annotations

import io
import signal

from localstack.guard import GRACE_SECONDS, end_groups, watched_groups
from localstack.testing import FakeClock


def test_groups_that_were_released_are_left_alone():
    assert watched_groups(io.StringIO("+10\n+11\n-10\n+12\n")) == {11, 12}


def test_groups_are_asked_first_and_killed_after_a_grace():
    clock = FakeClock()
    sent: list[tuple[int, int]] = []
    polite = {10}

    def signal_group(group: int, number: int) -> None:
        if group in polite and (group, signal.SIGTERM) in sent:
            raise ProcessLookupError
        if number:
            sent.append((group, number))

    started = clock.now
    end_groups({10, 11}, signal_group=signal_group, clock=clock, sleep=clock.sleep)

    assert sorted(sent) == [(10, signal.SIGTERM), (11, signal.SIGKILL), (11, signal.SIGTERM)]
    assert clock.now - started >= GRACE_SECONDS
