"""What the deployment tells each of the functions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read from ``PENSTOCK_TABLE`` and so on, after the fields' names."""

    table: str
    bucket: str
