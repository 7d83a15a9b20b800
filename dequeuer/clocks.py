"""The two clocks of the dequeuer."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Milliseconds since the epoch: what records hold, and what other machines agree on."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Milliseconds of a clock that nobody sets: for how long something lasts, and nothing else."""
    return time.monotonic_ns() // 1_000_000
