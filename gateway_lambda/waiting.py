"""Waiting for a request's end on behalf of a caller (``Prefer: wait=N``, RFC 7240).

A function serves one call at a time per environment, so each waiting call keeps one environment
busy. Slots bound how many do; without a free one the answer is immediate, and submissions always
find room.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.ids import new_token
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from penstock.overview import Slots
    from penstock.ports import Clock, Records
    from penstock.records import RequestRecord

logger = logging.getLogger(__name__)

#: Longest wait, also counted from the moment when API Gateway got the call: it gives up after 29 s.
MAX_WAIT_SECONDS = 25

#: How long a slot outlives the wait it was taken for: its last look may be slow, and clocks differ.
_SLOT_MARGIN_MS = 5_000

#: Slots tried: any one that is free will do, and a caller who finds none loses little.
_TRIES = 2

_FIRST_PAUSE_SECONDS = 0.1
_LAST_PAUSE_SECONDS = 1.0
_GROWTH = 1.5

#: A call to the store that hangs is left to itself after this, or this long after the wait's end: the
#: answer must come before API Gateway gives up.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Waited:
    """The record as it was seen last, and the preference that was honoured; None if none was."""

    record: RequestRecord
    applied_seconds: int | None


class Waiter:
    """Looks at a record until it has ended, if there is a slot for that."""

    def __init__(
        self,
        *,
        records: Records,
        slots: Slots,
        slot_count: int,
        executor: Executor,
        clock: Clock,
        sleep: Callable[[float], None],
        choose: Callable[[int], int],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._records = records
        self._slots = slots
        self._slot_count = slot_count
        self._executor = executor
        self._clock = clock
        self._sleep = sleep
        self._choose = choose
        self._patience_seconds = patience_seconds

    def until_ended(
        self, record: RequestRecord, *, wait_seconds: int | None, received_ms: int | None
    ) -> Waited:
        """Wait for at most so long, and never so long that API Gateway would give up on the call.

        A wait of 0 is honoured by answering at once, and so is any for a request that has ended.
        """
        if wait_seconds is None:
            return Waited(record, None)
        seconds = min(wait_seconds, MAX_WAIT_SECONDS)
        now_ms = self._clock()
        until_ms = min(
            now_ms + seconds * 1000,
            # Later than now only by a difference of clocks, which must not prolong the wait.
            min(received_ms or now_ms, now_ms) + MAX_WAIT_SECONDS * 1000,
        )
        if record.status.terminal or until_ms <= now_ms:
            return Waited(record, seconds)
        held = self._take_slot(now_ms, until_ms)
        if held is None:
            logger.info("no slot to wait in", extra={"action": "refuse_wait", "id": record.id})
            return Waited(record, None)
        try:
            return Waited(self._watch(record, until_ms), seconds)
        finally:
            self._free(*held)

    def _take_slot(self, now_ms: int, until_ms: int) -> tuple[int, str] | None:
        token = new_token()
        try:
            for _ in range(_TRIES if self._slot_count else 0):
                slot = self._choose(self._slot_count)
                taken = self._executor.submit(
                    self._slots.take, slot, token=token, now_ms=now_ms, until_ms=until_ms + _SLOT_MARGIN_MS
                )
                if taken.result(timeout=self._patience_seconds):
                    return slot, token
        except (DependencyError, TimeoutError):
            # Whether it was taken is unknown; it frees itself. The caller gets an immediate answer.
            logger.warning("slot not taken", exc_info=True, extra={"action": "take_slot"})
        return None

    def _free(self, slot: int, token: str) -> None:
        try:
            self._executor.submit(self._slots.free, slot, token=token).result(timeout=self._patience_seconds)
        except (DependencyError, TimeoutError):
            logger.warning(
                "slot not freed, it will free itself", exc_info=True, extra={"action": "free_slot"}
            )

    def _watch(self, record: RequestRecord, until_ms: int) -> RequestRecord:
        for pause_seconds in _pauses():
            remaining_seconds = (until_ms - self._clock()) / 1000
            if record.status.terminal or remaining_seconds <= 0:
                break
            self._sleep(min(pause_seconds, remaining_seconds))
            try:
                record = self._look(record, until_ms)
            except (DependencyError, TimeoutError):
                # What was known before is an answer too, and the caller will ask again.
                logger.warning("look failed", exc_info=True, extra={"action": "wait", "id": record.id})
                break
        return record

    def _look(self, record: RequestRecord, until_ms: int) -> RequestRecord:
        remaining_seconds = max(0.0, (until_ms - self._clock()) / 1000)
        look = self._executor.submit(self._records.get, record.key)
        return look.result(timeout=remaining_seconds + self._patience_seconds) or record


def _pauses() -> Iterator[float]:
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        yield pause_seconds
        pause_seconds = min(pause_seconds * _GROWTH, _LAST_PAUSE_SECONDS)
