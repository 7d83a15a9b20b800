"""The job store with an eye on how its calls end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dequeuer.breaker import Store
from penstock.batch.commits import PartKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from dequeuer.outages import Outages
    from penstock.batch.commits import Commit, Part
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import JobApplied, JobRefused, WorkerJobs
    from penstock.batch.tallies import WorkerTally
    from penstock.transitions import Transition


class WatchedJobs:
    """``WorkerJobs`` whose faults are noted.

    A call for one batch may fail by that batch; one for the whole job tells that the table is down.
    """

    def __init__(self, jobs: WorkerJobs, outages: Outages) -> None:
        self._jobs = jobs
        self._outages = outages

    async def get(self, key: JobKey) -> JobRecord | None:
        """See ``WorkerJobs.get``."""
        with self._outages.watching(Store.TABLE):
            return await self._jobs.get(key)

    async def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        """See ``WorkerJobs.apply``."""
        with self._outages.watching(Store.TABLE):
            return await self._jobs.apply(key, transition)

    async def tallies(self, key: JobKey) -> Sequence[WorkerTally]:
        """See ``WorkerJobs.tallies``."""
        with self._outages.watching(Store.TABLE):
            return await self._jobs.tallies(key)

    async def commit(self, commit: Commit) -> frozenset[str]:
        """See ``WorkerJobs.commit``."""
        with self._outages.watching(Store.TABLE):
            return await self._jobs.commit(commit)

    async def ended(self, key: JobKey, batch: str) -> bool:
        """See ``WorkerJobs.ended``."""
        with self._outages.watching(Store.TABLE, subject=batch):
            return await self._jobs.ended(key, batch)

    async def arrive(self, key: JobKey, worker: str, *, now_ms: int, expires_at: int) -> None:
        """See ``WorkerJobs.arrive``."""
        with self._outages.watching(Store.TABLE):
            await self._jobs.arrive(key, worker, now_ms=now_ms, expires_at=expires_at)

    async def alive(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """See ``WorkerJobs.alive``."""
        with self._outages.watching(Store.TABLE):
            await self._jobs.alive(key, worker, now_ms=now_ms)

    async def leave(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """See ``WorkerJobs.leave``."""
        with self._outages.watching(Store.TABLE):
            await self._jobs.leave(key, worker, now_ms=now_ms)

    async def releases(self, key: JobKey, batch: str) -> int:
        """See ``WorkerJobs.releases``."""
        with self._outages.watching(Store.TABLE, subject=batch):
            return await self._jobs.releases(key, batch)

    async def give_back(self, key: JobKey, batch: str, *, expires_at: int) -> int:
        """See ``WorkerJobs.give_back``."""
        with self._outages.watching(Store.TABLE, subject=batch):
            return await self._jobs.give_back(key, batch, expires_at=expires_at)

    async def parts(self, key: JobKey) -> AsyncIterator[Sequence[Part]]:
        """See ``WorkerJobs.parts``."""
        pages = self._jobs.parts(key)
        while True:
            with self._outages.watching(Store.TABLE):
                page = await anext(pages, None)
            if page is None:
                return
            yield page


def subject_of(key: str) -> str | None:
    """What an object's key stands for: a batch, or nobody in particular if it is a part."""
    folder = key.rpartition("/")[0]
    return None if folder.endswith(tuple(f"/{kind}" for kind in PartKind)) else key
