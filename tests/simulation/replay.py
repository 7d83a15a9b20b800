"""Synchronous code in virtual time, without threads: it is run again and again.

The gateway's code is plain functions, yet between two of its calls others must be able to act. So
a call that has no answer yet ends the run; once it has its answer, the code is run from the start
again, and finds the same answers as before, until it gets one call further. Calls that the code
makes at the same time, on its executor, are under way at the same time here as well. The code sees
its clock and its random tokens through the script too, so that each run is like the one before.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.simulation.mint import Mint

T = TypeVar("T")


class Suspended(BaseException):
    """An answer is not there yet. No ``except Exception`` of the product may catch it."""


class Script:
    """What one run of synchronous code has been told so far."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[Any, Exception | None]] = {}
        self._pending: dict[int, Callable[[], Coroutine[Any, Any, Any]]] = {}
        self._next = 0

    def call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer of a call; ``Suspended`` if there is none yet."""
        index = self._take()
        if index not in self._told:
            self._pending[index] = make
            raise Suspended
        value, error = self._told[index]
        if error is not None:
            raise error
        return cast("T", value)

    def read(self, look: Callable[[], T]) -> T:
        """Something that would be different next time, such as the clock."""
        index = self._take()
        if index not in self._told:
            self._told[index] = look(), None
        return cast("T", self._told[index][0])

    async def play(self, code: Callable[[], T], mint: Mint) -> T:
        """Run the code to its end."""
        while True:
            self._next = 0
            mint.script = self
            try:
                return code()
            except Suspended:
                pass
            finally:
                mint.script = None
            pending, self._pending = self._pending, {}
            await asyncio.gather(*(self._hear(index, make) for index, make in pending.items()))

    async def _hear(self, index: int, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        try:
            self._told[index] = await make(), None
        except Exception as error:  # noqa: BLE001 - the code that made the call will catch it, or not
            self._told[index] = None, error

    def _take(self) -> int:
        index = self._next
        self._next += 1
        return index


class Inline(Executor):
    """Runs at once what it is given; a call without an answer yet is an unfinished result."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See ``Executor.submit``."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except (Suspended, Exception) as error:  # noqa: BLE001 - it is the future's, as in any executor
            # Even a suspended one counts as done, so that whoever waits for it goes on and meets it.
            future.set_exception(error)
        return future
