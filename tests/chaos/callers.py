"""Callers: they send each order until it is accepted, and at the end ask what became of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.client import ApiProblem, Client, ServerUnreachable
from penstock.records import RequestKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.client import RequestState
    from tests.chaos.orders import Order

CALLERS = 8
#: After the client itself has tried five times.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What its caller is told of a request that has ended."""

    state: RequestState
    #: The stored answer of a request that failed with one.
    answer: bytes | None = None


@dataclass(slots=True)
class Callers:
    """As many callers at once as there are threads, all of one client."""

    client: Client
    stop: threading.Event
    #: By order: what it was accepted as.
    accepted: dict[str, RequestKey] = field(default_factory=dict)
    #: By code: submissions that failed although the client had tried again, and were sent anew.
    repeated: Counter[str] = field(default_factory=Counter)
    #: Orders that were answered with two different ids.
    split: set[str] = field(default_factory=set)

    def send_all(self, orders: Sequence[Order], *, per_second: float) -> None:
        """Send the orders at this pace, as far as the gateway keeps up with it."""
        started = time.monotonic()

        def send(numbered: tuple[int, Order]) -> None:
            number, order = numbered
            self.stop.wait(max(0.0, started + number / per_second - time.monotonic()))
            self._send(order)
            if order.twice:
                self._send(order)

        with ThreadPoolExecutor(CALLERS, thread_name_prefix="caller") as pool:
            # As a list, so that an error of a caller is raised.
            list(pool.map(send, enumerate(orders)))

    def ask_all(self, keys: Mapping[str, RequestKey]) -> dict[str, Outcome]:
        """What became of each order."""
        with ThreadPoolExecutor(CALLERS, thread_name_prefix="caller") as pool:
            return dict(zip(keys, pool.map(self._ask, keys.values()), strict=True))

    def _send(self, order: Order) -> None:
        while not self.stop.is_set():
            try:
                submission = self.client.submit(
                    order.api, order.body, idempotency_key=order.key, query=order.query
                )
            except (ApiProblem, ServerUnreachable) as error:
                if isinstance(error, ApiProblem) and not error.transient:
                    raise
                self.repeated[error.code if isinstance(error, ApiProblem) else "unreachable"] += 1
                self.stop.wait(PAUSE_SECONDS)
                continue
            key = RequestKey(api=order.api, id=submission.id)
            if self.accepted.setdefault(order.key, key) != key:
                self.split.add(order.key)
            return

    def _ask(self, key: RequestKey) -> Outcome:
        state = self.client.get(key.api, key.id)
        failed_with_answer = state.error is not None and state.result_size_bytes is not None
        if not failed_with_answer:
            return Outcome(state)
        return Outcome(state, self.client.result(key.api, key.id).content)
