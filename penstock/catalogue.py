"""The APIs of a deployment, as far as its functions must know them.

A file in each function's bundle, written at deployment: all environment variables of a Lambda
together may hold only 4 KB.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from penstock.errors import UnknownApi

FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEntry:
    """One API: how it is called from outside, and the limits of its answers."""

    name: str
    #: The segment of the path that stands for it.
    endpoint: str
    #: Longest run of one attempt.
    timeout_seconds: int
    #: Attempts before a request fails for good (R6).
    max_attempts: int
    #: How long a finished request is kept.
    retention_seconds: int
    #: JSON results up to this size are part of the status.
    inline_result_bytes: int
    #: Request headers stored and passed on besides the standard ones, lower case.
    forward_headers: tuple[str, ...] = ()
    #: Buckets of the user's that payloads may come from.
    input_buckets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """All APIs."""

    apis: tuple[ApiEntry, ...]

    def find(self, endpoint: str) -> ApiEntry:
        """The API behind a path segment; ``UnknownApi`` names the ones that exist."""
        entry = self.get(endpoint)
        if entry is None:
            known = ", ".join(sorted(self._by_endpoint))
            raise UnknownApi(f"There is no API {endpoint[:64]!r} here. Deployed: {known}.")
        return entry

    def get(self, endpoint: str | None) -> ApiEntry | None:
        """The API behind a path segment; None if there is none."""
        return self._by_endpoint.get(endpoint) if endpoint is not None else None

    def to_json(self) -> str:
        """The text of the bundle's file."""
        return json.dumps({"apis": [asdict(api) for api in self.apis]}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Catalogue:
        """Read what ``to_json`` wrote."""
        entries = json.loads(text)["apis"]
        lists = ("forward_headers", "input_buckets")
        return cls(
            tuple(ApiEntry(**entry | {name: tuple(entry[name]) for name in lists}) for entry in entries)
        )

    @cached_property
    def _by_endpoint(self) -> dict[str, ApiEntry]:
        return {api.endpoint: api for api in self.apis}
