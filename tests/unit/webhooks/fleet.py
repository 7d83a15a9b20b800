"""Many senders at once, that die, and queues and receivers that do what real ones may do.

Each sender is a thread, but one runs at a time: it hands over before each step outside, and a random
number generator says to whom. So everything can come between any two steps, and a seed is a run. Time is
the test's own: it goes on when everybody waits for something.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from penstock.webhooks.hosts import LANE_CALLS, Lane
from penstock.webhooks.schedule import Answer, NoAnswer, Schedule, Trouble
from tests.unit.webhooks.station import Call, Station
from webhook_lambda.deliver import Stores

if TYPE_CHECKING:
    from penstock.webhooks.guard import Admitted

#: A message of a sender that died is shown again after this long.
_VISIBILITY_SECONDS = 70
_ANSWER_SECONDS = 0.1
_STORE_SECONDS = 0.004

#: Of messages; what goes on after them goes round and round.
_MOST_SERVED = 20_000


@dataclass(frozen=True)
class Peril:
    """How often things go wrong, from 0 to 1."""

    #: A sender dies before or after what it asks of a store.
    death: float = 0.0
    #: A message is received twice, by two senders at once or one after the other.
    double: float = 0.0
    #: The receiver got the call, and its answer is lost.
    silence: float = 0.0
    #: The receiver answers 500.
    refusal: float = 0.0


class Died(Exception):
    """A sender is gone; it does nothing any more."""


class _Over(Exception):
    """The run has ended."""


class _Sender(threading.Thread):
    """Serves messages of one lane, one after the other."""

    def __init__(self, fleet: Fleet, lane: Lane) -> None:
        super().__init__(daemon=True)
        self.fleet = fleet
        self.lane = lane
        self.turn = threading.Semaphore(0)
        self.dead = False
        #: When it goes on; None while it waits for a message.
        self.wake_ms: int | None = 0

    def run(self) -> None:
        self.turn.acquire()
        with suppress(_Over):
            try:
                while True:
                    self.fleet.serve(self)
            except AssertionError as error:
                self.fleet.wrong = error
                self.fleet.hand_over.release()


class _Mortal:
    """A store, as a sender that may die uses it."""

    def __init__(self, store: Any, fleet: Fleet) -> None:
        self._store = store
        self._fleet = fleet

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def asked(*arguments: Any, **named: Any) -> Any:
            self._fleet.live()
            self._fleet.pause(_STORE_SECONDS)
            answer = getattr(self._store, name)(*arguments, **named)
            self._fleet.live()
            return answer

        def room(*arguments: Any) -> Any:
            return _Mortal(self._store.room(*arguments), self._fleet)

        return room if name == "room" else asked


@dataclass
class Fleet(Station):
    """All senders of a deployment, and one receiver."""

    seed: int = 0
    peril: Peril = field(default_factory=Peril)
    #: Long enough for any run of bad luck.
    schedule: Schedule = field(default_factory=lambda: Schedule((1,) * 40))
    #: What happened, by name.
    seen: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    most_at_once: int = 0
    #: What a sender found wrong.
    wrong: AssertionError | None = None

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.hand_over = threading.Semaphore(0)
        self._over = False
        self._running: _Sender | None = None
        super().__post_init__()

    def stores(self) -> Stores:
        return Stores(
            deliveries=_Mortal(self.deliveries, self),
            lanes=_Mortal(self.lanes, self),
            hosts=_Mortal(self.hosts, self),
            endpoints=_Mortal(self.endpoints, self),
        )

    def chance(self) -> float:
        return self.random.random()

    @property
    def running(self) -> _Sender:
        assert self._running is not None
        return self._running

    def live(self) -> None:
        """Go on living, or die."""
        sender = self.running
        if not sender.dead and self.happens(self.peril.death, "death"):
            sender.dead = True
        if sender.dead:
            raise Died

    def happens(self, share: float, what: str) -> bool:
        """Whether it goes wrong this time."""
        wrong = self.random.random() < share
        self.seen[what] += wrong
        return wrong

    def pause(self, seconds: float | None) -> None:
        """Let others go on for at least so long; None waits for messages."""
        if self._over:
            raise _Over
        sender = self.running
        sender.wake_ms = None if seconds is None else self.clock() + round(seconds * 1000)
        self.hand_over.release()
        sender.turn.acquire()
        if self._over:
            raise _Over

    def serve(self, sender: _Sender) -> None:
        """Take one message of the lane, if there is one."""
        due = self.lanes.take(sender.lane)
        if due is None:
            self.pause(None)
            return
        self.seen["served"] += 1
        assert self.seen["served"] < _MOST_SERVED, "messages go round and round"
        if self.happens(self.peril.double, "double"):
            self.lanes.put_back(due, sender.lane)
        sender.dead = False
        try:
            self.deliverer.deliver(due, sender.lane)
        except Died:
            self.lanes.send(due, sender.lane, delay_seconds=_VISIBILITY_SECONDS)

    def post(self, admitted: Admitted, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        self.calls.append(Call(admitted, body, headers, self.clock()))
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        self.pause(_ANSWER_SECONDS)
        self.under_way -= 1
        if self.happens(self.peril.silence, "silence"):
            return NoAnswer(Trouble.INCOMPLETE)
        return Answer(500 if self.happens(self.peril.refusal, "refusal") else 200)

    def run(self) -> None:
        """Until no message is left, and nobody has anything to do."""
        senders = [_Sender(self, lane) for lane, calls in LANE_CALLS.items() for _ in range(calls)]
        for sender in senders:
            sender.start()
        while self.wrong is None and self._let_one_go_on(senders):
            pass
        self._over = True
        for sender in senders:
            sender.turn.release()
            sender.join()
        if self.wrong is not None:
            raise self.wrong

    def _let_one_go_on(self, senders: list[_Sender]) -> bool:
        ready = [each for each in senders if each.wake_ms is not None and each.wake_ms <= self.clock()]
        if not ready:
            return self._let_time_go_on(senders)
        self._running = self.random.choice(ready)
        self._running.turn.release()
        self.hand_over.acquire()
        return True

    def _let_time_go_on(self, senders: list[_Sender]) -> bool:
        idle = [each for each in senders if each.wake_ms is None]
        visible = {each.lane: self.lanes.next_ms(each.lane) for each in idle}
        moments = [*(each.wake_ms for each in senders), *visible.values()]
        known = [moment for moment in moments if moment is not None]
        if not known:
            return False
        self.clock.now_ms = max(self.clock.now_ms, min(known))
        for sender in idle:
            sender.wake_ms = visible[sender.lane]
        return True
