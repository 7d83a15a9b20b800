"""The lives of requests, told by the images of their records in the order in which they were written."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.records import Status

if TYPE_CHECKING:
    from penstock.records import RequestKey, RequestRecord


@dataclass(slots=True)
class Life:
    """What was seen of one request."""

    last: RequestRecord | None = None
    #: Steps from a state that is not terminal to one that is. There must be exactly one.
    endings: int = 0
    #: Writes to a terminal record. There must be none.
    writes_after_the_end: int = 0
    #: Times at which the record was found to have changed without an event that tells how.
    unseen: int = 0
    #: When its attempts started.
    claims_ms: list[int] = field(default_factory=list)
    #: Attempts that began because the lease of the one before had run out.
    takeovers: int = 0


class Chronicle:
    """Follows every record from image to image.

    Each event carries the image before and after, so an event that was missed shows: what it led
    to is the next one's image before.
    """

    def __init__(self) -> None:
        self.lives: defaultdict[RequestKey, Life] = defaultdict(Life)
        #: May be looked at from other threads while events come in.
        self.ended: set[RequestKey] = set()

    def wrote(self, old: RequestRecord | None, new: RequestRecord) -> None:
        """Take one event: the record was ``old`` and became ``new``."""
        life = self.lives[new.key]
        if old is not None and old != life.last:
            self.found(old)
        self._step(life, new)

    def found(self, record: RequestRecord) -> None:
        """Take a record as it was read, whether an event told of it or not."""
        life = self.lives[record.key]
        if record != life.last:
            life.unseen += 1
            self._step(life, record)

    def _step(self, life: Life, new: RequestRecord) -> None:
        old, life.last = life.last, new
        if old is not None and old.status.terminal:
            life.writes_after_the_end += 1
        elif new.status.terminal:
            life.endings += 1
            self.ended.add(new.key)
        if new.status is Status.IN_PROGRESS and (old is None or new.lease != old.lease):
            life.claims_ms.append(new.started_ms or 0)
            life.takeovers += old is not None and old.status is Status.IN_PROGRESS
