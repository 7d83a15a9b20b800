"""What the deployment tells the gateway through its environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read from ``PENSTOCK_DEPLOYMENT``, ``PENSTOCK_TABLE`` and ``PENSTOCK_BUCKET``."""

    deployment: str
    table: str
    bucket: str
