"""Rights that no run on the emulator uses, and why they are needed on AWS."""

from __future__ import annotations

#: Role to rights.
UNUSED: dict[str, set[str]] = {}
