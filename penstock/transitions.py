"""Every change a request record can undergo, as data.

A transition is built here from plain values, without a clock or a database, and carried out by
a store as *one* conditional write. DynamoDB's adapter renders it into an update expression, the
in-memory store evaluates it; both therefore run the very same rules (R5 to R13 of the life cycle).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.records import Failure, ResultRef, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

#: Releases that give their attempt back (R7); beyond them an interruption counts as an attempt.
MAX_FREE_RELEASES = 20

#: What an end removes: without it the record is no longer among the open ones (R13).
_CLOSED = frozenset({"due_ms"})
#: What an end besides the last worker removes too: that worker must not take it for its own.
_ABANDONED = _CLOSED | {"lease", "lease_until_ms"}


class Move(StrEnum):
    """Names of the transitions; they appear in logs."""

    CLAIM = "claim"
    RENEW = "renew"
    RELEASE = "release"
    RETRY = "retry"
    COMPLETE = "complete"
    FAIL = "fail"
    GIVE_UP = "give_up"
    BURY = "bury"
    CANCEL = "cancel"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Edge:
    """From which states a move may start, and where it ends."""

    sources: frozenset[Status]
    target: Status


#: The whole state machine. Nothing leads out of a terminal state.
TABLE: Mapping[Move, Edge] = {
    Move.CLAIM: Edge(frozenset({Status.IN_QUEUE, Status.IN_PROGRESS}), Status.IN_PROGRESS),
    Move.RENEW: Edge(frozenset({Status.IN_PROGRESS}), Status.IN_PROGRESS),
    Move.RELEASE: Edge(frozenset({Status.IN_PROGRESS}), Status.IN_QUEUE),
    Move.RETRY: Edge(frozenset({Status.IN_PROGRESS}), Status.IN_QUEUE),
    Move.COMPLETE: Edge(frozenset({Status.IN_PROGRESS}), Status.COMPLETED),
    Move.FAIL: Edge(frozenset({Status.IN_PROGRESS}), Status.FAILED),
    Move.GIVE_UP: Edge(frozenset({Status.IN_QUEUE, Status.IN_PROGRESS}), Status.FAILED),
    Move.BURY: Edge(frozenset({Status.IN_QUEUE, Status.IN_PROGRESS}), Status.FAILED),
    Move.CANCEL: Edge(frozenset({Status.IN_QUEUE, Status.IN_PROGRESS}), Status.CANCELLED),
    Move.EXPIRE: Edge(frozenset({Status.IN_QUEUE}), Status.EXPIRED),
}


class Op(StrEnum):
    """Comparisons; their values are DynamoDB's operators. A missing field satisfies none."""

    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of a field, of a record or of what else is written so, with a value."""

    field: str
    op: Op
    value: Any

    def holds(self, record: object) -> bool:
        """Evaluate against a record."""
        actual = getattr(record, self.field)
        return actual is not None and _COMPARE[self.op](actual, self.value)


_COMPARE: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: lambda actual, value: actual == value,
    Op.LT: lambda actual, value: actual < value,
    Op.LE: lambda actual, value: actual <= value,
    Op.GT: lambda actual, value: actual > value,
    Op.GE: lambda actual, value: actual >= value,
}

Checks = tuple[Check, ...]


def all_hold(checks: Checks, record: object) -> bool:
    """Whether every comparison holds."""
    return all(check.holds(record) for check in checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One conditional write, on a request's record or a job's.

    It is carried out if all checks of any alternative in ``allowed`` hold. If they do not, but
    those in ``achieved`` do, an earlier try of the same write took effect and only its answer
    was lost (R10): that is success too.
    """

    move: StrEnum
    allowed: tuple[Checks, ...]
    achieved: Checks
    assign: Mapping[str, Any] = field(default_factory=dict)
    clear: frozenset[str] = frozenset()
    add: Mapping[str, int] = field(default_factory=dict)

    def permits(self, record: object) -> bool:
        """Whether the write may happen on this record."""
        return any(all_hold(checks, record) for checks in self.allowed)

    def apply(self, record: R) -> R:
        """The record after the write."""
        changes: dict[str, Any] = dict(self.assign)
        changes |= dict.fromkeys(self.clear)
        changes |= {name: getattr(record, name) + amount for name, amount in self.add.items()}
        return dataclasses.replace(record, **changes)


def claim(*, lease: str, now_ms: int, lease_until_ms: int, max_attempts: int) -> Transition:
    """Take the request for one attempt, unless a live lease holds it or its deadline is over (R5, R6)."""
    may_try = (Check("attempt", Op.LT, max_attempts), Check("deadline_ms", Op.GT, now_ms))
    return Transition(
        move=Move.CLAIM,
        allowed=(
            (
                _status_is(Status.IN_QUEUE),
                Check("not_before_ms", Op.LE, now_ms),
                *may_try,
            ),
            (*_lost_by(now_ms), *may_try),
        ),
        achieved=_held_by(lease),
        assign={
            "status": Status.IN_PROGRESS,
            "lease": lease,
            "lease_until_ms": lease_until_ms,
            "due_ms": lease_until_ms,
            "started_ms": now_ms,
        },
        add={"attempt": 1},
    )


def renew(*, lease: str, lease_until_ms: int) -> Transition:
    """Prolong the lease: the worker is alive (R8)."""
    return Transition(
        move=Move.RENEW,
        allowed=(_held_by(lease),),
        achieved=_held_by(lease),
        assign={"lease_until_ms": lease_until_ms, "due_ms": lease_until_ms},
    )


def release(*, lease: str, not_before_ms: int, deadline_ms: int, releases: int) -> Transition:
    """Put the request back without an outcome (R7).

    ``deadline_ms`` and ``releases``, how often that has happened before, are as the claim returned
    them: the first 20 releases give their attempt back.
    """
    return Transition(
        move=Move.RELEASE,
        allowed=(_held_by(lease),),
        achieved=_put_back_by(lease),
        assign=_waiting(not_before_ms, deadline_ms),
        clear=frozenset({"lease_until_ms"}),
        add={"releases": 1} | ({"attempt": -1} if releases < MAX_FREE_RELEASES else {}),
    )


def retry(*, lease: str, not_before_ms: int, deadline_ms: int, failure: Failure) -> Transition:
    """Put the request back after an attempt that failed and counts; it says why until the end (R11)."""
    return Transition(
        move=Move.RETRY,
        allowed=(_held_by(lease),),
        achieved=_put_back_by(lease),
        assign=_waiting(not_before_ms, deadline_ms) | {"last_failure": failure},
        clear=frozenset({"lease_until_ms"}),
    )


def conclude(
    *, lease: str, now_ms: int, retention_seconds: int, failure: Failure | None, result: ResultRef | None
) -> Transition:
    """The outcome of an attempt (R9): completed, or failed if there is a failure.

    A failed request keeps the container's complete response too, if there was one (R17).
    """
    move = Move.FAIL if failure else Move.COMPLETE
    outcome = {"status": TABLE[move].target, "failure": failure, "result": result}
    return Transition(
        move=move,
        allowed=(_held_by(lease),),
        achieved=(_status_is(TABLE[move].target), Check("lease", Op.EQ, lease)),
        assign=_ended(now_ms, retention_seconds)
        | {name: value for name, value in outcome.items() if value is not None},
        clear=_CLOSED,
    )


def give_up(*, now_ms: int, retention_seconds: int, max_attempts: int, failure: Failure) -> Transition:
    """End a request that may not be tried again and whose last worker is gone (R6, R13).

    Its attempts are used up, or its deadline passed while it ran.
    """
    used_up = Check("attempt", Op.GE, max_attempts)
    return Transition(
        move=Move.GIVE_UP,
        allowed=(
            (_status_is(Status.IN_QUEUE), used_up),
            (*_lost_by(now_ms), used_up),
            (*_lost_by(now_ms), Check("deadline_ms", Op.LE, now_ms)),
        ),
        achieved=(_status_is(Status.FAILED),),
        assign=_ended(now_ms, retention_seconds) | {"status": Status.FAILED, "failure": failure},
        clear=_ABANDONED,
    )


def bury(*, now_ms: int, retention_seconds: int, failure: Failure) -> Transition:
    """End a request whose message is in the dead-letter queue, unless a worker is at it (R14)."""
    return Transition(
        move=Move.BURY,
        allowed=((_status_is(Status.IN_QUEUE),), _lost_by(now_ms)),
        achieved=(_status_is(Status.FAILED),),
        assign=_ended(now_ms, retention_seconds) | {"status": Status.FAILED, "failure": failure},
        clear=_ABANDONED,
    )


def cancel(*, now_ms: int, retention_seconds: int) -> Transition:
    """End the request on the caller's word, from any live state (R12).

    A worker that runs it learns so at its next heartbeat. Cancelling twice is one cancel.
    """
    return Transition(
        move=Move.CANCEL,
        allowed=((_status_is(Status.IN_QUEUE),), (_status_is(Status.IN_PROGRESS),)),
        achieved=(_status_is(Status.CANCELLED),),
        assign=_ended(now_ms, retention_seconds) | {"status": Status.CANCELLED},
        clear=_CLOSED,
    )


def expire(*, now_ms: int, retention_seconds: int) -> Transition:
    """End a request that nobody started before its deadline (R13)."""
    return Transition(
        move=Move.EXPIRE,
        allowed=((_status_is(Status.IN_QUEUE), Check("deadline_ms", Op.LE, now_ms)),),
        achieved=(_status_is(Status.EXPIRED),),
        assign=_ended(now_ms, retention_seconds) | {"status": Status.EXPIRED},
        clear=_CLOSED,
    )


def _ended(now_ms: int, retention_seconds: int) -> dict[str, Any]:
    return {"finished_ms": now_ms, "expires_at": now_ms // 1000 + retention_seconds}


def _waiting(not_before_ms: int, deadline_ms: int) -> dict[str, Any]:
    return {"status": Status.IN_QUEUE, "not_before_ms": not_before_ms, "due_ms": deadline_ms}


def _put_back_by(lease: str) -> Checks:
    return (_status_is(Status.IN_QUEUE), Check("lease", Op.EQ, lease))


def _lost_by(now_ms: int) -> Checks:
    return (_status_is(Status.IN_PROGRESS), Check("lease_until_ms", Op.LT, now_ms))


def _held_by(lease: str) -> Checks:
    return (_status_is(Status.IN_PROGRESS), Check("lease", Op.EQ, lease))


def _status_is(status: Status) -> Check:
    return Check("status", Op.EQ, status)
