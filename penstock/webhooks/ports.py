"""What notices need of the outside. Every method may raise ``DependencyError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.overview import Slots
    from penstock.webhooks.deliveries import Delivery, DeliveryKey, Move
    from penstock.webhooks.events import Event
    from penstock.webhooks.hosts import Health, Lane
    from penstock.webhooks.messages import Due


class Deliveries(Protocol):
    """Deliveries and their state."""

    def create(self, delivery: Delivery) -> Delivery:
        """Write a new one, and return what is stored: this one, or the one that was there before."""

    def get(self, key: DeliveryKey) -> Delivery | None:
        """Read one, strongly consistent."""

    def apply(self, key: DeliveryKey, move: Move) -> Delivery | None:
        """Carry out one conditional write; None if its checks do not hold."""

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """Positions of an API's deliveries of one day, as ``Directory.newest`` has those of requests."""

    def read(self, keys: Sequence[DeliveryKey]) -> Mapping[DeliveryKey, Delivery]:
        """Those of up to 100 keys that exist."""


class Lanes(Protocol):
    """The queues of attempts."""

    def send(self, due: Due, lane: Lane, *, delay_seconds: float = 0) -> None:
        """Let the attempt be made after the delay, at most ``LONGEST_DELAY_SECONDS``."""


class Hosts(Protocol):
    """What is known of receiving hosts."""

    def health(self, host: str) -> Health:
        """What is known of a host."""

    def failed(self, host: str, *, now_ms: int) -> None:
        """Count a failure."""

    def answered(self, host: str, *, now_ms: int) -> None:
        """Note an answer, and forget the failures."""

    def room(self, host: str, lane: Lane) -> Slots:
        """The places for one lane's calls to one host."""


class Endpoints(Protocol):
    """Receivers that want no more events of an API (410)."""

    def disabled(self, api: str, url: str) -> bool:
        """Whether this one does."""

    def disable(self, api: str, url: str, *, now_ms: int) -> None:
        """Take its word."""

    def enable(self, api: str, url: str) -> None:
        """Send events again."""


class SigningSecrets(Protocol):
    """The secrets that webhooks are signed with."""

    def of(self, api: str, *, now_ms: int) -> Sequence[str]:
        """The API's secret, and the one before it while both are valid; empty if it has none."""


class SecretExists(Exception):
    """The API has a secret already; rotate it instead."""


class NoSecret(Exception):
    """The API has no secret yet; create one."""


class SecretStore(Protocol):
    """What an operator does with the secrets."""

    def create(self, api: str) -> str:
        """Make the API's first secret; ``SecretExists``."""

    def rotate(self, api: str) -> str:
        """Replace the secret; the one before stays valid for a day. ``NoSecret``."""

    def valid(self, api: str, *, now_ms: int) -> Sequence[str]:
        """What is valid now; the present one first, empty if there is none."""


class Topic(Protocol):
    """Where all events are published."""

    def publish(self, event: Event) -> None:
        """Publish, with what subscribers filter by as attributes."""
