"""What a receiver that hangs costs the others: the real deliverer and real calls, on stores in memory."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.report import Report, Target
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

    from bench.options import Options
    from bench.rig import Rig
    from penstock.webhooks.deliveries import DeliveryKey, Move

GOOD_RECEIVERS = 10
#: A good receiver's time; with it, the lane's 20 calls are the bound, and not this machine.
ANSWER_SECONDS = 0.1
LOST_LIMIT_PERCENT = 10

_HANG_SECONDS = 3600


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


def webhooks(rig: Rig, options: Options) -> Report:
    """Deliveries per second to ten good receivers, without and with one beside them that hangs."""
    alone = _rate(rig, options.deliveries, hanging=False)
    beside = _rate(rig, options.deliveries, hanging=True)
    lost = 100 * (1 - beside["per_second"] / alone["per_second"])
    rows = [
        (
            name,
            f"{row['per_second']:.1f}",
            f"{row['seconds']:.1f}",
            str(row["delivered"]),
            str(row["twice"]),
            str(row["hung"]),
        )
        for name, row in (("none", alone), ("one of eleven", beside))
    ]
    return Report(
        name="webhooks",
        title="deliveries to ten good receivers, which answer after 0.1 s",
        columns=("that hang", "delivered/s", "seconds", "delivered", "called twice", "calls that hung"),
        rows=rows,
        targets=[
            Target(
                promise="rate lost by a receiver that hangs on every call",
                measured=max(0.0, lost),
                limit=LOST_LIMIT_PERCENT,
                unit="%",
            ),
            Target(promise="deliveries made twice", measured=alone["twice"], limit=0, unit="deliveries"),
        ],
        data={"alone": alone, "beside": beside, "lost_percent": lost},
    )


def _rate(rig: Rig, count: int, *, hanging: bool) -> dict[str, Any]:
    deliveries, lanes = _Locked(), _LockedLanes()
    done = threading.Event()
    good_left = [count]
    counting = threading.Lock()

    def on_end(delivery: Delivery) -> None:
        if delivery.state is State.DELIVERED:
            with counting:
                good_left[0] -= 1
                if not good_left[0]:
                    done.set()

    deliverer = _deliverer(deliveries, lanes, on_end)
    for number in range(count):
        _enqueue(rig, deliveries, lanes, f"good-{number % GOOD_RECEIVERS}", ANSWER_SECONDS)
        if hanging and number % GOOD_RECEIVERS == 0:
            _enqueue(rig, deliveries, lanes, "hanging", _HANG_SECONDS)
    started = time.monotonic()
    with ThreadPoolExecutor(sum(LANE_CALLS.values())) as pool:
        for lane, calls in LANE_CALLS.items():
            for _ in range(calls):
                pool.submit(_serve, deliverer, lanes, lane, done)
        done.wait()
        seconds = time.monotonic() - started
    good = [each for each in deliveries.rows.values() if "hanging" not in each.url]
    hung = [each for each in deliveries.rows.values() if "hanging" in each.url]
    return {
        "seconds": seconds,
        "per_second": count / seconds,
        "delivered": sum(each.state is State.DELIVERED for each in good),
        "twice": sum(len(each.attempts) != 1 for each in good),
        "hung": sum(len(each.attempts) for each in hung),
    }


def _serve(deliverer: Deliverer, lanes: _LockedLanes, lane: Lane, done: threading.Event) -> None:
    while not done.is_set():
        due = lanes.take(lane)
        if due is None:
            time.sleep(0.01)
        else:
            deliverer.deliver(due, lane)


def _enqueue(
    rig: Rig, deliveries: MemoryDeliveries, lanes: MemoryLanes, host: str, answer_seconds: float
) -> None:
    now_ms = _now_ms()
    delivery = deliveries.create(
        Delivery(
            event_id=ids.new_request_id(),
            target=Receiver.CALLBACK,
            api="bench",
            subject=ids.new_request_id(),
            type="request.completed",
            url=f"http://{host}.example.com:{rig.container_port}/?answer_after={answer_seconds}",
            body='{"type": "request.completed"}',
            created_ms=now_ms,
            next_attempt_ms=now_ms,
            expires_at=expires_at(now_ms),
        )
    )
    lanes.send(Due(key=delivery.key, round=0, attempt=1), Lane.FIRST)


def _deliverer(deliveries: MemoryDeliveries, lanes: MemoryLanes, on_end: Any) -> Deliverer:
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
    stores = Stores(deliveries=deliveries, lanes=lanes, hosts=MemoryHosts(), endpoints=MemoryEndpoints())
    return Deliverer(stores, post, schedule=Schedule(), clock=_now_ms, random=random.random, on_end=on_end)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
