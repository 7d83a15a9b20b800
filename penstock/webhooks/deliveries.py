"""Deliveries: one event on its way to one receiver. Their state is never the request's (N3)."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.transitions import Check, Op
from penstock.webhooks.events import Kind
from penstock.webhooks.schedule import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.webhooks.answers import FunctionAnswer
    from penstock.webhooks.schedule import NoAnswer

_DAY_SECONDS = 24 * 3600

#: How long a delivery can be seen and replayed after it was last touched.
RETENTION_SECONDS = 30 * _DAY_SECONDS

#: Attempts that are shown; older ones are left out, so that replays cannot fill the item.
MOST_SHOWN = 30

_KEY = re.compile(r"([a-z2-7]{26})-(callback|api)")


class State(StrEnum):
    """Where a delivery is."""

    #: An attempt is due, or running.
    PENDING = "pending"
    #: The receiver answered 2xx.
    DELIVERED = "delivered"
    #: No attempt is left, or none may be made.
    FAILED = "failed"
    #: The receiver wants no more events (410).
    DISABLED = "disabled"


class Target(StrEnum):
    """Whose address it goes to."""

    #: The one that came with the request.
    CALLBACK = "callback"
    #: The one in the API's configuration.
    API = "api"


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """Identifies a delivery; as text, ``<event id>-<target>``."""

    event_id: str
    target: Target

    def __str__(self) -> str:
        return f"{self.event_id}-{self.target}"

    @classmethod
    def parse(cls, text: str) -> DeliveryKey | None:
        """Read the text form; None for anything else."""
        match = _KEY.fullmatch(text)
        return cls(match[1], Target(match[2])) if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call, and what came of it: a status code, or the code of what went wrong."""

    at_ms: int
    latency_ms: int
    status_code: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery. Written by ``create`` once, then only through the moves below."""

    event_id: str
    target: Target
    api: str
    #: Id of the request or job; empty for a test.
    subject: str
    #: Name of the event.
    type: str
    url: str
    #: The event's JSON text, as it is sent and signed unless there is an ``answer``.
    body: str
    #: Set if it is a callback by OpenFaaS's contract: sent in place of the event.
    answer: FunctionAnswer | None = None
    created_ms: int
    #: Calls among our own APIs that led here (N7).
    depth: int = 0
    #: Where the submission is in a trace, if it is traced.
    trace: str | None = None
    state: State = State.PENDING
    #: Why it failed although attempts were left, or before the first.
    reason: str | None = None
    #: Replays so far.
    round: int = 0
    #: Attempts of this round that have ended.
    attempt: int = 0
    next_attempt_ms: int
    #: Token of the call that runs or ran last, and when it counts as lost.
    lease: str | None = None
    lease_until_ms: int = 0
    attempts: tuple[Attempt, ...] = ()
    expires_at: int

    @property
    def kind(self) -> Kind:
        """What its event is about."""
        return Kind(self.type.partition(".")[0])

    @property
    def key(self) -> DeliveryKey:
        """What identifies it."""
        return DeliveryKey(self.event_id, self.target)

    @property
    def id(self) -> str:
        """The same as text."""
        return str(self.key)

    def retained(self, now_ms: int) -> bool:
        """Whether readers may still see it: time to live deletes late, up to days."""
        return now_ms < self.expires_at * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One conditional write on a delivery, carried out by a store.

    If the checks do not hold, but those in ``achieved`` do, an earlier try of the same write took
    effect and only its answer was lost: that is success too (R10).
    """

    allowed: tuple[Check, ...]
    achieved: tuple[Check, ...]
    assign: Mapping[str, Any] = field(default_factory=dict)

    def permits(self, delivery: Delivery) -> bool:
        """Whether the write may happen."""
        return all(check.holds(delivery) for check in self.allowed)

    def was_made(self, delivery: Delivery) -> bool:
        """Whether it has happened before."""
        return all(check.holds(delivery) for check in self.achieved)

    def apply(self, delivery: Delivery) -> Delivery:
        """The delivery after the write."""
        return dataclasses.replace(delivery, **self.assign)


def claim(*, round_: int, attempt: int, lease: str, now_ms: int, lease_until_ms: int) -> Move:
    """Begin an attempt, unless it has ended or somebody else makes it: attempts are counted once (N5)."""
    return Move(
        allowed=(
            Check("state", Op.EQ, State.PENDING),
            Check("round", Op.EQ, round_),
            Check("attempt", Op.EQ, attempt - 1),
            Check("lease_until_ms", Op.LT, now_ms),
        ),
        achieved=(Check("lease", Op.EQ, lease), Check("lease_until_ms", Op.EQ, lease_until_ms)),
        assign={"lease": lease, "lease_until_ms": lease_until_ms},
    )


def conclude(
    delivery: Delivery,
    answer: Answer | NoAnswer,
    *,
    state: State,
    began_ms: int,
    now_ms: int,
    next_attempt_ms: int,
) -> Move:
    """End an attempt under its lease; ``delivery`` is as the claim returned it."""
    latency_ms = now_ms - began_ms
    if isinstance(answer, Answer):
        shown = Attempt(at_ms=began_ms, latency_ms=latency_ms, status_code=answer.status_code)
    else:
        shown = Attempt(at_ms=began_ms, latency_ms=latency_ms, error=answer.code)
    ended = (Check("lease", Op.EQ, delivery.lease), Check("round", Op.EQ, delivery.round))
    return Move(
        allowed=(*ended, Check("attempt", Op.EQ, delivery.attempt)),
        achieved=(*ended, Check("attempt", Op.EQ, delivery.attempt + 1)),
        assign={
            "attempt": delivery.attempt + 1,
            "state": state,
            "attempts": (*delivery.attempts, shown)[-MOST_SHOWN:],
            "next_attempt_ms": next_attempt_ms,
            "lease_until_ms": 0,
            "expires_at": expires_at(now_ms),
        },
    )


def stop(delivery: Delivery, *, state: State, reason: str, now_ms: int) -> Move:
    """End a delivery without a call."""
    stopped = (Check("state", Op.EQ, state), Check("round", Op.EQ, delivery.round))
    return Move(
        allowed=(Check("state", Op.EQ, State.PENDING), Check("round", Op.EQ, delivery.round)),
        achieved=stopped,
        assign={"state": state, "reason": reason, "expires_at": expires_at(now_ms)},
    )


def replay(delivery: Delivery, *, now_ms: int) -> Move:
    """Begin anew with all attempts, after an end."""
    begun = (Check("round", Op.EQ, delivery.round + 1),)
    return Move(
        allowed=(Check("state", Op.EQ, delivery.state), Check("round", Op.EQ, delivery.round)),
        achieved=begun,
        assign={
            "state": State.PENDING,
            "reason": None,
            "round": delivery.round + 1,
            "attempt": 0,
            "next_attempt_ms": now_ms,
            "lease_until_ms": 0,
            "expires_at": expires_at(now_ms),
        },
    )


def expires_at(now_ms: int) -> int:
    """When a delivery that is touched now may be forgotten, in seconds."""
    return now_ms // 1000 + RETENTION_SECONDS
