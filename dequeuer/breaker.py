"""When receiving pauses because a store is down, and when it is tried again: the decision alone.

::

                 faults of several requests in a row
    CLOSED ────────────────────────────────────────────► OPEN ◄──┐
       ▲                                                   │     │ the fault again:
       │ the suspected stores work           pause is over │     │ a longer pause
       │                                                   ▼     │
       └────────────────────────────────────────────── HALF_OPEN ┘

Half open, requests are taken one at a time: whoever is sent into an outage is given back, and may
be given back twenty times only (R7).
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.ports import Clock

#: Requests in a row that must meet a store's fault. Each fault is a call that the SDK gave up after
#: five tries, and one request's own trouble must not stop the others.
SUBJECTS = 3

#: Faults longer ago than this no longer count. A store that hangs takes about two minutes to fail.
FORGET_MS = 10 * 60_000

#: First and longest pause, doubled each time. Up to half of it is left out at random: workers
#: that lost a store together must not come back together.
MIN_PAUSE_MS = 1_000
MAX_PAUSE_MS = 30_000

#: An outage that follows the last one sooner goes on with its pauses.
CALM_MS = 60_000


class Store(StrEnum):
    """What a worker depends on. Reading and writing in S3 fail apart, by their rights and keys."""

    QUEUE = "queue"
    TABLE = "table"
    PAYLOADS = "payloads"
    RESULTS = "results"


class State(Enum):
    """Whether messages may be received."""

    #: As many as there are free slots.
    CLOSED = "closed"
    #: None.
    OPEN = "open"
    #: One at a time, to see whether the store works again.
    HALF_OPEN = "half open"


class Breaker:
    """Counts the faults of each store. ``chance`` gives a random number from 0 to 1."""

    def __init__(self, *, clock: Clock, chance: Callable[[], float]) -> None:
        self._clock = clock
        self._chance = chance
        #: By store: whose calls failed since the last one that succeeded, and when.
        self._failing: dict[Store, dict[str, int]] = {}
        self._suspects: set[Store] = set()
        self._probe_ms = 0
        self._pauses = 0
        self._closed_ms: int | None = None

    @property
    def state(self) -> State:
        """The state at this moment."""
        if not self._suspects:
            return State.CLOSED
        return State.HALF_OPEN if self.pause_ms == 0 else State.OPEN

    @property
    def suspects(self) -> list[Store]:
        """The stores for which receiving pauses."""
        return sorted(self._suspects)

    @property
    def pause_ms(self) -> int:
        """What is left of the pause."""
        return max(0, self._probe_ms - self._clock()) if self._suspects else 0

    def works(self, store: Store) -> None:
        """A call succeeded; the breaker closes if it was the last store in question."""
        self._failing.pop(store, None)
        if store in self._suspects:
            self._suspects.remove(store)
            if not self._suspects:
                self._closed_ms = self._clock()

    def fails(self, store: Store, *, subject: str | None = None) -> bool:
        """A call failed for good; whether a pause begins by that.

        ``subject`` is the request the call was for. Without one it was receiving itself that
        failed, and there is nothing to wait for.
        """
        now_ms = self._clock()
        if subject is not None:
            earlier = self._failing.get(store, {})
            recent = {who: at_ms for who, at_ms in earlier.items() if now_ms - at_ms < FORGET_MS}
            self._failing[store] = recent | {subject: now_ms}
            if len(self._failing[store]) < SUBJECTS and store not in self._suspects:
                return False
        # What was sent out before the pause began fails in its course, and tells nothing new.
        pausing = self.state is State.OPEN
        self._suspects.add(store)
        if pausing:
            return False
        if self._closed_ms is not None and now_ms - self._closed_ms > CALM_MS:
            self._pauses = 0
        self._closed_ms = None
        pause_ms = min(MIN_PAUSE_MS * 2**self._pauses, MAX_PAUSE_MS)
        self._pauses += 1
        self._probe_ms = now_ms + round(pause_ms * (1 - self._chance() / 2))
        return True
