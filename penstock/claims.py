"""What a worker does with a delivery whose request it could not claim (R5, R6, R13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import transitions
from penstock.outcomes import WORKER_LOST, WORKER_LOST_LATE
from penstock.records import RequestRecord, Status

if TYPE_CHECKING:
    from penstock.transitions import Transition


@dataclass(frozen=True, slots=True)
class Discard:
    """Nothing is left to do: delete the message, and the payload if that was left over."""

    reason: str
    payload_key: str | None = None


@dataclass(frozen=True, slots=True)
class Hide:
    """Somebody else works on it, or it must wait: keep the message out of sight for so long."""

    seconds: int


@dataclass(frozen=True, slots=True)
class End:
    """No attempt may start any more: write this end, then delete the message."""

    transition: Transition


def after_refused_claim(
    found: RequestRecord | None, *, now_ms: int, max_attempts: int, retention_seconds: int
) -> Discard | Hide | End:
    """Decide from the record that refused the claim; None means there is none."""
    if found is None:
        return Discard("unknown")
    if found.status.terminal:
        return Discard(found.status, found.spent_payload_key)
    if found.status is Status.IN_PROGRESS and not _passed(found.lease_until_ms, now_ms):
        return Hide(_seconds_until(found.lease_until_ms or now_ms, now_ms))
    used_up, late = found.attempt >= max_attempts, found.deadline_ms <= now_ms
    if used_up or (late and found.status is Status.IN_PROGRESS):
        return End(
            transitions.give_up(
                now_ms=now_ms,
                retention_seconds=retention_seconds,
                max_attempts=max_attempts,
                failure=WORKER_LOST if used_up else WORKER_LOST_LATE,
            )
        )
    if late:
        return End(transitions.expire(now_ms=now_ms, retention_seconds=retention_seconds))
    # Not yet due, or claimable by now because time went on: the next delivery will tell.
    return Hide(_seconds_until(found.not_before_ms, now_ms))


def _passed(moment_ms: int | None, now_ms: int) -> bool:
    return moment_ms is not None and moment_ms < now_ms


def _seconds_until(moment_ms: int, now_ms: int) -> int:
    # SQS counts in whole seconds; rounding down would bring the message back too early.
    return max(1, (moment_ms - now_ms) // 1000 + 1)
