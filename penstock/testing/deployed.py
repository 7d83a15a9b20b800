"""A fake of ``DeployedApis``: texts in a dictionary, as the parameters hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.deployed import DeployedApi
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence


class MemoryDeployedApis:
    """What stacks have said."""

    def __init__(self) -> None:
        #: By the name of the API.
        self.texts: dict[str, str] = {}
        #: Whether it answers.
        self.reachable = True
        #: How often it was asked.
        self.reads = 0

    def add(self, api: DeployedApi) -> None:
        """Its stack is deployed."""
        self.texts[api.entry.name] = api.to_json()

    def read(self) -> Sequence[DeployedApi]:
        """See ``DeployedApis.read``."""
        self.reads += 1
        if not self.reachable:
            raise DependencyError("read the parameters of the APIs: throttled")
        return [DeployedApi.from_json(text) for text in self.texts.values()]
