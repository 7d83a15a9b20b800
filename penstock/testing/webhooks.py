"""Deliveries, lanes, hosts, endpoints, secrets and topic in memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock import keys
from penstock.testing.overview import MemorySlots
from penstock.webhooks import signature
from penstock.webhooks.hosts import Health, Lane
from penstock.webhooks.messages import LONGEST_DELAY_SECONDS, Due
from penstock.webhooks.ports import NoSecret, SecretExists

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.ports import Clock
    from penstock.webhooks.deliveries import Delivery, DeliveryKey, Move
    from penstock.webhooks.events import Event


class MemoryDeliveries:
    """The ``Deliveries`` port; ``rows`` is open to tests that look or plant."""

    def __init__(self) -> None:
        self.rows: dict[DeliveryKey, Delivery] = {}

    def create(self, delivery: Delivery) -> Delivery:
        """See ``Deliveries.create``."""
        return self.rows.setdefault(delivery.key, delivery)

    def get(self, key: DeliveryKey) -> Delivery | None:
        """See ``Deliveries.get``."""
        return self.rows.get(key)

    def apply(self, key: DeliveryKey, move: Move) -> Delivery | None:
        """See ``Deliveries.apply``."""
        found = self.rows.get(key)
        if found is None:
            return None
        if move.permits(found):
            self.rows[key] = move.apply(found)
            return self.rows[key]
        return found if move.was_made(found) else None

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """See ``Deliveries.newest``."""
        positions = (
            keys.position(row.created_ms, str(row.key))
            for row in self.rows.values()
            if row.api == api and keys.day_of(row.created_ms) == day
        )
        return sorted((found for found in positions if found < below), reverse=True)[:limit]

    def read(self, keys: Sequence[DeliveryKey]) -> Mapping[DeliveryKey, Delivery]:
        """See ``Deliveries.read``."""
        return {key: self.rows[key] for key in keys if key in self.rows}


@dataclass(slots=True)
class _Waiting:
    text: str
    visible_ms: int


class MemoryLanes:
    """The ``Lanes`` port: what was sent can be taken once its delay is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[Lane, list[_Waiting]] = defaultdict(list)

    def send(self, due: Due, lane: Lane, *, delay_seconds: float = 0) -> None:
        """See ``Lanes.send``."""
        delay_ms = min(max(0.0, delay_seconds), LONGEST_DELAY_SECONDS) * 1000
        self._waiting[lane].append(_Waiting(due.encode(), self._clock() + round(delay_ms)))

    def take(self, lane: Lane) -> Due | None:
        """The first message that is visible, taken out of the lane; None if there is none."""
        for message in self._waiting[lane]:
            if message.visible_ms <= self._clock():
                self._waiting[lane].remove(message)
                return Due.decode(message.text)
        return None

    def put_back(self, due: Due, lane: Lane) -> None:
        """Let a message that was taken be taken once more, as queues may that deliver at least once."""
        self._waiting[lane].insert(0, _Waiting(due.encode(), self._clock()))

    def next_ms(self, *lanes: Lane) -> int | None:
        """When the next message of these lanes, or of any, is visible; None if there is none."""
        return min(
            (message.visible_ms for lane in lanes or Lane for message in self._waiting[lane]), default=None
        )

    def waiting(self, lane: Lane) -> list[Due]:
        """All messages of a lane, visible or not."""
        return [Due.decode(message.text) for message in self._waiting[lane]]


@dataclass
class MemoryHosts:
    """The ``Hosts`` port; ``healths`` is open to tests that look or plant."""

    healths: dict[str, Health] = field(default_factory=dict)
    rooms: dict[tuple[str, Lane], MemorySlots] = field(default_factory=lambda: defaultdict(MemorySlots))

    def health(self, host: str) -> Health:
        """See ``Hosts.health``."""
        return self.healths.get(host, Health())

    def failed(self, host: str, *, now_ms: int) -> None:
        """See ``Hosts.failed``."""
        known = self.health(host)
        self.healths[host] = replace(known, failures=known.failures + 1, failed_ms=now_ms)

    def answered(self, host: str, *, now_ms: int) -> None:
        """See ``Hosts.answered``."""
        self.healths[host] = Health(answered_ms=now_ms)

    def room(self, host: str, lane: Lane) -> MemorySlots:
        """See ``Hosts.room``."""
        return self.rooms[host, lane]


class MemoryEndpoints:
    """The ``Endpoints`` port."""

    def __init__(self) -> None:
        self._refused: set[tuple[str, str]] = set()

    def disabled(self, api: str, url: str) -> bool:
        """See ``Endpoints.disabled``."""
        return (api, url) in self._refused

    def disable(self, api: str, url: str, *, now_ms: int) -> None:  # noqa: ARG002 - the port's signature
        """See ``Endpoints.disable``."""
        self._refused.add((api, url))

    def enable(self, api: str, url: str) -> None:
        """See ``Endpoints.enable``."""
        self._refused.discard((api, url))


#: In a rotation, when the secret before ends; far off, so that tests see both.
_OVERLAP_ENDS_MS = 10**13


@dataclass
class MemorySecrets:
    """The ``SigningSecrets`` and ``SecretStore`` ports: those of each API, the present one first."""

    known: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, api: str, *, now_ms: int) -> Sequence[str]:  # noqa: ARG002 - the port's signature
        """See ``SigningSecrets.of``."""
        return self.known.get(api, ())

    def create(self, api: str) -> str:
        """See ``SecretStore.create``."""
        if api in self.known:
            raise SecretExists(api)
        self.known[api] = (signature.new_secret(),)
        return self.known[api][0]

    def rotate(self, api: str) -> str:
        """See ``SecretStore.rotate``."""
        if api not in self.known:
            raise NoSecret(api)
        self.known[api] = (signature.new_secret(), self.known[api][0])
        return self.known[api][0]

    def valid(self, api: str, *, now_ms: int) -> Sequence[str]:
        """See ``SecretStore.valid``."""
        known = self.known.get(api, ())
        return known[:1] if now_ms > _OVERLAP_ENDS_MS else known


class MemoryTopic:
    """The ``Topic`` port: what was published, in order."""

    def __init__(self) -> None:
        self.published: list[Event] = []

    def publish(self, event: Event) -> None:
        """See ``Topic.publish``."""
        self.published.append(event)
