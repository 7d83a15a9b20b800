"""Queues and timers of jobs, and callers' dead-letter queues, in dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.batch.belongings import DeadLettersRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.batch.dead_letters import DeadLetter
    from penstock.batch.jobs import JobKey


class MemoryJobQueues:
    """The ``JobQueues`` port; ``urls`` is open to tests that look."""

    def __init__(self) -> None:
        self.urls: dict[JobKey, str] = {}

    def create(self, key: JobKey) -> str:
        """See ``JobQueues.create``."""
        return self.urls.setdefault(key, f"memory://{key.api}/{key.id}")

    def delete(self, key: JobKey) -> None:
        """See ``JobQueues.delete``."""
        self.urls.pop(key, None)


class MemoryTimers:
    """The ``Timers`` port; ``due`` is open to tests that look."""

    def __init__(self) -> None:
        self.due: dict[JobKey, int] = {}

    def set(self, key: JobKey, *, at_ms: int) -> None:
        """See ``Timers.set``."""
        self.due.setdefault(key, at_ms)

    def clear(self, key: JobKey) -> None:
        """See ``Timers.clear``."""
        self.due.pop(key, None)


class MemoryDeadLetterQueues:
    """The ``DeadLetterQueues`` port; a queue exists if it is in ``received``."""

    def __init__(self, *arns: str) -> None:
        self.received: dict[str, list[DeadLetter]] = {arn: [] for arn in arns}

    def send(self, arn: str, letters: Sequence[DeadLetter]) -> None:
        """See ``DeadLetterQueues.send``."""
        if arn not in self.received:
            raise DeadLettersRefused(f"{arn}: there is no such queue")
        known = {letter.id for letter in self.received[arn]}
        self.received[arn].extend(letter for letter in letters if letter.id not in known)
