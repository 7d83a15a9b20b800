"""Senders of webhooks: the real deliverer and real calls, on stores in memory."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock import ids
from penstock.catalogue import Catalogue
from penstock.outgoing.call import DEADLINE_SECONDS, Caller
from penstock.testing import (
    MemoryDeliveries,
    MemoryEndpoints,
    MemoryHosts,
    MemoryLanes,
    MemoryObjects,
    MemorySecrets,
)
from penstock.webhooks import signature
from penstock.webhooks.deliveries import Delivery, State, expires_at
from penstock.webhooks.deliveries import Target as Receiver
from penstock.webhooks.guard import Guard, Policy
from penstock.webhooks.hosts import LANE_CALLS, Lane
from penstock.webhooks.messages import Due
from penstock.webhooks.schedule import Schedule
from webhook_lambda.deliver import Deliverer, Stores
from webhook_lambda.post import Post

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.webhooks.deliveries import DeliveryKey, Move


class _Locked(MemoryDeliveries):
    """DynamoDB's conditional writes are atomic; many threads write here."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def apply(self, key: DeliveryKey, move: Move) -> Delivery | None:
        with self._lock:
            return super().apply(key, move)


class _LockedLanes(MemoryLanes):
    """A queue gives each message to one receiver at a time."""

    def __init__(self) -> None:
        super().__init__(_now_ms)
        self._lock = threading.Lock()

    def send(self, due: Due, lane: Lane, *, delay_seconds: float = 0) -> None:
        with self._lock:
            super().send(due, lane, delay_seconds=delay_seconds)

    def take(self, lane: Lane) -> Due | None:
        with self._lock:
            return super().take(lane)


class _Unsigned:
    """No call of this bench is one of our own API."""

    def signed(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        raise NotImplementedError(f"{url} {len(body)} {len(headers)}")


class Senders:
    """All senders of a deployment, as many in each lane as it has in the cloud."""

    def __init__(self, container_port: int) -> None:
        self.deliveries = _Locked()
        self._port = container_port
        self._lanes = _LockedLanes()
        self._left = 0
        self._counting = threading.Lock()
        self._done = threading.Event()

    def enqueue(self, host: str, query: str, *, awaited: bool = True) -> None:
        """Let the container have a delivery under this name; ``run`` waits for those that are awaited."""
        now_ms = _now_ms()
        delivery = self.deliveries.create(
            Delivery(
                event_id=ids.new_request_id(),
                target=Receiver.CALLBACK,
                api="bench",
                subject=ids.new_request_id(),
                type="request.completed",
                url=f"http://{host}.example.com:{self._port}/?{query}",
                body='{"type": "request.completed"}',
                created_ms=now_ms,
                next_attempt_ms=now_ms,
                expires_at=expires_at(now_ms),
            )
        )
        self._left += awaited
        self._lanes.send(Due(key=delivery.key, round=0, attempt=1), Lane.FIRST)

    def run(self) -> float:
        """Serve until all that are awaited are delivered; the seconds that it took."""
        deliverer = self._deliverer()
        started = time.monotonic()
        with ThreadPoolExecutor(sum(LANE_CALLS.values())) as pool:
            for lane, calls in LANE_CALLS.items():
                for _ in range(calls):
                    pool.submit(self._serve, deliverer, lane)
            self._done.wait()
            return time.monotonic() - started

    def _serve(self, deliverer: Deliverer, lane: Lane) -> None:
        while not self._done.is_set():
            due = self._lanes.take(lane)
            if due is None:
                time.sleep(0.01)
            else:
                deliverer.deliver(due, lane)

    def _ended(self, delivery: Delivery) -> None:
        if delivery.state is State.DELIVERED:
            with self._counting:
                self._left -= 1
                if not self._left:
                    self._done.set()

    def _deliverer(self) -> Deliverer:
        # All names lead to this machine; to the breaker they are different hosts.
        guard = Guard(replace(Policy(), loopback=True), lambda _host: ["127.0.0.1"])
        post = Post(
            base_url="https://own.example.com",
            catalogue=Catalogue(()),
            guard=guard,
            own_guard=guard,
            secrets=MemorySecrets({"bench": (signature.new_secret(),)}),
            objects=MemoryObjects(),
            signer=_Unsigned(),
            calls=Caller(_now_ms, deadline_seconds=DEADLINE_SECONDS),
            clock=_now_ms,
        )
        stores = Stores(
            deliveries=self.deliveries, lanes=self._lanes, hosts=MemoryHosts(), endpoints=MemoryEndpoints()
        )
        return Deliverer(
            stores, post, schedule=Schedule(), clock=_now_ms, random=random.random, on_end=self._ended
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
