"""How a bench steers the stand-in and reads its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from penstock.aws import items
from penstock.messages import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.records import RequestRecord


class StandinClient:
    """One stand-in, by its URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def close(self) -> None:
        """Close the connection to it."""
        self._http.close()

    def settle(self, **settings: float) -> None:
        """Set ``round_trip_seconds`` and ``keep_bytes``, and begin to count anew."""
        self._http.post("/_bench", json=settings).raise_for_status()

    def counts(self) -> dict[str, int]:
        """Calls since the last ``settle``, by operation."""
        return dict(self._report()["counts"])

    def sent(self) -> dict[str, float]:
        """When the answer to each SendMessage left, by request id, on the machine's monotonic clock."""
        return dict(self._report()["sent"])

    def messages(self, queue: str) -> int:
        """Messages in a queue, hidden ones included."""
        return int(self._report(queue=queue)["messages"])

    def seed(
        self,
        records: Sequence[RequestRecord],
        *,
        table: str,
        queue: str,
        objects: Mapping[str, str],
        enqueue: bool,
    ) -> None:
        """Put requests in place without calls that count; ``objects`` maps path to text."""
        messages = [
            {
                "MessageBody": Message(record.key).encode(),
                "MessageGroupId": record.id,
                "MessageDeduplicationId": record.id,
            }
            for record in records
            if enqueue
        ]
        body = {
            "table": table,
            "queue": queue,
            "items": [items.encode(record) for record in records],
            "messages": messages,
            "objects": dict(objects),
        }
        self._http.post("/_bench/seed", json=body).raise_for_status()

    def _report(self, **query: str) -> Any:
        return self._http.get("/_bench", params=query).raise_for_status().json()
