"""What a batch of the stream is counted as, once, although the stream tells it again after a fault."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from webhook_lambda import measures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.batch.jobs import JobRecord
    from penstock.metrics import Metric
    from penstock.records import RequestRecord


class Counted:
    """The records that were told of in one batch, by their place in the stream."""

    def __init__(self) -> None:
        self._told: dict[str, RequestRecord | JobRecord] = {}

    def add(self, place: str, record: RequestRecord | JobRecord) -> None:
        """Note one that was told of."""
        self._told[place] = record

    def values(self, *, failed: Iterable[str]) -> Mapping[str, list[tuple[Metric, float]]]:
        """The values of each API, without those that come again.

        Lambda goes back to the first that failed: what lies behind it is told, and counted, then.
        """
        first = min(map(int, failed), default=None)
        found: dict[str, list[tuple[Metric, float]]] = defaultdict(list)
        for place, record in self._told.items():
            if first is None or int(place) < first:
                found[record.api] += measures.of(record)
        return found
