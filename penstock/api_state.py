"""The state of an API, from its service and its workers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.amounts import amount
from penstock.workers import WorkerState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.workers import ServiceView, Worker

#: A worker that runs for less than this after another one failed proves nothing yet.
PROVEN_AFTER_MS = 60_000
#: What failed before that is no news.
NEWS_MS = 10 * 60_000

_NO_CAPACITY = ("unable to place a task", "capacity is unavailable", "insufficient capacity")
_IMPAIRED = ("unable to consistently start tasks",)


class ApiState(StrEnum):
    """How an API is. Where nothing works, the reason for it."""

    #: Nothing is to run: scaled to zero, or a BatchAPI without a job.
    IDLE = "idle"
    #: Workers are on their way.
    PENDING = "pending"
    #: Workers have been on their way for more than 15 minutes.
    STALLED = "stalled"
    #: There is at least one worker that works.
    READY = "ready"
    #: ECS finds no room for workers.
    NO_CAPACITY = "no_capacity"
    IMAGE_PULL_ERROR = "image_pull_error"
    START_ERROR = "start_error"
    OUT_OF_MEMORY = "out_of_memory"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStatus:
    """The state, and the newest of what went wrong, if anything did."""

    state: ApiState
    problem: str = ""


def status_of(service: ServiceView | None, workers: Sequence[Worker], *, now_ms: int) -> ApiStatus:
    """Decide from the service, if the API has one, and from its workers of the last hour."""
    problem = _newest_problem(workers, now_ms)
    told = _told(service)
    text = problem.reason if problem else told[1] if told else ""
    if any(_proven(worker, problem, now_ms) for worker in workers):
        return ApiStatus(state=ApiState.READY, problem=text if _short(service) else "")
    if service is not None and service.desired == 0:
        return ApiStatus(state=ApiState.IDLE)
    if problem is not None:
        return ApiStatus(state=ApiState(problem.state), problem=text)
    states = {worker.state for worker in workers}
    if told is not None:
        return ApiStatus(state=told[0], problem=text)
    if WorkerState.STALLED in states:
        return ApiStatus(state=ApiState.STALLED)
    wanted = service is not None or WorkerState.PENDING in states
    return ApiStatus(state=ApiState.PENDING if wanted else ApiState.IDLE)


def outline(service: ServiceView | None) -> ApiStatus:
    """The same from the service alone, which is all that is asked for many APIs at once."""
    if service is None or (service.desired == 0 and service.running == 0):
        return ApiStatus(state=ApiState.IDLE)
    told = _told(service)
    text = told[1] if told else ""
    if service.running > 0:
        return ApiStatus(state=ApiState.READY, problem=text if _short(service) else "")
    if told is not None:
        return ApiStatus(state=told[0], problem=text)
    if service.failed_tasks:
        failed = amount(service.failed_tasks, "task")
        return ApiStatus(state=ApiState.FAILED, problem=f"{failed} failed to start")
    return ApiStatus(state=ApiState.PENDING)


def _newest_problem(workers: Sequence[Worker], now_ms: int) -> Worker | None:
    return max(_problems(workers, now_ms), key=lambda worker: worker.since_ms or 0, default=None)


def _problems(workers: Sequence[Worker], now_ms: int) -> Iterator[Worker]:
    for worker in workers:
        if worker.state.error and worker.since_ms is not None and now_ms - worker.since_ms <= NEWS_MS:
            yield worker


def _proven(worker: Worker, problem: Worker | None, now_ms: int) -> bool:
    if worker.state is not WorkerState.READY:
        return False
    return problem is None or worker.since_ms is None or now_ms - worker.since_ms >= PROVEN_AFTER_MS


def _short(service: ServiceView | None) -> bool:
    return service is None or service.running < service.desired


def _told(service: ServiceView | None) -> tuple[ApiState, str] | None:
    """What the service's latest message says, if it is a complaint."""
    message = service.messages[0] if service is not None and service.messages else ""
    if any(sign in message.lower() for sign in _NO_CAPACITY):
        return ApiState.NO_CAPACITY, message
    if any(sign in message.lower() for sign in _IMPAIRED):
        return ApiState.FAILED, message
    return None
