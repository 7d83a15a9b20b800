"""An asyncio loop in virtual time, and the processes whose tasks it runs.

Nothing waits: when no callback is ready, the clock jumps to the next timer. There are no sockets
and no threads, so what happens is a function of the timers alone. Timers of the same moment are
put in an order that the seed decides.

A process that dies is simply not run any more: its callbacks are set aside, so none of its code
goes on, no ``except`` and no ``finally``. They are run after the verdict only, for the interpreter
to see their coroutines end. A frozen process is the same thing for a while.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from typing import TYPE_CHECKING, Any, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from random import Random

Ts = TypeVarTuple("Ts")

PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)

#: Far below anything that a delay of ours could mean.
_TIE_SECONDS = 1e-6


class Process:
    """An operating-system process of the simulated world, with a clock of its own."""

    def __init__(self, name: str, *, actor: str, skew_ms: int) -> None:
        self.name = name
        #: What kind of process it is: the coverage table has a row per kind.
        self.actor = actor
        self.skew_ms = skew_ms
        self.alive = True
        #: False while it is frozen, and once it is dead: the loop then runs none of its callbacks.
        self.running = True
        #: Requests that it has had to do with.
        self.subjects: set[str] = set()
        #: Called once, when it dies.
        self.on_death: list[Callable[[], object]] = []
        #: What it would have run since it stopped running, and the tasks that it died with.
        self.parked: list[asyncio.Handle] = []
        self.unfinished: set[asyncio.Task[Any]] = set()
        self._context = contextvars.copy_context()
        self._context.run(PROCESS.set, self)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run it as a task of this process; tasks that it makes are the process's as well."""
        return asyncio.get_running_loop().create_task(coroutine, context=self._context)


class Deadlock(RuntimeError):
    """Nothing is ready, and no timer is left."""


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module. One loop is one simulated world; it is never used again."""

    # The base class keeps these; its type stubs do not tell.
    _ready: Any
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self, ties: Random) -> None:
        super().__init__()
        self._now = 0.0
        self._tie = ties.random

    def time(self) -> float:
        """Virtual seconds since the world began."""
        return self._now

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Any = None
    ) -> asyncio.TimerHandle:
        """As in asyncio, except for the order of timers that are due together."""
        return super().call_at(when + self._tie() * _TIE_SECONDS, callback, *args, context=context)

    def resume(self, process: Process) -> None:
        """Run a process again, with all that has become due meanwhile."""
        process.running = True
        self._ready.extend(process.parked)
        process.parked.clear()

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled
        if not ready:
            while timers and timers[0].cancelled():
                heapq.heappop(timers)
            if not timers:
                raise Deadlock
            self._now = max(self._now, timers[0].when())
        while timers and timers[0].when() <= self._now:
            ready.append(heapq.heappop(timers))
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            process = handle._context.get(PROCESS)
            if process is None or process.running:
                handle._run()
            else:
                process.parked.append(handle)

    def _process_events(self, event_list: Any) -> None:
        raise NotImplementedError

    def _write_to_self(self) -> None:
        """Nobody is outside of this loop who would have to wake it."""
