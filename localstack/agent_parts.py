"""What the local ECS agent works with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from localstack.backoff import Backoff
from localstack.logs import discard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localstack.cluster import Cluster, Task
    from localstack.logs import LogSink
    from localstack.task_pair import PairProcess, TaskPair


class Starter(Protocol):
    """Starts the processes of one API's tasks; raises OSError if that is impossible."""

    def __call__(self, task: Task) -> TaskPair:
        """Start server and dequeuer."""
        ...

    def prepare(self, task: Task, container: str) -> PairProcess:
        """Start an init container, which must end well before the pair is started."""
        ...

    def clear(self, task: Task) -> None:
        """Remove what the processes of a task had in common; none of them is left."""
        ...


@dataclass(frozen=True, slots=True)
class AgentParts:
    """What an agent works with; tests put fakes here."""

    cluster: Cluster
    #: For each API that has a local server.
    starters: Mapping[str, Starter]
    #: How a service whose tasks keep dying starts out.
    backoff: Backoff = field(default_factory=Backoff)
    show_log: LogSink = discard
    #: Takes one line for a person about something the agent did.
    note: Callable[[str], None] = field(default=lambda _line: None)
    #: Whether the task with this id must not be stopped by a deployment or by scaling.
    is_protected: Callable[[str], bool] = field(default=lambda _task_id: False)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
