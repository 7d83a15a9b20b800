"""Ends requests that are due and that no worker ends (R13): a page of each shard at a time, in turn."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock import keys
from penstock.ports import Applied, DependencyError
from penstock.records import RequestKey
from penstock.recovery import when_due
from penstock.versions import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from penstock.catalogue import ApiEntry
    from penstock.overview import Directory, DuePlace
    from penstock.ports import Clock, Records
    from penstock.records import RequestRecord
    from penstock.transitions import Transition

logger = logging.getLogger(__name__)

#: Requests looked at in one go, as many as DynamoDB reads at once.
PAGE = 100

#: Work that has begun by then is finished; the function has ten seconds more for that.
MAX_SECONDS = 40


@dataclass(frozen=True, slots=True)
class Lane:
    """One shard of one API's due requests, and how far it has been looked through."""

    api: ApiEntry
    shard: int
    after: DuePlace | None = None


@dataclass(slots=True)
class Tally:
    """What a sweep did: requests looked at, ended (by API and how), and faults by API."""

    looked_at: int = 0
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    #: Whether something due was left for the next sweep.
    cut_short: bool = False

    def add(self, other: Tally) -> None:
        """Count another one's work as well."""
        self.looked_at += other.looked_at
        self.ended += other.ended
        self.faults += other.faults


class Sweeper:
    """Sweeps all APIs. What it had no time for comes first in the next sweep of the same process."""

    def __init__(
        self,
        *,
        directory: Directory,
        records: Records,
        executor: Executor,
        clock: Clock,
        page: int = PAGE,
    ) -> None:
        self._directory = directory
        self._records = records
        self._executor = executor
        self._clock = clock
        self._page_size = page
        self._left: Sequence[Lane] = ()

    def sweep(self, apis: Sequence[ApiEntry]) -> Tally:
        """Look at all that is due by now, for a bounded time.

        Each round takes one page of each lane, so no API waits for another's to be finished. A fault of
        a store ends its own page at the most; a record that cannot be read, nothing.
        """
        total, until_ms = Tally(), self._clock() + MAX_SECONDS * 1000
        before_ms = self._clock()
        lanes = self._lanes(apis)
        while lanes and self._clock() < until_ms:
            rounds = list(self._executor.map(lambda lane: self._page(lane, before_ms, until_ms), lanes))
            for _, tally in rounds:
                total.add(tally)
            lanes = [lane for lane, _ in rounds if lane is not None]
        self._left = lanes
        total.cut_short = bool(lanes)
        return total

    def _lanes(self, apis: Sequence[ApiEntry]) -> list[Lane]:
        left = {(lane.api.name, lane.shard) for lane in self._left}
        others = (Lane(api, shard) for api in apis for shard in range(keys.SHARDS))
        return [*self._left, *(lane for lane in others if (lane.api.name, lane.shard) not in left)]

    def _page(self, lane: Lane, before_ms: int, until_ms: int) -> tuple[Lane | None, Tally]:
        """Go one page on; the lane's rest, or None at its end."""
        tally = Tally()
        if self._clock() >= until_ms:
            return lane, tally
        try:
            places = self._directory.due(
                lane.api.name, lane.shard, before_ms=before_ms, after=lane.after, limit=self._page_size
            )
        except DependencyError as error:
            self._count_fault(lane, tally, error)
            return None, tally
        if places:
            found = [RequestKey(api=lane.api.name, id=place.id) for place in places]
            self._look_at(found, lane, tally)
        if len(places) < self._page_size:
            return None, tally
        return Lane(lane.api, lane.shard, places[-1]), tally

    def _look_at(self, found: Sequence[RequestKey], lane: Lane, tally: Tally) -> None:
        def unreadable(key: RequestKey, error: Exception) -> None:
            tally.faults[key.api] += 1
            context = {"action": "sweep", "api": key.api, "id": key.id}
            logger.error("a record cannot be read", exc_info=error, extra=context)

        try:
            for record in self._directory.read(found, on_unreadable=unreadable).values():
                tally.looked_at += 1
                try:
                    self._end_if_due(record, lane.api, tally)
                except UNREADABLE as error:
                    unreadable(record.key, error)
        except DependencyError as error:
            self._count_fault(lane, tally, error)
        except Exception:
            # A page's surprise must not keep the other pages and APIs from being swept.
            logger.exception("unexpected error", extra={"action": "sweep", "api": lane.api.name})
            tally.faults[lane.api.name] += 1

    def _end_if_due(self, record: RequestRecord, api: ApiEntry, tally: Tally) -> None:
        ending = self._ending(record, api)
        if ending is not None:
            self._end(record, ending, tally)

    def _ending(self, record: RequestRecord, api: ApiEntry) -> Transition | None:
        return when_due(
            record,
            now_ms=self._clock(),
            max_attempts=api.max_attempts,
            retention_seconds=api.retention_seconds,
        )

    def _end(self, record: RequestRecord, ending: Transition, tally: Tally) -> None:
        answer = self._records.apply(record.key, ending)
        # Refused: somebody moved it along meanwhile, which is all that was wanted.
        if isinstance(answer, Applied):
            tally.ended[record.api, ending.move.value] += 1
            context = {"action": "sweep", "api": record.api, "id": record.id, "move": ending.move.value}
            logger.info("request ended", extra=context)

    def _count_fault(self, lane: Lane, tally: Tally, error: Exception) -> None:
        tally.faults[lane.api.name] += 1
        context = {"action": "sweep", "api": lane.api.name, "shard": lane.shard, "error": str(error)}
        logger.warning("page not swept", extra=context)
