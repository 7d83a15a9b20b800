"""Services and tasks in memory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.workers import ServiceView, TaskView


class MemoryRoll:
    """The ``Roll`` port; both tables are open to tests."""

    def __init__(self) -> None:
        self.of_services: dict[str, ServiceView] = {}
        self.of_tasks: dict[str, list[TaskView]] = defaultdict(list)

    def services(self, apis: Sequence[str]) -> Mapping[str, ServiceView]:
        """See ``Roll.services``."""
        return {api: self.of_services[api] for api in apis if api in self.of_services}

    def tasks(self, api: str) -> Sequence[TaskView]:
        """See ``Roll.tasks``."""
        return list(self.of_tasks[api])
