"""The two processes of one task, and the order in which they end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localstack.cluster import Task
    from localstack.processes import Process


class PairState(Enum):
    """Where a pair is in its life."""

    #: Both processes are meant to run.
    RUNNING = "running"
    #: The dequeuer gives back or finishes its work; it still needs the server.
    STOPPING_DEQUEUER = "stopping dequeuer"
    #: The dequeuer is gone, nothing calls the server any more.
    STOPPING_SERVER = "stopping server"
    #: Both are gone, with all their children.
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair as others see it: the pids are what tests send signals to."""

    api: str
    task_arn: str
    state: PairState
    server_pid: int
    dequeuer_pid: int
    #: Where the server listens.
    port: int
    server_log: Path
    dequeuer_log: Path


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended by itself."""

    role: str
    code: int

    def __str__(self) -> str:
        how = "was killed by signal" if self.code < 0 else "exited with code"
        return f"{self.role} {how} {abs(self.code)}"


@dataclass(frozen=True, slots=True)
class PairProcess:
    """One of the two processes, and how long it may take to end."""

    role: str
    process: Process
    log: Path
    stop_seconds: float


class TaskPair:
    """A task's server and dequeuer."""

    def __init__(
        self,
        task: Task,
        *,
        server: PairProcess,
        dequeuer: PairProcess,
        port: int,
        clock: Callable[[], float],
        answers: Callable[[], bool],
        on_end: Callable[[], None],
    ) -> None:
        """``answers``: whether the dequeuer tells its health. ``on_end`` is called when both have ended."""
        self.task = task
        self.port = port
        self.started = clock()
        self.state = PairState.RUNNING
        self._server = server
        self._dequeuer = dequeuer
        self._clock = clock
        self._answers = answers
        self._has_answered = False
        self._on_end = on_end
        self._kill_at = 0.0

    def death(self) -> Death | None:
        """Return which process ended by itself, and how, or None while both run."""
        for member in (self._server, self._dequeuer):
            code = member.process.exit_code()
            if code is not None:
                return Death(member.role, code)
        return None

    def is_healthy(self, *, after_seconds: float) -> bool:
        """Whether it has run for so long, and its dequeuer has come so far that it tells its health."""
        if self._clock() - self.started < after_seconds:
            return False
        self._has_answered = self._has_answered or self._answers()
        return self._has_answered

    def stop(self) -> None:
        """Begin to end the pair, as ECS does with a container and the one it depends on."""
        if self.state is PairState.RUNNING:
            self._end_next(PairState.STOPPING_DEQUEUER, self._dequeuer)

    def advance(self) -> None:
        """Go on with the end of the pair as far as possible without waiting."""
        if self.state is PairState.STOPPING_DEQUEUER and self._has_ended(self._dequeuer):
            self._end_next(PairState.STOPPING_SERVER, self._server)
        if self.state is PairState.STOPPING_SERVER and self._has_ended(self._server):
            self.state = PairState.ENDED
            self._on_end()

    def kill(self) -> None:
        """End both at once, for when nobody wants to wait any longer."""
        for member in (self._dequeuer, self._server):
            member.process.kill()

    def view(self) -> PairView:
        """Return the pair as it is now."""
        return PairView(
            api=self.task.api,
            task_arn=self.task.arn,
            state=self.state,
            server_pid=self._server.process.pid,
            dequeuer_pid=self._dequeuer.process.pid,
            port=self.port,
            server_log=self._server.log,
            dequeuer_log=self._dequeuer.log,
        )

    def _end_next(self, state: PairState, member: PairProcess) -> None:
        self.state = state
        self._kill_at = self._clock() + member.stop_seconds
        member.process.terminate()

    def _has_ended(self, member: PairProcess) -> bool:
        if member.process.exit_code() is not None:
            return True
        if self._clock() >= self._kill_at:
            member.process.kill()
        return False
