"""What the stack of each API says of it, so that an API is served as long as it is there.

The functions that all APIs share know the APIs of the configuration from their bundles. An API that is
taken out of the configuration keeps its stack, and with it the queue and the workers; what its stack left
in a parameter is then all that the functions know it from.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from penstock import versions
from penstock.catalogue import ApiEntry, entry_of, members_of
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.ports import Clock

logger = logging.getLogger(__name__)

#: How old what is known may be; and how long after a failure it is read again.
MAX_AGE_MS = 60_000
PAUSE_MS = 10_000

#: Of new requests and jobs alone, which an API that has left the configuration does not take: the lists
#: may be long, and a parameter holds 4 KB at no cost.
_OF_SUBMISSIONS = frozenset({"forward_headers", "input_buckets", "dead_letter_queues"})


@dataclass(frozen=True, slots=True)
class DeployedApi:
    """One API as its stack was last deployed."""

    entry: ApiEntry
    #: How its service is scaled, in the form of ``scaling_lambda.settings``; None without a service.
    scaling: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """The text of the parameter."""
        members = members_of(self.entry)
        entry = {name: value for name, value in members.items() if name not in _OF_SUBMISSIONS}
        content = {"v": versions.VERSION, "entry": entry, "scaling": self.scaling}
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> DeployedApi:
        """Read what ``to_json`` wrote, or that of a version before; ``UnknownVersion`` of a later one.

        What a stack of the same version says and this program does not know is passed over.
        """
        content = json.loads(text)
        versions.check(content.get("v"), of="the parameter of an API")
        return cls(entry_of(content["entry"]), content["scaling"])


class DeployedApis(Protocol):
    """What the stacks say."""

    def read(self) -> Sequence[DeployedApi]:
        """All APIs that have a stack; may raise ``DependencyError``."""


class Remembered:
    """The same, read again when it is a minute old. While it cannot be read, what was read last holds."""

    def __init__(self, source: DeployedApis, *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._known: Sequence[DeployedApi] | None = None
        self._next_ms = 0

    def read(self) -> Sequence[DeployedApi]:
        """See ``DeployedApis.read``; ``DependencyError`` only if it has never been read."""
        now_ms = self._clock()
        if self._known is not None and now_ms < self._next_ms:
            return self._known
        try:
            self._known = self._source.read()
            self._next_ms = now_ms + MAX_AGE_MS
        except DependencyError as error:
            if self._known is None:
                raise
            self._next_ms = now_ms + PAUSE_MS
            logger.warning("not read", extra={"action": "read_deployed", "error": str(error)})
        return self._known

    def entries(self) -> Sequence[ApiEntry]:
        """The APIs alone; as ``read``."""
        return [api.entry for api in self.read()]
