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
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from tests.simulation.mint import Mint

T = TypeVar("T")

#: Where a step of the code stands: its number, after those of the branches that it is in.
_Place = tuple[int, ...]


class Suspended(BaseException):
    """An answer is not there yet. No ``except Exception`` of the product may catch it."""


class Script:
    """What one run of synchronous code has been told so far."""

    def __init__(self) -> None:
        self._told: dict[_Place, tuple[Any, Exception | None]] = {}
        self._pending: dict[_Place, Callable[[], Coroutine[Any, Any, Any]]] = {}
        #: Which branch is running, and how many steps it has made.
        self._branch: _Place = ()
        self._steps = 0

    def call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer of a call; ``Suspended`` if there is none yet."""
        place = self._step()
        if place not in self._told:
            self._pending[place] = make
            raise Suspended
        value, error = self._told[place]
        if error is not None:
            raise error
        return cast("T", value)

    def read(self, look: Callable[[], T]) -> T:
        """Something that would be different next time, such as the clock."""
        place = self._step()
        if place not in self._told:
            self._told[place] = look(), None
        return cast("T", self._told[place][0])

    @contextmanager
    def branch(self) -> Iterator[None]:
        """What is done meanwhile goes on at its own pace: others' steps are not counted with its own."""
        outer = self._step(), self._branch, self._steps
        self._branch, self._steps = outer[0], 0
        try:
            yield
        finally:
            _, self._branch, self._steps = outer

    async def play(self, code: Callable[[], T], mint: Mint) -> T:
        """Run the code to its end."""
        while True:
            self._branch, self._steps = (), 0
            mint.script = self
            try:
                return code()
            except Suspended:
                pass
            finally:
                mint.script = None
            pending, self._pending = self._pending, {}
            await asyncio.gather(*(self._hear(place, make) for place, make in pending.items()))

    async def _hear(self, place: _Place, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        try:
            self._told[place] = await make(), None
        except Exception as error:  # noqa: BLE001 - the code that made the call will catch it, or not
            self._told[place] = None, error

    def _step(self) -> _Place:
        self._steps += 1
        return (*self._branch, self._steps)


class Inline(Executor):
    """Runs at once what it is given; a call without an answer yet is an unfinished result."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See ``Executor.submit``."""
        future: Future[T] = Future()
        try:
            with self._script.branch():
                future.set_result(fn(*args, **kwargs))
        except (Suspended, Exception) as error:  # noqa: BLE001 - it is the future's, as in any executor
            # Even a suspended one counts as done, so that whoever waits for it goes on and meets it.
            future.set_exception(error)
        return future
