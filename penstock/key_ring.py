"""Making, listing and revoking API keys; each can be broken off anywhere and done again.

A key is two entries: API Gateway's, which counts its calls and gives it its id, and the table's, which
alone lets somebody in. Only the first can be listed, so the second must never be there without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.api_keys import ApiKey, digest_of, new_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.api_keys import ApiKeys, Meters
    from penstock.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One key in a list."""

    id: str
    name: str
    #: None if making or revoking it was broken off: then it lets nobody in, and can be revoked.
    key: ApiKey | None


class UnknownKey(Exception):
    """This deployment has no key of that id."""


class KeyRing:
    """The API keys of one deployment. Every method may raise ``DependencyError``."""

    def __init__(self, *, keys: ApiKeys, meters: Meters, clock: Clock) -> None:
        self._keys = keys
        self._meters = meters
        self._clock = clock

    def create(self, name: str, *, apis: Sequence[str]) -> tuple[ApiKey, str]:
        """A new key for these APIs, and its secret, which nobody can be told again.

        ``NoUsagePlan`` if the deployment takes no keys. What lets in comes last: broken off before,
        there is an entry that is listed, lets nobody in, and can be revoked.
        """
        secret = new_secret()
        key_id = self._meters.add(name, digest=digest_of(secret))
        key = ApiKey(id=key_id, name=name, apis=tuple(sorted(set(apis))), created_ms=self._clock())
        self._keys.put(digest_of(secret), key)
        return key, secret

    def list(self) -> list[Listed]:
        """All keys, those that were broken off as well, by name."""
        meters = sorted(self._meters.list(), key=lambda meter: (meter.name, meter.id))
        return [Listed(id=meter.id, name=meter.name, key=self._keys.find(meter.digest)) for meter in meters]

    def revoke(self, key_id: str) -> None:
        """Let the key in no longer; ``UnknownKey`` if there is none of that id.

        What lets in goes first, and API Gateway's entry last: without it nobody could find the other.
        """
        meter = next((meter for meter in self._meters.list() if meter.id == key_id), None)
        if meter is None:
            raise UnknownKey(key_id)
        self._keys.delete(meter.digest)
        self._meters.remove(meter.id)
