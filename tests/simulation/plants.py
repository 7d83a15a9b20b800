"""Faults planted on purpose, one at a time: the simulation is worth what it finds of them.

None of them is a switch in the product. Each replaces a part of the simulated world, or of the
product while that world runs, by one that breaks one rule of the life cycle.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from dequeuer import outcome
from dequeuer.attempt import Attempts
from penstock import ids
from penstock.records import Status
from penstock.recovery import on_dead_letter
from penstock.testing import MemoryOutbox, MemoryRecords
from penstock.transitions import Check, Move, Op
from recovery_lambda import recorder
from tests.simulation.plant import Sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from penstock.messages import Message
    from penstock.ports import Applied, Delivery, Refused
    from penstock.records import RequestKey, RequestRecord
    from penstock.transitions import Transition
    from tests.simulation.mint import Mint
    from tests.simulation.queue import UnrulyQueue

_HOPELESS = (Check("status", Op.EQ, "never"),)


class _Altered(MemoryRecords):
    """A table whose conditional writes are not quite those that were asked for."""

    def __init__(self, alter: Callable[[Transition], Transition]) -> None:
        super().__init__()
        self._alter = alter

    def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        return super().apply(key, self._alter(transition))


class _Alters(Sound):
    """Base of the plants that spoil transitions."""

    moves: ClassVar[frozenset[Move]]

    def records(self) -> MemoryRecords:
        return _Altered(lambda asked: self.alter(asked) if asked.move in self.moves else asked)

    def alter(self, transition: Transition) -> Transition:
        """What is written instead."""
        raise NotImplementedError


def _without(values: Any, name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


class NoLeaseCondition(_Alters):
    """An outcome is written whoever holds the request (R9)."""

    moves = frozenset({Move.COMPLETE, Move.FAIL, Move.RETRY})

    def alter(self, transition: Transition) -> Transition:
        anybody = (Check("status", Op.EQ, Status.IN_PROGRESS),)
        return replace(transition, allowed=(anybody,))


class ClaimWithoutEnd(_Alters):
    """A claim sets no end of its lease, so nobody can ever take over (R5)."""

    moves = frozenset({Move.CLAIM, Move.RENEW})

    def alter(self, transition: Transition) -> Transition:
        return replace(transition, assign=_without(transition.assign, "lease_until_ms"))


class ClaimOfLiveWork(_Alters):
    """A claim takes a request from a worker whose lease is live (R5)."""

    moves = frozenset({Move.CLAIM})

    def alter(self, transition: Transition) -> Transition:
        checks = transition.allowed[1]
        dead = tuple(check for check in checks if check.field != "lease_until_ms")
        return replace(transition, allowed=(transition.allowed[0], dead))


class ReleaseThatCounts(_Alters):
    """A release does not give its attempt back (R7)."""

    moves = frozenset({Move.RELEASE})

    def alter(self, transition: Transition) -> Transition:
        return replace(transition, add=_without(transition.add, "attempt"))


class WaitOnlyInTheQueue(_Alters):
    """The wait before a retry hides the message and is not in the record (R11)."""

    moves = frozenset({Move.RETRY})

    def alter(self, transition: Transition) -> Transition:
        return replace(transition, assign=_without(transition.assign, "not_before_ms"))


class SuccessTakenForConflict(_Alters):
    """A repeated write does not recognise its own effect (R10)."""

    moves = frozenset(Move)

    def alter(self, transition: Transition) -> Transition:
        return replace(transition, achieved=_HOPELESS)


class OutcomeTakenForConflict(SuccessTakenForConflict):
    """Nor does a worker whose outcome was written, but not answered (R10)."""

    moves = frozenset({Move.COMPLETE})

    def in_place(self, mint: Mint) -> AbstractContextManager[Any]:
        return mock.patch.object(outcome, "all_hold", return_value=False)


class _AckFirst(Attempts):
    async def handle(self, delivery: Delivery) -> None:
        await self._ports.source.ack([delivery])
        await super().handle(delivery)


class AckBeforeOutcome(Sound):
    """The message is deleted when the work begins (R9)."""

    attempts = _AckFirst


class _RandomGroups(MemoryOutbox):
    def send(self, message: Message) -> None:
        group = ids.new_token()
        self._queue.put(message.encode(), group=group, deduplication_id=message.key.id)


class RandomGroup(Sound):
    """Each send has a group of its own, which turns deduplication off (R1)."""

    def outbox(self, queue: UnrulyQueue, records: MemoryRecords) -> MemoryOutbox:
        return _RandomGroups(queue)


class _OldIds(MemoryOutbox):
    def __init__(self, queue: UnrulyQueue, records: MemoryRecords) -> None:
        super().__init__(queue)
        self._records = records

    def send(self, message: Message) -> None:
        old = self._records.rows[message.key].retry_of or message.key.id
        self._queue.put(message.encode(), group=old, deduplication_id=old)


class RetryUnderTheOldId(Sound):
    """A retry is sent with the deduplication id of the request that it runs again (R1)."""

    def outbox(self, queue: UnrulyQueue, records: MemoryRecords) -> MemoryOutbox:
        return _OldIds(queue, records)


def _blind(found: RequestRecord | None, *, now_ms: int, retention_seconds: int) -> Any:
    late_ms = now_ms + 3600 * 1000
    return on_dead_letter(found, now_ms=late_ms, retention_seconds=retention_seconds)


class RecorderBlindToLeases(Sound):
    """The recorder ends a request whose worker is alive (R14)."""

    def in_place(self, mint: Mint) -> AbstractContextManager[Any]:
        return mock.patch.object(recorder, "on_dead_letter", _blind)


class SharedPayloadKey(Sound):
    """All submissions of one key put their payload in the same place (R3)."""

    def in_place(self, mint: Mint) -> AbstractContextManager[Any]:
        def token() -> str:
            return "shared" if mint.script is not None else mint.token_hex(16)

        return mock.patch.object(ids, "new_token", token)


class _Mortal(MemoryRecords):
    def create(self, record: RequestRecord) -> Applied | Refused:
        return super().create(replace(record, expires_at=record.created_ms // 1000 + 86_400))


class TimeToLiveAtSubmit(Sound):
    """A record gets its time to live when it is made (R15)."""

    def records(self) -> MemoryRecords:
        return _Mortal()


PLANTS: tuple[type[Sound], ...] = (
    NoLeaseCondition,
    AckBeforeOutcome,
    RandomGroup,
    RetryUnderTheOldId,
    SharedPayloadKey,
    ClaimWithoutEnd,
    ClaimOfLiveWork,
    ReleaseThatCounts,
    SuccessTakenForConflict,
    OutcomeTakenForConflict,
    RecorderBlindToLeases,
    WaitOnlyInTheQueue,
    TimeToLiveAtSubmit,
)
