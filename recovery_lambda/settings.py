"""What the deployment tells both functions through their environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read from ``PENSTOCK_DEPLOYMENT`` and so on, after the fields' names."""

    deployment: str
    table: str
    bucket: str
