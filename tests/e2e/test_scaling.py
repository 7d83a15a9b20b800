"""Workers appear with the queue and vanish with it, on the deployed function's own values."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.embedded_only("without ECS there are no tasks to scale")

API = "elastic"
REQUESTS = 9


# The first look comes up to a minute after the deployment, and stabilisation takes twenty seconds.
@pytest.mark.timeout(360)
def test_a_burst_takes_the_workers_from_none_to_three_and_back(stack: Stack):
    over_time: list[int] = []

    def workers() -> int:
        count = len(stack.local.pairs(API))
        if over_time[-1:] != [count]:
            over_time.append(count)
        return count

    eventually(lambda: workers() == 0, within_seconds=160, what="no worker without work")
    started = time.monotonic()
    requests = [stack.submit(API, query={"do": "describe", "delay": "3"}) for _ in range(REQUESTS)]
    eventually(lambda: workers() == 3, within_seconds=60, what="three workers")
    appeared_seconds = time.monotonic() - started

    ended = [stack.finished(API, request, within_seconds=60) for request in requests]
    eventually(lambda: workers() == 0, within_seconds=90, what="no worker after the work")

    assert [(state.status, state.attempt) for state in ended] == [("completed", 1)] * REQUESTS
    assert over_time[:1] in ([1], [0])
    assert max(over_time) == 3
    assert appeared_seconds < 30
