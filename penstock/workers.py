"""What a worker is doing, or why it stopped, from what ECS says of its task.

ECS's words are those of its documentation: ``lastStatus``, ``stopCode``, and what ``stoppedReason`` and a
container's ``reason`` begin with. What none of them explains is a failure, with ECS's own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A task that has not started by then does not merely take long: Cortex's limit.
STALLED_AFTER_MS = 15 * 60_000

#: How much of ECS's words is told.
_LONGEST_REASON = 500

_KILLED = 137
_MEMORY = ("outofmemory", "oom-kill", "oomkill")
_IMAGE = ("cannotpull",)
_START = (
    "resourceinitializationerror",
    "cannotstartcontainer",
    "cannotcreatecontainer",
    "cannotcreatevolume",
    "cannotinspectcontainer",
    "containerruntimeerror",
    "containerruntimetimeouterror",
    "taskfailedtostart",
    "task failed to start",
    "timeout waiting for network interface provisioning",
)
_HEALTH = ("failed container health checks", "failed elb health checks")
_SPOT = ("spot task was interrupted", "spotinterruption")
_HOST = ("host ec2",)
_STARTING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
_ENDING = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING"})


class WorkerState(StrEnum):
    """Where a worker is in its life, or how that ended."""

    #: Capacity is sought, or images are pulled.
    PENDING = "pending"
    #: As before, for longer than 15 minutes.
    STALLED = "stalled"
    #: All its containers run. Whether the server answers is the dequeuer's to find out.
    READY = "ready"
    #: It runs, and its health check fails.
    UNHEALTHY = "unhealthy"
    #: It was told to stop, and finishes or gives back what it works on.
    STOPPING = "stopping"
    #: An image could not be pulled.
    IMAGE_PULL_ERROR = "image_pull_error"
    #: Something else that it needs could not be had: a secret, a volume, the network, its command.
    START_ERROR = "start_error"
    #: A container took more memory than there is.
    OUT_OF_MEMORY = "out_of_memory"
    #: A container ended by itself, or the health check failed.
    FAILED = "failed"
    #: The machine was taken back: Spot, or its host ended.
    INTERRUPTED = "interrupted"
    #: It was stopped on purpose, or left when its job needed it no more.
    STOPPED = "stopped"

    @property
    def error(self) -> bool:
        """Whether something is wrong that another worker will meet too."""
        return self in _ERRORS


_ERRORS = frozenset(
    {
        WorkerState.IMAGE_PULL_ERROR,
        WorkerState.START_ERROR,
        WorkerState.OUT_OF_MEMORY,
        WorkerState.FAILED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerView:
    """A container of a task, as ECS describes it."""

    name: str
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task, as ECS describes it."""

    id: str
    #: Whether a service keeps it running; if not, it is a worker of a job.
    of_service: bool
    last_status: str
    desired_status: str = ""
    health: str = ""
    stop_code: str = ""
    stopped_reason: str = ""
    created_ms: int | None = None
    started_ms: int | None = None
    stopped_ms: int | None = None
    containers: tuple[ContainerView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """A service, as ECS describes it."""

    desired: int
    running: int
    pending: int
    #: Whether a deployment is on its way.
    updating: bool = False
    #: Tasks that failed to start in the latest deployment.
    failed_tasks: int = 0
    #: What the service said last, newest first.
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker as people see it."""

    id: str
    state: WorkerState
    #: Since when; None if ECS does not say.
    since_ms: int | None
    #: Why it stopped, in ECS's words; empty while it runs.
    reason: str = ""


class Roll(Protocol):
    """Services and tasks. Both methods may raise ``DependencyError``."""

    def services(self, apis: Sequence[str]) -> Mapping[str, ServiceView]:
        """The service of each API, by its name; an API without one is left out."""

    def tasks(self, api: str) -> Sequence[TaskView]:
        """The API's tasks: those that run, and those that stopped within about an hour."""


def worker_of(task: TaskView, *, now_ms: int) -> Worker:
    """What the task is doing, or why it stopped."""
    state = _state(task, now_ms)
    ended = task.last_status == "STOPPED"
    since_ms = task.stopped_ms if ended else task.started_ms or task.created_ms
    return Worker(id=task.id, state=state, since_ms=since_ms, reason=_reason(task) if ended else "")


def _state(task: TaskView, now_ms: int) -> WorkerState:
    if task.last_status == "STOPPED":
        return _why_stopped(task)
    if task.last_status in _ENDING or task.desired_status == "STOPPED":
        return WorkerState.STOPPING
    if task.last_status in _STARTING:
        late = task.created_ms is not None and now_ms - task.created_ms > STALLED_AFTER_MS
        return WorkerState.STALLED if late else WorkerState.PENDING
    return WorkerState.UNHEALTHY if task.health == "UNHEALTHY" else WorkerState.READY


def _why_stopped(task: TaskView) -> WorkerState:
    words = " ".join((task.stopped_reason, *(one.reason for one in task.containers))).lower()
    for state, signs in (
        (WorkerState.OUT_OF_MEMORY, _MEMORY),
        (WorkerState.IMAGE_PULL_ERROR, _IMAGE),
        (WorkerState.START_ERROR, _START),
        (WorkerState.FAILED, _HEALTH),
        (WorkerState.INTERRUPTED, (*_SPOT, *_HOST)),
    ):
        if any(sign in words for sign in signs):
            return state
    match task.stop_code:
        case "SpotInterruption" | "TerminationNotice" | "InfrastructureHealth":
            return WorkerState.INTERRUPTED
        case "TaskFailedToStart":
            return WorkerState.START_ERROR
    if task.stop_code == "EssentialContainerExited" or "essential container" in words:
        return _why_exited(task)
    return WorkerState.STOPPED


def _why_exited(task: TaskView) -> WorkerState:
    codes = [one.exit_code for one in task.containers if one.exit_code]
    if _KILLED in codes:
        # Nobody stopped the task, so it was the kernel.
        return WorkerState.OUT_OF_MEMORY
    # The emulator tells no exit codes, but the agent adds what it saw to ECS's words.
    explained = "exited:" in task.stopped_reason
    # A worker leaves when its job needs it no more; a service's has no reason to.
    if codes or explained or task.of_service:
        return WorkerState.FAILED
    return WorkerState.STOPPED


def _reason(task: TaskView) -> str:
    told = (task.stopped_reason, *(f"{one.name}: {one.reason}" for one in task.containers if one.reason))
    exits = (f"{one.name} exited with code {one.exit_code}" for one in task.containers if one.exit_code)
    return "; ".join(dict.fromkeys(word for word in (*told, *exits) if word))[:_LONGEST_REASON]
