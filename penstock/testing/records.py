"""Request records in a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ports import Applied, Refused
from penstock.records import Status
from penstock.transitions import all_hold

if TYPE_CHECKING:
    from penstock.records import RequestKey, RequestRecord
    from penstock.transitions import Transition


class MemoryRecords:
    """The ``Records`` port; ``rows`` is open to tests that look or plant."""

    def __init__(self) -> None:
        self.rows: dict[RequestKey, RequestRecord] = {}

    def create(self, record: RequestRecord) -> Applied | Refused:
        """See ``Records.create``."""
        found = self.rows.get(record.key)
        if found is None or not found.retained(record.created_ms):
            found = self.rows[record.key] = record
        return Applied(found) if found == record else Refused(found)

    def get(self, key: RequestKey) -> RequestRecord | None:
        """See ``Records.get``."""
        return self.rows.get(key)

    def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """See ``Records.apply``."""
        found = self.rows.get(key)
        if found is None:
            return Refused(None)
        if transition.permits(found):
            self.rows[key] = transition.apply(found)
            return Applied(self.rows[key])
        return Applied(found) if all_hold(transition.achieved, found) else Refused(found)

    def withdraw(self, record: RequestRecord) -> bool:
        """See ``Records.withdraw``."""
        found = self.rows.get(record.key)
        if found is None:
            return True
        untouched = found.status is Status.IN_QUEUE and found.started_ms is None
        if untouched and found.payload.key == record.payload.key:
            del self.rows[record.key]
            return True
        return False

    def purge(self, record: RequestRecord) -> bool:
        """See ``Records.purge``."""
        found = self.rows.get(record.key)
        if found is not None and (found.finished_ms is None or found.created_ms != record.created_ms):
            return False
        self.rows.pop(record.key, None)
        return True


class MemoryLedger:
    """The ``Ledger`` port over the same rows."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records

    async def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """See ``Ledger.apply``."""
        return self._records.apply(key, transition)
