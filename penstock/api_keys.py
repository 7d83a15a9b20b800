"""API keys: what a caller without AWS credentials shows, and the little that is kept of it.

The secret is shown once, when it is made. Kept are its hash, in the table and as the value by which
API Gateway counts calls: neither can be turned back, and neither is taken where a key is asked for.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from penstock.catalogue import Catalogue

#: So that people, and programs that look for leaked secrets, know one when they see it.
SECRET_PREFIX = "penstock_"  # noqa: S105 - the part that is no secret

_SECRET_BYTES = 32
_SECRET = re.compile(SECRET_PREFIX + "[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key, without its secret."""

    #: API Gateway's id of it; also what requests name their caller by.
    id: str
    #: What people call it. Need not be unique: a key and the one that replaces it may share it.
    name: str
    #: Names of the APIs that it may call.
    apis: tuple[str, ...]
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What API Gateway keeps of a key, to count its calls."""

    id: str
    name: str
    digest: str


class ApiKeys(Protocol):
    """The keys that let somebody in, by the hash of their secret.

    Every method may raise ``DependencyError``.
    """

    def find(self, digest: str) -> ApiKey | None:
        """The key; a revoked one is not found from the moment on that ``delete`` returned."""

    def put(self, digest: str, key: ApiKey) -> None:
        """Let it in."""

    def delete(self, digest: str) -> None:
        """Let it in no longer; nothing happens if it is not there."""


class Meters(Protocol):
    """API Gateway's own entries of keys, which its usage plan counts by.

    Every method may raise ``DependencyError``.
    """

    def add(self, name: str, *, digest: str) -> str:
        """Make an entry in the usage plan, and return its id; ``NoUsagePlan`` if there is none."""

    def list(self) -> Sequence[Meter]:
        """All entries of this deployment, also those that never came into the plan."""

    def remove(self, meter_id: str) -> None:
        """Remove it; nothing happens if it is not there."""


class NoUsagePlan(Exception):
    """The deployment takes no API keys: set ``auth: {mode: api_key}`` and deploy."""


def new_secret() -> str:
    """A fresh secret of 256 random bits: ``penstock_`` and 43 characters."""
    return SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def is_secret(text: str) -> bool:
    """Whether the text has the shape of a secret; others are unknown without a look-up."""
    return _SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> str:
    """What is kept of a secret: SHA-256 in hexadecimal.

    No salt and no slow hash: those make guessing dear where people choose the words. Nobody guesses
    256 random bits, and this is computed at every call.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def may_call(apis: Collection[str], endpoint: str | None, catalogue: Catalogue) -> bool:
    """Whether a key for these APIs may call an endpoint; one that does not exist is nobody's."""
    entry = catalogue.get(endpoint)
    return entry is not None and entry.name in apis
