"""When a service whose tasks keep dying may start the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace

LONGEST_DELAY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often in a row a service's tasks died early, and when the next may start."""

    failures: int = 0
    not_before: float = 0.0
    #: A task that ran this long has started well, so its end is no crash loop.
    healthy_after_seconds: float = 20.0

    def after_death(self, *, started: float, now: float) -> Backoff:
        """Return the wait after a task's death: none for the first, then 1, 2, 4 … 30 seconds."""
        failures = 1 if now - started >= self.healthy_after_seconds else self.failures + 1
        delay = 0.0 if failures == 1 else min(LONGEST_DELAY_SECONDS, 2.0 ** (failures - 2))
        return replace(self, failures=failures, not_before=now + delay)
