"""One attempt of one delivery (N5, N6, N7)."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.ids import new_token
from penstock.tracing.ports import OFF, Kind
from penstock.webhooks.deliveries import State, claim, conclude, stop
from penstock.webhooks.errors import CallbackRefused
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due
from penstock.webhooks.schedule import Again, Answer, Verdict, is_the_hosts_fault
from webhook_lambda.post import Undeliverable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.ports import Clock
    from penstock.tracing.ports import Tracer
    from penstock.webhooks.deliveries import Delivery
    from penstock.webhooks.hosts import Health
    from penstock.webhooks.ports import Deliveries, Endpoints, Hosts, Lanes
    from penstock.webhooks.schedule import NoAnswer, Schedule
    from webhook_lambda.post import Outgoing, Post

logger = logging.getLogger(__name__)

#: A call that has not ended by then is lost with its function; longer than any call takes.
LEASE_SECONDS = 40

#: Wait for a place among the calls to a host. A place is held for one call, so the first few waits
#: are short; a host with a backlog makes the later ones double.
_CROWDED_SECONDS = 1
_SHORT_WAITS = 4
_MOST_DOUBLINGS = 9

_STATES = {
    Verdict.DELIVERED: State.DELIVERED,
    Verdict.EXHAUSTED: State.FAILED,
    Verdict.DISABLED: State.DISABLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where deliveries, their messages and what is known of receivers are kept."""

    deliveries: Deliveries
    lanes: Lanes
    hosts: Hosts
    endpoints: Endpoints


class Deliverer:
    """Makes attempts when they are due."""

    def __init__(
        self,
        stores: Stores,
        post: Post,
        *,
        schedule: Schedule,
        clock: Clock,
        random: Callable[[], float],
        on_end: Callable[[Delivery], None],
        tracer: Tracer = OFF,
    ) -> None:
        self._deliveries = stores.deliveries
        self._lanes = stores.lanes
        self._hosts = stores.hosts
        self._endpoints = stores.endpoints
        self._post = post
        self._schedule = schedule
        self._clock = clock
        self._random = random
        self._on_end = on_end
        self._tracer = tracer

    def deliver(self, due: Due, lane: Lane) -> None:
        """Make the attempt, or see to it that it is made at its time and in its lane."""
        delivery = self._deliveries.get(due.key)
        if delivery is None or delivery.state is not State.PENDING or delivery.round != due.round:
            return
        if delivery.attempt >= due.attempt:
            # Made already; the message of the next one may have been lost with the function.
            if delivery.attempt == due.attempt:
                self._send_next(delivery)
            return
        wait_ms = max(delivery.next_attempt_ms, delivery.lease_until_ms) - self._clock()
        if wait_ms > 0:
            self._lanes.send(due, Lane.LATER, delay_seconds=wait_ms / 1000)
        elif self._endpoints.disabled(delivery.api, delivery.url):
            self._stop(delivery, State.DISABLED, "endpoint_disabled")
        else:
            self._find_a_place(delivery, due, lane)

    def _find_a_place(self, delivery: Delivery, due: Due, lane: Lane) -> None:
        try:
            outgoing = self._post.prepare(delivery)
        except CallbackRefused as error:
            # No other answer would come later: the URL itself is at fault.
            self._stop(delivery, State.FAILED, error.code)
            return
        except Undeliverable as error:
            self._stop(delivery, State.FAILED, str(error))
            return
        health = self._hosts.health(outgoing.host)
        if lane is Lane.FIRST and health.troubled(self._clock()):
            self._lanes.send(due, Lane.LATER)
            return
        with self._place(outgoing.host, lane, health) as found:
            if found:
                self._attempt(delivery, due, outgoing, health)
            elif lane is Lane.FIRST:
                self._lanes.send(due, Lane.LATER)
            else:
                doublings = min(max(0, due.crowded - _SHORT_WAITS), _MOST_DOUBLINGS)
                seconds = _CROWDED_SECONDS * 2**doublings * (1 + self._random())
                self._lanes.send(due.again(), Lane.LATER, delay_seconds=seconds)

    @contextmanager
    def _place(self, host: str, lane: Lane, health: Health) -> Iterator[bool]:
        room, token, now_ms = self._hosts.room(host, lane), new_token(), self._clock()
        places = range(health.calls(lane, now_ms))
        # From a random one on, so that calls do not all ask for the first.
        first = int(self._random() * len(places)) % len(places)
        until_ms = now_ms + LEASE_SECONDS * 1000
        for number in (*places[first:], *places[:first]):
            if room.take(number, token=token, now_ms=now_ms, until_ms=until_ms):
                try:
                    yield True
                finally:
                    room.free(number, token=token)
                return
        yield False

    def _attempt(self, delivery: Delivery, due: Due, outgoing: Outgoing, health: Health) -> None:
        now_ms = self._clock()
        claimed = self._deliveries.apply(
            due.key,
            claim(
                round_=due.round,
                attempt=due.attempt,
                lease=new_token(),
                now_ms=now_ms,
                lease_until_ms=now_ms + LEASE_SECONDS * 1000,
            ),
        )
        if claimed is None:
            # Somebody else was faster. If that one dies, this message finds the attempt not made.
            self._lanes.send(due, Lane.LATER, delay_seconds=LEASE_SECONDS)
            return
        began_ms = self._clock()
        try:
            answer = self._send(outgoing, claimed, due)
        except Undeliverable as error:
            self._stop(claimed, State.FAILED, str(error))
            return
        self._count(outgoing.host, answer, health)
        self._conclude(claimed, due, answer, began_ms=began_ms)
        logger.info(
            "attempt made",
            extra={
                "action": "deliver",
                "delivery": str(delivery.key),
                "attempt": due.attempt,
                "host": outgoing.host,
                "answer": str(answer),
            },
        )

    def _send(self, outgoing: Outgoing, claimed: Delivery, due: Due) -> Answer | NoAnswer:
        with self._tracer.span(
            "deliver",
            Kind.CLIENT,
            parent=claimed.trace,
            about={
                "api": claimed.api,
                "id": claimed.subject,
                "host": outgoing.host,
                "attempt": due.attempt,
            },
        ) as span:
            answer = self._post.send(outgoing, replace(claimed, trace=span.context))
            if not (isinstance(answer, Answer) and answer.accepted):
                span.fail(str(answer))
        return answer

    def _conclude(self, claimed: Delivery, due: Due, answer: Answer | NoAnswer, *, began_ms: int) -> None:
        verdict = self._schedule.after(answer, attempt=due.attempt, jitter=self._random())
        if verdict is Verdict.DISABLED:
            # First, so that no other delivery to it slips through if this is where the function ends.
            self._endpoints.disable(claimed.api, claimed.url, now_ms=self._clock())
        now_ms = self._clock()
        wait_seconds = verdict.wait_seconds if isinstance(verdict, Again) else 0
        concluded = self._deliveries.apply(
            due.key,
            conclude(
                claimed,
                answer,
                state=State.PENDING if isinstance(verdict, Again) else _STATES[verdict],
                began_ms=began_ms,
                now_ms=now_ms,
                next_attempt_ms=now_ms + round(wait_seconds * 1000),
            ),
        )
        if concluded is None:
            return
        if concluded.state is State.PENDING:
            self._send_next(concluded)
        else:
            self._on_end(concluded)

    def _send_next(self, delivery: Delivery) -> None:
        following = Due(key=delivery.key, round=delivery.round, attempt=delivery.attempt + 1)
        wait_ms = delivery.next_attempt_ms - self._clock()
        self._lanes.send(following, Lane.LATER, delay_seconds=max(0, wait_ms) / 1000)

    def _count(self, host: str, answer: Answer | NoAnswer, health: Health) -> None:
        now_ms = self._clock()
        if is_the_hosts_fault(answer):
            self._hosts.failed(host, now_ms=now_ms)
        elif health.worth_noting(now_ms):
            self._hosts.answered(host, now_ms=now_ms)

    def _stop(self, delivery: Delivery, state: State, reason: str) -> None:
        stopped = self._deliveries.apply(
            delivery.key, stop(delivery, state=state, reason=reason, now_ms=self._clock())
        )
        if stopped is not None:
            self._on_end(stopped)
