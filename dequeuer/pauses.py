"""How long a worker waits before it tries again what a store or an unreachable container made fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: First and longest pause before a request or batch is taken up again whose attempt a store or an
#: unreachable container ended. Doubled each time: twenty of them cover an hour's outage.
MIN_PAUSE_SECONDS = 5
MAX_PAUSE_SECONDS = 300

#: Tries to write an outcome, with pauses of 1, 2, 4 … 30 s between them: about ten minutes.
COMMIT_TRIES = 24
MAX_COMMIT_PAUSE_SECONDS = 30


def give_back_pause(releases: int) -> int:
    """Seconds before it is taken up again; ``releases`` is how often it was given back before."""
    return int(min(MIN_PAUSE_SECONDS * 2**releases, MAX_PAUSE_SECONDS))


def commit_pauses() -> Iterator[float]:
    """Seconds after each try that failed."""
    for number in range(COMMIT_TRIES):
        yield min(2**number, MAX_COMMIT_PAUSE_SECONDS)
