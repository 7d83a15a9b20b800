"""What becomes of requests that no worker sees to their end: due ones, and dead letters (R13, R14).

A worker that is refused a claim decides by ``penstock.claims``; this is for the two functions that
watch over the workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import transitions
from penstock.claims import End, after_refused_claim
from penstock.outcomes import UNDELIVERABLE
from penstock.records import Status

if TYPE_CHECKING:
    from penstock.records import RequestRecord
    from penstock.transitions import Transition


def when_due(
    found: RequestRecord, *, now_ms: int, max_attempts: int, retention_seconds: int
) -> Transition | None:
    """The end that a due request must be given; None if it has ended, or its message will see to it.

    A dead worker's request with attempts left is none of the sweeper's: its message comes back to
    some worker, or in the end to the dead-letter queue.
    """
    decision = after_refused_claim(
        found, now_ms=now_ms, max_attempts=max_attempts, retention_seconds=retention_seconds
    )
    return decision.transition if isinstance(decision, End) else None


@dataclass(frozen=True, slots=True)
class Drop:
    """Nobody needs the dead letter: its request has ended, or there is none."""


@dataclass(frozen=True, slots=True)
class Keep:
    """A worker is at the request: look at the dead letter again later."""


def on_dead_letter(
    found: RequestRecord | None, *, now_ms: int, retention_seconds: int
) -> Drop | Keep | Transition:
    """Decide from the record that the dead letter is about; None means there is none."""
    if found is None or found.status.terminal:
        return Drop()
    if found.status is Status.IN_PROGRESS and (found.lease_until_ms or now_ms) >= now_ms:
        return Keep()
    return transitions.bury(now_ms=now_ms, retention_seconds=retention_seconds, failure=UNDELIVERABLE)
