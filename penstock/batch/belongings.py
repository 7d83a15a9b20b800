"""What a job has of its own while it runs, and where the batches that failed are reported; as protocols.

Adapters are in ``penstock.aws``. Each method may raise ``DependencyError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.batch.dead_letters import DeadLetter
    from penstock.batch.jobs import JobKey


class DeadLettersRefused(Exception):
    """The caller's queue is gone, or takes no message of ours: no later try will change that."""


class JobQueues(Protocol):
    """The jobs' queues, one each (J12)."""

    def create(self, key: JobKey) -> str:
        """Make the job's queue; its URL. Again is once."""

    def delete(self, key: JobKey) -> None:
        """Remove it with all that is in it; fine if it is gone."""


class Timers(Protocol):
    """What stops a job when its time is over (J10)."""

    def set(self, key: JobKey, *, at_ms: int) -> None:
        """Have the job stopped as timed out at this moment or up to a minute later. Again is once."""

    def clear(self, key: JobKey) -> None:
        """Take it back; fine if it went off, or was never set."""


class DeadLetterQueues(Protocol):
    """Queues of callers for the batches that failed for good (J12)."""

    def send(self, arn: str, letters: Sequence[DeadLetter]) -> None:
        """Send all; ``DeadLettersRefused`` if the queue does not take them.

        A letter that is sent again within five minutes arrives once.
        """
