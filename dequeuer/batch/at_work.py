"""The parts of a job's worker, put together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dequeuer.batch.attempt import Attempts
from dequeuer.batch.closing import Closing
from dequeuer.batch.committer import Committer
from dequeuer.batch.handler import JobMessages, JobSource
from dequeuer.batch.hook import LastMessage
from dequeuer.batch.turns import Turns
from dequeuer.batch.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from dequeuer.batch.run import Ends, Job, Ports
    from dequeuer.worker import Worker


class AtWork:
    """What a ``Worker`` needs to be one of a job: its source, its handler, and what runs beside it."""

    def __init__(
        self,
        job: Job,
        ports: Ports,
        ends: Ends,
        *,
        bucket: str,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._ports = ports
        self._ends = ends
        self._closing = Closing(job, ports, ends)
        self._committer = Committer(job, ports, on_commit=self._after_commit, sleep=sleep)
        self._watch = Watch(job, ports, ends, sleep=sleep)
        turns = Turns(job, ports)
        self.source = JobSource(ports.source, on_nothing=self._closing.look, over=ends.over)
        self.handler = JobMessages(
            job,
            ports.source,
            attempts=Attempts(job, ports, turns=turns, committer=self._committer, ends=ends),
            last_message=LastMessage(job, ports, turns=turns, ends=ends, bucket=bucket),
            turns=turns,
        )

    async def run(self, worker: Worker) -> None:
        """Work until the job is over or the worker is stopped, and write what came of it."""
        await worker.run()
        await self._committer.close()

    def helpers(self, worker: Worker) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs beside that; it ends when the work does."""
        return (
            self._committer.run(),
            self._watch.run(),
            self._ports.cleaner.run(),
            self._leave_when_over(worker),
        )

    async def _after_commit(self) -> None:
        # With a batch still running here it was not the job's last.
        if not self.handler.running:
            await self._closing.look()

    async def _leave_when_over(self, worker: Worker) -> None:
        await self._ends.over.wait()
        worker.stop()
        # What runs now would count for nothing.
        self._ends.out_of_time.set()
