"""Calls that are made again for long, while their message stays hidden.

A store's outage must cost no attempt: a message that went back in it would have been received once more,
and that could not be noted either.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from dequeuer.pauses import commit_pauses
from dequeuer.racing import first_of
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Patience:
    """Ends when ``until`` comes: then each call has one try left."""

    def __init__(
        self,
        *,
        until: asyncio.Event,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._until = until
        self._sleep = sleep

    async def call(self, make: Callable[[], Coroutine[Any, Any, T]], *, action: str) -> T:
        """Make the call until it succeeds; ``DependencyError`` of its last try."""
        for pause_seconds in commit_pauses():
            last = self._until.is_set()
            try:
                return await make()
            except DependencyError as error:
                if last:
                    raise
                logger.warning("will be tried again", extra={"action": action, "error": str(error)})
            await first_of(self._sleep(pause_seconds), self._until.wait())
        return await make()
