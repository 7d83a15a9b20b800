"""One task of a job: its init processes, then a pair, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.opening import Opening, stopped_reason
from localstack.task_pair import PairState

if TYPE_CHECKING:
    from collections.abc import Callable

    from localstack.agent_parts import Starter
    from localstack.cluster import Task
    from localstack.task_pair import Death, TaskPair


class JobRun:
    """Ends with whichever of its processes ends first; nothing of it is started again."""

    def __init__(self, task: Task, starter: Starter, *, note: Callable[[str], None]) -> None:
        self._task = task
        self._note = note
        self._opening = Opening(task, starter, note=note)
        #: Why its pair ended by itself, in the words of ECS; None if it runs or was stopped.
        self._reason: str | None = None
        #: Whether ECS knows of its end.
        self.told = False

    @property
    def pair(self) -> TaskPair | None:
        """Its pair, if that has begun."""
        return self._opening.pair

    @property
    def reason(self) -> str | None:
        """Why it ended by itself, in the words of ECS; None if it runs or was stopped."""
        return self._opening.reason or self._reason

    @property
    def ended(self) -> bool:
        """Whether none of its processes is left."""
        return not self._opening.at_work and (self.pair is None or self.pair.state is PairState.ENDED)

    def stop(self) -> None:
        """Begin to end it."""
        self._opening.stop()
        if self.pair is not None:
            self.pair.stop()

    def kill(self) -> None:
        """End it at once."""
        self.stop()
        if self.pair is not None:
            self.pair.kill()

    def advance(self) -> None:
        """Go on as far as possible without waiting."""
        self._opening.advance()
        if self.pair is None:
            return
        death = self.pair.death() if self.pair.state is PairState.RUNNING else None
        if death is not None:
            self._end(death)
            self.pair.stop()
        self.pair.advance()

    def _end(self, death: Death) -> None:
        self._reason = stopped_reason(death)
        # A worker leaves when its job needs it no more.
        if death.code:
            self._note(f"{self._task.api} {self._task.short_id}: {death}")
