"""The APIs of a deployment, as far as its functions must know them.

A file in each function's bundle, written at deployment: all environment variables of a Lambda
together may hold only 4 KB.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import names
from penstock.errors import ApiRemoved, UnknownApi
from penstock.kinds import Kind
from penstock.webhooks.guard import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_ROUTES = {Kind.ASYNC: "async", Kind.BATCH: "batch"}

FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEntry:
    """One API: how it is called from outside, and the limits of its answers."""

    name: str
    kind: Kind = Kind.ASYNC
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
    #: Who is told of each end of a request, besides the request's own callback: a URL, or a path of
    #: ours such as ``/async/next``.
    webhook_url: str | None = None
    #: The statuses it is told of.
    webhook_events: tuple[str, ...] = ()
    #: JSON results up to this size are part of the event.
    webhook_inline_bytes: int = 0
    #: Endpoints of this deployment that callbacks of this API's requests may call.
    webhook_chain: tuple[str, ...] = ()
    #: ARNs of the user's queues that jobs may name for their failed batches.
    dead_letter_queues: tuple[str, ...] = ()
    #: What its tasks run on, if they have an ECS cluster of their own.
    own_cluster: str | None = None


def _nobody() -> Sequence[ApiEntry]:
    return ()


@dataclass(frozen=True)
class Catalogue:
    """All APIs: those of the configuration, and behind them those that have left it and still have work."""

    apis: tuple[ApiEntry, ...]
    #: What callbacks may call.
    callbacks: Policy = field(default_factory=Policy)
    #: APIs that have left the configuration while their stack is there. Asked only for what ``apis`` has
    #: not: the answer may take a call to AWS.
    departed: Callable[[], Sequence[ApiEntry]] = _nobody

    def find(self, endpoint: str, kind: Kind = Kind.ASYNC) -> ApiEntry:
        """The API of that kind behind a path segment; ``UnknownApi`` names the ones that exist."""
        entry = self.get(endpoint)
        if entry is not None and entry.kind is kind:
            return entry
        if entry is not None:
            right = f"/{_ROUTES[entry.kind]}/{entry.endpoint}"
            raise UnknownApi(f"{entry.endpoint!r} is a {entry.kind}, not a {kind}: it is called at {right}.")
        raise _unknown(str(kind), endpoint, self.of(kind))

    def accepting(self, endpoint: str, kind: Kind = Kind.ASYNC) -> ApiEntry:
        """As ``find``, for what is new: ``ApiRemoved`` if the API only finishes what it has."""
        entry = self.find(endpoint, kind)
        if self._by_endpoint.get(endpoint) is None:
            raise ApiRemoved(
                f"The API {endpoint!r} is not in the configuration any more. It finishes what it has and "
                "answers for it, but takes nothing new."
            )
        return entry

    def of_any_kind(self, endpoint: str) -> ApiEntry:
        """The API behind a path segment, whatever it does; ``UnknownApi`` names the ones that exist."""
        entry = self.get(endpoint)
        if entry is None:
            raise _unknown("API", endpoint, self.apis)
        return entry

    def of(self, kind: Kind) -> tuple[ApiEntry, ...]:
        """All APIs of that kind in the configuration."""
        return tuple(api for api in self.apis if api.kind is kind)

    def left(self, kind: Kind) -> tuple[ApiEntry, ...]:
        """All APIs of that kind that have left the configuration and may have something to finish."""
        return tuple(api for api in self._departed() if api.kind is kind)

    def named(self, name: str) -> ApiEntry | None:
        """The API of that name; None if it is deployed no more."""
        known = next((api for api in self.apis if api.name == name), None)
        return known or next((api for api in self._departed() if api.name == name), None)

    def clusters(self, deployment: str) -> dict[str, str]:
        """ECS clusters of the tasks of the APIs in the configuration, by the APIs' names."""
        return {api.name: names.cluster_of(deployment, api.name, own=api.own_cluster) for api in self.apis}

    def cluster(self, deployment: str, name: str) -> str:
        """ECS cluster of the tasks of one of the APIs, by its name; ``KeyError`` if there is no such API."""
        api = self.named(name)
        if api is None:
            raise KeyError(name)
        return names.cluster_of(deployment, api.name, own=api.own_cluster)

    def get(self, endpoint: str | None) -> ApiEntry | None:
        """The API behind a path segment; None if there is none."""
        if endpoint is None:
            return None
        known = self._by_endpoint.get(endpoint)
        return known or next((api for api in self._departed() if api.endpoint == endpoint), None)

    def to_json(self) -> str:
        """The text of the bundle's file."""
        content = {"apis": [members_of(api) for api in self.apis], "callbacks": asdict(self.callbacks)}
        return json.dumps(content, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Catalogue:
        """Read what ``to_json`` wrote."""
        content = json.loads(text)
        return cls(
            tuple(entry_of(entry) for entry in content["apis"]),
            Policy(**_with_tuples(content["callbacks"])),
        )

    def _departed(self) -> Iterator[ApiEntry]:
        """An API whose name or path has been given to another is found no more: the other is meant."""
        names = {api.name for api in self.apis}
        return (
            api for api in self.departed() if api.name not in names and api.endpoint not in self._by_endpoint
        )

    @cached_property
    def _by_endpoint(self) -> dict[str, ApiEntry]:
        return {api.endpoint: api for api in self.apis}


def _unknown(what: str, endpoint: str, apis: Iterable[ApiEntry]) -> UnknownApi:
    known = ", ".join(sorted(api.endpoint for api in apis)) or "none"
    return UnknownApi(f"There is no {what} {endpoint[:64]!r} here. Deployed: {known}.")


def members_of(entry: ApiEntry) -> dict[str, Any]:
    """An entry for JSON."""
    return asdict(entry)


def entry_of(members: dict[str, Any]) -> ApiEntry:
    """The entry of what ``members_of`` made, perhaps in another version: members may be missing or new."""
    known = {field.name for field in fields(ApiEntry)}
    found = {name: value for name, value in members.items() if name in known}
    return ApiEntry(**_with_tuples(found) | {"kind": Kind(members["kind"])})


def _with_tuples(members: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in members.items()}
