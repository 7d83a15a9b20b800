"""Which tasks of a service to start and to stop next: what ECS's scheduler decides, alone.

A step is decided from what there is, without a memory: whatever has happened since the last one,
the next one is right again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALL = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How few and how many tasks there may be, in hundredths of the desired count."""

    minimum_healthy_percent: int = _ALL
    maximum_percent: int = 2 * _ALL

    def fewest(self, desired: int) -> int:
        """So many must be healthy for a healthy one to be stopped."""
        return -(-desired * self.minimum_healthy_percent // _ALL)

    def most(self, desired: int) -> int:
        """There may be so many."""
        return desired * self.maximum_percent // _ALL


@dataclass(frozen=True, slots=True)
class Replica:
    """A task that was started, and not told to stop."""

    id: str
    #: Of the revision and among the number that the service wants.
    wanted: bool
    healthy: bool
    #: Must not be stopped yet.
    protected: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, by the tasks' ids."""

    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()


def next_step(
    limits: Limits, *, desired: int, waiting: Sequence[str], replicas: Sequence[Replica], ending: int
) -> Step:
    """Decide what to start of the tasks that wait, and what to stop of those not wanted any more.

    Tasks that are ending count until they have ended: they still have what the next one needs.
    """
    room = limits.most(desired) - len(replicas) - ending
    spare = sum(replica.healthy for replica in replicas) - limits.fewest(desired)
    stoppable = [replica for replica in replicas if not replica.wanted and not replica.protected]
    # What is not healthy serves nobody: it goes first, and whatever else there is.
    sick = [replica.id for replica in stoppable if not replica.healthy]
    well = [replica.id for replica in stoppable if replica.healthy]
    return Step(start=tuple(waiting[: max(0, room)]), stop=(*sick, *well[: max(0, spare)]))
