"""Worker lanes: each keeps one worker running until the job needs none (J9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Death(StrEnum):
    """Why a worker's task ended, other than by leaving."""

    #: A container was killed for its memory.
    OUT_OF_MEMORY = "out_of_memory"
    #: The machine was taken back; nobody's fault, and not counted.
    INTERRUPTED = "interrupted"
    #: There was no room for the task, for now.
    NO_CAPACITY = "no_capacity"
    #: Anything else: the image cannot be pulled, a container ended by itself, ECS refused the task.
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What a lane has seen."""

    index: int
    #: Deaths in a row that count, without a batch that the job has ended in between.
    deaths: int = 0
    last_death: Death | None = None
    #: In ECS's words.
    reason: str | None = None
    #: Batches that the job had ended when the last death was noted.
    finished: int = 0
    #: Whether it starts no further worker.
    over: bool = False
