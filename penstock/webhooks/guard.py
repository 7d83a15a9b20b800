"""The guard of every outgoing call: which URLs may be called, and at which addresses.

It is asked when a request is submitted and again at each call, since names move. The caller connects
to the addresses that it returns and never resolves the name again: an answer that changes between
check and connect changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock.webhooks import urls
from penstock.webhooks.addresses import is_loopback, is_public
from penstock.webhooks.errors import (
    CallbackAddressRefused,
    CallbackHostInvalid,
    CallbackHostRefused,
    CallbackPortRefused,
    CallbackSchemeRefused,
    CallbackUnresolvable,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from penstock.webhooks.urls import Destination

_LOCALHOST = "localhost"


class Resolve(Protocol):
    """All addresses of a name, of both families."""

    def __call__(self, host: str) -> Sequence[str]:
        """Look the name up, within a bounded time; ``NotResolved``."""


class NotResolved(Exception):
    """The name has no address, or none was told in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a deployment lets its callbacks call. Host patterns are names, or ``*.`` and a name."""

    #: Only these hosts; empty means all that are not denied.
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    #: Whether plain http is called too.
    http: bool = False
    ports: tuple[int, ...] = (443,)
    #: Whether this machine's own addresses may be called, on any port and over http: in the local
    #: stage, where receivers are programs of the same developer (N7).
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """A URL that may be called, and the only addresses to connect to for it."""

    destination: Destination
    addresses: tuple[str, ...]


class Guard:
    """Applies a policy."""

    def __init__(self, policy: Policy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve

    def admit(self, url: str) -> Admitted:
        """The addresses of a URL; a class of ``CallbackRefused`` for the rule that forbids it."""
        destination = urls.parse(url)
        self._check_host(destination)
        addresses = self._addresses(destination)
        local = self._policy.loopback and all(map(is_loopback, addresses))
        if not local:
            self._check_scheme_and_port(destination)
            private = [address for address in addresses if not is_public(address)]
            if private:
                raise CallbackAddressRefused(f"{destination.host} leads to an address that is not public.")
        return Admitted(destination, addresses)

    def _check_host(self, destination: Destination) -> None:
        host, policy = destination.host, self._policy
        if not destination.literal and "." not in host and not (policy.loopback and host == _LOCALHOST):
            raise CallbackHostInvalid(f"{host} is no full name: it means something in one network only.")
        if _matches(host, policy.deny):
            raise CallbackHostRefused(f"{host} is in this deployment's callbacks.deny.")
        if policy.allow and not _matches(host, policy.allow):
            raise CallbackHostRefused(f"{host} is not in this deployment's callbacks.allow.")

    def _check_scheme_and_port(self, destination: Destination) -> None:
        if destination.scheme != "https" and not self._policy.http:
            raise CallbackSchemeRefused("Only https:// is called: the deployment does not allow http://.")
        if destination.port not in self._policy.ports:
            ports = ", ".join(map(str, self._policy.ports))
            raise CallbackPortRefused(f"Port {destination.port} is not called; allowed: {ports}.")

    def _addresses(self, destination: Destination) -> tuple[str, ...]:
        if destination.literal:
            return (destination.host,)
        if not self._policy.loopback:
            # Before the look-up: names that are refused anyway need not be asked for.
            self._check_scheme_and_port(destination)
        try:
            addresses = tuple(dict.fromkeys(self._resolve(destination.host)))
        except NotResolved as error:
            raise CallbackUnresolvable(f"{destination.host}: {error}.") from error
        if not addresses:
            raise CallbackUnresolvable(f"{destination.host} has no address.")
        return addresses


def _matches(host: str, patterns: Collection[str]) -> bool:
    return any(
        host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern for pattern in patterns
    )
