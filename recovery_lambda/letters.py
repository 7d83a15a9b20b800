"""Messages that a queue gave up on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message as a dead-letter queue gives it out."""

    #: Name of the dead-letter queue.
    queue: str
    message_id: str
    #: The request's or batch's id, or for a rejected message the id that it had before.
    group: str
    body: str
