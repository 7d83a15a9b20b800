"""One task of a job: an init process, then a pair, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.task_pair import Death, PairState

if TYPE_CHECKING:
    from collections.abc import Callable

    from localstack.agent_parts import Starter
    from localstack.cluster import Task
    from localstack.task_pair import PairProcess, TaskPair

ESSENTIAL_EXITED = "Essential container in task exited"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"

#: What a shell makes of a child that was killed. Here nothing but the kernel kills a server's children,
#: and the kernel does so when there is no memory left.
_KILLED = 128 + 9


class JobRun:
    """Ends with whichever of its processes ends first; nothing of it is started again."""

    def __init__(self, task: Task, starter: Starter, *, note: Callable[[str], None]) -> None:
        self._task = task
        self._starter = starter
        self._note = note
        self._init: PairProcess | None = None
        self._stopping = False
        self.pair: TaskPair | None = None
        #: Why it ended by itself, in the words of ECS; None if it runs or was stopped.
        self.reason: str | None = None
        #: Whether ECS knows of its end.
        self.told = False
        try:
            self._init = starter.prepare(task)
        except OSError as error:
            self._cannot_start(error)

    @property
    def ended(self) -> bool:
        """Whether none of its processes is left."""
        return self._init is None and (self.pair is None or self.pair.state is PairState.ENDED)

    def stop(self) -> None:
        """Begin to end it."""
        self._stopping = True
        if self._init is not None:
            self._init.process.kill()
        if self.pair is not None:
            self.pair.stop()

    def kill(self) -> None:
        """End it at once."""
        self.stop()
        if self.pair is not None:
            self.pair.kill()

    def advance(self) -> None:
        """Go on as far as possible without waiting."""
        if self._init is not None:
            self._follow_init(self._init)
        if self.pair is None:
            return
        death = self.pair.death() if self.pair.state is PairState.RUNNING else None
        if death is not None:
            self._end(death)
            self.pair.stop()
        self.pair.advance()

    def _follow_init(self, init: PairProcess) -> None:
        code = init.process.exit_code()
        if code is None:
            return
        self._init = None
        if self._stopping:
            return
        if code:
            self._end(Death(init.role, code), f", see {init.log}")
            return
        try:
            self.pair = self._starter(self._task)
        except OSError as error:
            self._cannot_start(error)

    def _end(self, death: Death, more: str = "") -> None:
        self.reason = stopped_reason(death)
        # A worker leaves when its job needs it no more.
        if death.code:
            self._note(f"{self._task.api} {self._task.short_id}: {death}{more}")

    def _cannot_start(self, error: OSError) -> None:
        self.reason = f"CannotStartContainerError: {error}"
        self._note(f"{self._task.api} {self._task.short_id}: cannot be started: {error}")


def stopped_reason(death: Death) -> str:
    """Say how a task ended as ECS does, the exit code with it: the emulator reports none but 0."""
    if death.code == 0:
        return ESSENTIAL_EXITED
    if death.code == _KILLED:
        return f"{ESSENTIAL_EXITED}: {death}: {OUT_OF_MEMORY}"
    return f"{ESSENTIAL_EXITED}: {death}"
