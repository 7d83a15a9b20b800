"""What a task's init containers do before its pair is started: one process after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.task_pair import Death

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


class Opening:
    """Ends with a pair, or with the reason why there is none."""

    def __init__(self, task: Task, starter: Starter, *, note: Callable[[str], None]) -> None:
        self.task = task
        self._starter = starter
        self._note = note
        self._left = list(task.definition.inits)
        self._now: PairProcess | None = None
        #: Whether it was told to end.
        self.stopped = False
        self.pair: TaskPair | None = None
        #: Why there will be no pair, in the words of ECS.
        self.reason: str | None = None
        self.advance()

    @property
    def at_work(self) -> bool:
        """Whether one of its processes runs."""
        return self._now is not None

    def stop(self) -> None:
        """End what runs, and begin nothing more."""
        self.stopped = True
        if self._now is not None:
            self._now.process.kill()

    def advance(self) -> None:
        """Go on as far as possible without waiting."""
        if self._now is not None:
            code = self._now.process.exit_code()
            if code is None:
                return
            ended, self._now = self._now, None
            if self.stopped:
                self._starter.clear(self.task)
            elif code:
                self._fail(
                    stopped_reason(Death(ended.role, code)), f"{Death(ended.role, code)}, see {ended.log}"
                )
        if self.stopped or self.pair is not None or self.reason is not None:
            return
        try:
            if self._left:
                self._now = self._starter.prepare(self.task, self._left.pop(0))
            else:
                self.pair = self._starter(self.task)
        except OSError as error:
            self._fail(f"CannotStartContainerError: {error}", f"cannot be started: {error}")

    def _fail(self, reason: str, why: str) -> None:
        self.reason = reason
        self._starter.clear(self.task)
        self._note(f"{self.task.api} {self.task.short_id}: {why}")


def stopped_reason(death: Death) -> str:
    """Say how a task ended as ECS does, the exit code with it: the emulator reports none but 0."""
    if death.code == 0:
        return ESSENTIAL_EXITED
    if death.code == _KILLED:
        return f"{ESSENTIAL_EXITED}: {death}: {OUT_OF_MEMORY}"
    return f"{ESSENTIAL_EXITED}: {death}"
