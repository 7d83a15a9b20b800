"""Sizes of tasks: what containers ask for in ECS's units, and the tasks that Fargate has for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: A share that counts when the task's CPU is scarce, not a cap: what others leave idle is the
#: dequeuer's too. More would lift small tasks to the next size for bytes it only passes on.
DEQUEUER_CPU_UNITS = 128

_GIB = 1024
_DEQUEUER_BASE_MIB = 128
#: One request moves its result in parts of 8 MiB: one being sent, the next being filled.
_DEQUEUER_MIB_PER_REQUEST = 16
_DEQUEUER_LEAST_MIB = 256

# Amazon ECS developer guide, "Task CPU and memory": CPU units, then the memory they come with.
_MEMORY_MIB_BY_CPU_UNITS = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}


class TooLarge(ValueError):
    """No Fargate task holds this much; the text says what was asked for."""


@dataclass(frozen=True, slots=True)
class Size:
    """CPU and memory of a task or of a container."""

    cpu_units: int
    memory_mib: int


def cpu_units(millicores: int) -> int:
    """Kubernetes' thousandths of a CPU in ECS's 1024ths, rounded up."""
    return math.ceil(millicores * 1024 / 1000)


def dequeuer(max_concurrency: int) -> Size:
    """What the dequeuer asks for, with so many requests at a time."""
    needed = _DEQUEUER_BASE_MIB + _DEQUEUER_MIB_PER_REQUEST * max_concurrency
    return Size(DEQUEUER_CPU_UNITS, max(_DEQUEUER_LEAST_MIB, needed))


def fargate(needed: Size) -> Size:
    """The smallest Fargate task with at least this much of both; ``TooLarge`` if there is none."""
    for cpu, memory_choices in _MEMORY_MIB_BY_CPU_UNITS.items():
        memory = next((choice for choice in memory_choices if choice >= needed.memory_mib), None)
        if cpu >= needed.cpu_units and memory is not None:
            return Size(cpu, memory)
    raise TooLarge(
        f"ask for {needed.cpu_units / 1024:g} vCPU and {needed.memory_mib} MiB together with the dequeuer; "
        f"Fargate's largest task has 16 vCPU and {120 * _GIB} MiB"
    )
