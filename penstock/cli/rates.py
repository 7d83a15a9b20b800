"""How fast batches end, of late."""

from __future__ import annotations

from collections import deque

#: What is older says little about now.
WINDOW_SECONDS = 60.0

#: For so long, silence only means that nobody has looked.
PATIENCE_SECONDS = 5.0


class Rate:
    """Fed with a growing count; seconds are from any fixed moment."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, count: int, *, now_seconds: float) -> None:
        """The count now. What had been counted before the first call is nobody's speed."""
        self._samples.append((now_seconds, count))
        # The newest of the old ones is where the window begins.
        while len(self._samples) > 1 and self._samples[1][0] <= now_seconds - WINDOW_SECONDS:
            self._samples.popleft()

    def per_second(self, *, now_seconds: float) -> float | None:
        """None while nothing can be said. It falls if nothing is noted for long."""
        if not self._samples:
            return None
        (began, first), (ended, last) = self._samples[0], self._samples[-1]
        passed = max(ended, now_seconds - PATIENCE_SECONDS) - began
        return (last - first) / passed if passed > 0 else None

    def seconds_left(self, rest: int, *, now_seconds: float) -> float | None:
        """How long the rest takes at this speed."""
        speed = self.per_second(now_seconds=now_seconds)
        return rest / speed if speed else None
