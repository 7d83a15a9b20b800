"""Lambda functions: each call is a process of its own that runs synchronous code of the product."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from tests.simulation.replay import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.ports import Clock
    from tests.simulation.ground import Ground

T = TypeVar("T")


class NoReply(Exception):
    """The function died."""


class Call:
    """What the code of one call sees of the world."""

    def __init__(self, world: Ground, actor: str) -> None:
        world.calls += 1
        self.script = Script()
        self.process = world.process(f"{actor}-{world.calls}", actor)
        self._clock = world.clock_of(self.process)

    @property
    def clock(self) -> Clock:
        """Its own clock, which stands still while the code is run again."""
        return lambda: self.script.read(self._clock)


async def invoke(world: Ground, actor: str, code: Callable[[Call], T]) -> T:
    """Run it in a new process; ``NoReply`` if that died, else what it returned or raised."""
    call = Call(world, actor)
    heard: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def died() -> None:
        if not heard.done():
            heard.set_exception(NoReply())

    async def serve() -> None:
        try:
            answer = await call.script.play(lambda: code(call), world.mint)
        except Exception as error:  # noqa: BLE001 - the caller hears it
            # If it still listens: who calls may have been ended itself.
            if not heard.done():
                heard.set_exception(error)
        else:
            if not heard.done():
                heard.set_result(answer)

    call.process.on_death.append(died)
    call.process.spawn(serve())
    return await heard
