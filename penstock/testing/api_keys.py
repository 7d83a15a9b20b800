"""API keys in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.api_keys import Meter, NoUsagePlan

if TYPE_CHECKING:
    from penstock.api_keys import ApiKey


class MemoryApiKeys:
    """The ``ApiKeys`` port over a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[str, ApiKey] = {}

    def find(self, digest: str) -> ApiKey | None:
        """See ``ApiKeys.find``."""
        return self.rows.get(digest)

    def put(self, digest: str, key: ApiKey) -> None:
        """See ``ApiKeys.put``."""
        self.rows[digest] = key

    def delete(self, digest: str) -> None:
        """See ``ApiKeys.delete``."""
        self.rows.pop(digest, None)


class MemoryMeters:
    """The ``Meters`` port over a dictionary, with or without a usage plan."""

    def __init__(self, *, has_plan: bool = True) -> None:
        self.rows: dict[str, Meter] = {}
        self._has_plan = has_plan
        self._made = 0

    def add(self, name: str, *, digest: str) -> str:
        """See ``Meters.add``."""
        if not self._has_plan:
            raise NoUsagePlan(name)
        self._made += 1
        meter = Meter(id=f"meter{self._made}", name=name, digest=digest)
        self.rows[meter.id] = meter
        return meter.id

    def list(self) -> list[Meter]:
        """See ``Meters.list``."""
        return list(self.rows.values())

    def remove(self, meter_id: str) -> None:
        """See ``Meters.remove``."""
        self.rows.pop(meter_id, None)
