"""Going back to what an API ran before: which revision of its task definition that is.

AWS deregisters a revision once the next one is deployed, and no task starts from one that is. So going back
registers a copy, which says what it is a copy of: going back again leads to the one before that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of an API's task definition."""

    number: int
    #: Whether tasks can be started from it.
    active: bool
    #: What each container runs.
    images: Mapping[str, str]
    registered_at: datetime | None = None
    #: The revision that this one repeats.
    copy_of: int | None = None

    @property
    def origin(self) -> int:
        """The revision that a deploy made."""
        return self.copy_of or self.number


@dataclass(frozen=True, slots=True)
class Place:
    """Where an API's tasks come from."""

    family: str
    cluster: str
    #: None of an API for jobs: its state machine starts each worker from the family's latest revision.
    service: str | None


class Revisions(Protocol):
    """ECS. Every method may raise ``DependencyError``."""

    def current(self, place: Place) -> int | None:
        """The revision that new tasks get; None if nothing is deployed there."""

    def history(self, place: Place, *, below: int) -> Sequence[int]:
        """The numbers of all earlier revisions, the newest first."""

    def read(self, place: Place, number: int) -> Revision | None:
        """One revision, deregistered or not; None if there is none of that number."""

    def roll_out(self, place: Place, revision: Revision) -> int:
        """Make new tasks from it, and return the number that they get: its own, or that of a copy.

        Of a service, the tasks that run are replaced as in each deployment, and as many as before are wanted.
        """


class NoRevision(Exception):
    """There is nothing to go back to; the text names the cause."""


def to_roll_back_to(revisions: Revisions, place: Place, wanted: int | None) -> tuple[Revision, Revision]:
    """What runs now, and the wanted revision or else the one before; NoRevision if there is none."""
    number = revisions.current(place)
    current = None if number is None else revisions.read(place, number)
    if current is None:
        raise NoRevision("nothing is deployed there")
    if wanted is not None:
        found = revisions.read(place, wanted)
        if found is None:
            raise NoRevision(f"there is no revision {wanted}")
        if found.origin == current.origin:
            raise NoRevision(f"revision {wanted} is what runs now")
        return current, found
    for earlier in revisions.history(place, below=current.origin):
        found = revisions.read(place, earlier)
        if found is not None:
            return current, found
    raise NoRevision(f"revision {current.origin} is the first one")
