"""How busy an API is: figures that may fail one by one, and never the answer they belong to."""

from __future__ import annotations

import logging
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor, Future

    from penstock.overview import Directory, Queues, Workers
    from penstock.ports import Clock

    Figures = Mapping[str, Any]

logger = logging.getLogger(__name__)

#: Figures that take longer are left out: the list is what was asked for.
MAX_SECONDS = 3.0

#: What is told of a figure's source that failed. The log says more; callers need no names of AWS's.
_REASONS = {
    "messages": "The queue did not tell how full it is.",
    "oldest_open": "The index of open requests could not be read.",
    "workers": "The workers could not be counted.",
}


class FigureSources:
    """Asks all sources at once."""

    def __init__(
        self, *, directory: Directory, queues: Queues, workers: Workers, executor: Executor, clock: Clock
    ) -> None:
        self._directory = directory
        self._queues = queues
        self._workers = workers
        self._executor = executor
        self._clock = clock

    def ask(self, api: str) -> Callable[[], Figures]:
        """Begin to ask; what is returned gives the answers, after a bounded wait."""
        sources = {"messages": self._messages, "oldest_open": self._oldest_open, "workers": self._count}
        asked = {name: self._executor.submit(source, api) for name, source in sources.items()}
        return lambda: _gathered(asked)

    def _messages(self, api: str) -> Figures:
        depth = self._queues.depth(api)
        return {"visible": depth.visible, "in_flight": depth.in_flight}

    def _oldest_open(self, api: str) -> Figures:
        created_ms = self._directory.oldest_open_ms(api)
        if created_ms is None:
            return {}
        return {"oldest_open_seconds": max(0, self._clock() - created_ms) / 1000}

    def _count(self, api: str) -> Figures:
        crew = self._workers.count(api)
        return {"workers_desired": crew.desired, "workers_running": crew.running}


def _gathered(asked: Mapping[str, Future[Figures]]) -> Figures:
    wait(asked.values(), timeout=MAX_SECONDS)
    figures: dict[str, Any] = {}
    unavailable = {}
    for name, answer in asked.items():
        try:
            figures |= answer.result(timeout=0)
        except (DependencyError, TimeoutError):
            logger.warning("figure missing", exc_info=True, extra={"action": "figure", "source": name})
            unavailable[name] = _REASONS[name]
    return figures | ({"unavailable": unavailable} if unavailable else {})
