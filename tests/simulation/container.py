"""The user's container: it answers well, badly, late, half or not at all."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from dequeuer.container import NoAnswer, Response
from penstock.outcomes import Trouble
from tests.simulation.faults import Fault
from tests.simulation.rules import answer_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dequeuer.settings import Settings
    from penstock.ports import Stored
    from penstock.records import RequestRecord
    from tests.simulation.loop import Process
    from tests.simulation.world import World

#: What a container answers, and how often it does while things go wrong.
_ANSWERS = ((200, 60), (500, 8), (503, 4), (429, 6), (404, 4))
_HANGS, _BREAKS, _REFUSES = "hangs", "breaks off", "refuses"
_TROUBLES = ((_HANGS, 4), (_BREAKS, 5), (_REFUSES, 5))
_CHOICES = [choice for choice, _ in (*_ANSWERS, *_TROUBLES)]
_WEIGHTS = [weight for _, weight in (*_ANSWERS, *_TROUBLES)]

#: A payload that takes the whole task down, each time: memory runs out.
POISON = b"poison"


@dataclass(frozen=True, slots=True)
class _Mood:
    choice: int | str
    seconds: float
    retry_after_seconds: int


class Container:
    """One task's container. It dies with the task."""

    def __init__(self, world: World, process: Process, settings: Settings) -> None:
        self._world = world
        self._process = process
        self._rng = world.rng
        self._settings = settings

    @asynccontextmanager
    async def call(self, record: RequestRecord, payload: Stored) -> AsyncIterator[Response]:
        """See ``dequeuer.container.Container.call``."""
        network = self._world.network
        point = network.point("container.call")
        mood = self._mood()
        if mood.choice == _REFUSES:
            raise NoAnswer(Trouble.UNREACHABLE, "Nothing listens.")
        body = b"".join([chunk async for chunk in payload.chunks])
        begin = partial(self._world.keeping.container_called, record, body)
        await network.call(point, "container", record.id, begin, allowed=(Fault.CRASH,))
        if body.startswith(POISON):
            network.kill_soon(self._process)
        await self._work(mood, record)
        headers = {"content-type": "text/plain"}
        if mood.choice == HTTPStatus.TOO_MANY_REQUESTS:
            headers["retry-after"] = str(mood.retry_after_seconds)
        status = mood.choice if isinstance(mood.choice, int) else 200
        yield Response(status, headers, self._answer(record, mood))

    async def _work(self, mood: _Mood, record: RequestRecord) -> None:
        limit = record.timeout_seconds or self._settings.timeout_seconds
        if mood.choice == _HANGS or mood.seconds > limit:
            await asyncio.sleep(limit)
            raise NoAnswer(Trouble.TIMEOUT, f"The container did not finish within {limit:g} s.")
        await asyncio.sleep(mood.seconds)

    async def _answer(self, record: RequestRecord, mood: _Mood) -> AsyncIterator[bytes]:
        answer = answer_of(record)
        yield answer[:10]
        if mood.choice == _BREAKS:
            raise NoAnswer(Trouble.INCOMPLETE, "The container's response broke off.")
        yield answer[10:]
        if mood.choice == HTTPStatus.TOO_MANY_REQUESTS:
            asked = min(mood.retry_after_seconds, self._settings.retry_max_wait_seconds)
            self._world.rules.rests(record, seconds=asked)

    def _mood(self) -> _Mood:
        if self._world.faults.ended:
            return _Mood(200, self._rng.random(), 0)
        (choice,) = self._rng.choices(_CHOICES, _WEIGHTS)
        # Most work is short; some outlasts several heartbeats and leases.
        seconds = self._rng.choice((0.2, 2, 15, 50)) * self._rng.random()
        return _Mood(choice, seconds, self._rng.randrange(1, 200))
