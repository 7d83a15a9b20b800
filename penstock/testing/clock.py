"""A clock that stands still until it is told to go on."""

from __future__ import annotations


class ManualClock:
    """Call it for the time in milliseconds; ``advance`` it by seconds."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """The present moment, milliseconds since the epoch."""
        return self.now_ms

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += round(seconds * 1000)
