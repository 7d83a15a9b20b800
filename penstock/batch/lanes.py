"""Worker lanes: each keeps one worker running until the job needs none (J9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.batch.jobs import JobStatus
from penstock.records import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable


class Death(StrEnum):
    """Why a worker's task ended, other than by leaving."""

    #: A container was killed for its memory.
    OUT_OF_MEMORY = "out_of_memory"
    #: The machine was taken back; nobody's fault, and not counted.
    INTERRUPTED = "interrupted"
    #: There was no room for the task, for now; not counted either: a job may wait for a machine all night.
    NO_CAPACITY = "no_capacity"
    #: Anything else: the image cannot be pulled, a container ended by itself, ECS refused the task.
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What a lane has seen."""

    index: int
    #: Deaths in a row that count, without a batch that the job has ended in between.
    deaths: int = 0
    #: Deaths in a row of whatever kind, for the wait before the next worker.
    in_a_row: int = 0
    last_death: Death | None = None
    #: In ECS's words.
    reason: str | None = None
    #: Batches that the job had ended when the last death was noted.
    finished: int = 0
    #: Whether it starts no further worker.
    over: bool = False


#: Deaths in a row that end a lane: the next worker would most likely die as well.
MOST_DEATHS = 5

#: What says something about the job itself, not about what else AWS has to do.
_COUNTED = frozenset({Death.OUT_OF_MEMORY, Death.ERROR})

_FIRST_WAIT_SECONDS = 5
_LONGEST_WAIT_SECONDS = 300


def after_death(lane: Lane, death: Death, *, reason: str, finished: int) -> Lane:
    """The lane with one more death; ``finished`` is how many batches the job has ended by now."""
    # As long as batches end, workers die of something that others get along with.
    before = lane if finished <= lane.finished else Lane(index=lane.index)
    deaths = before.deaths + (death in _COUNTED)
    return Lane(
        index=lane.index,
        deaths=deaths,
        in_a_row=before.in_a_row + 1,
        last_death=death,
        reason=reason,
        finished=finished,
        over=deaths >= MOST_DEATHS,
    )


def wait_seconds(lane: Lane) -> int:
    """How long the lane waits before its next worker: twice as long from death to death."""
    if lane.in_a_row == 0:
        return 0
    # The shift is bounded as well: a lane without capacity may go on for days.
    return min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS << min(lane.in_a_row - 1, 10))


def without_workers(lanes: Iterable[Lane], *, workers: int) -> tuple[JobStatus, Failure] | None:
    """How a job ends all of whose lanes are over; None while one of them may still start a worker."""
    over = [lane for lane in lanes if lane.over]
    if len(over) < workers:
        return None
    starved = next((lane for lane in over if lane.last_death is Death.OUT_OF_MEMORY), None)
    lane = starved or over[0]
    ending = JobStatus.WORKER_OOM if starved else JobStatus.WORKER_ERROR
    message = f"No worker gets through: each of {workers} died {MOST_DEATHS} times in a row."
    return ending, Failure(code=ending.value, message=f"{message} The last time: {lane.reason}")
