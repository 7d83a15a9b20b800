"""The job's last message: ``/on-job-complete``, and then the job's end (J6)."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from dequeuer.batch import answers, bodies
from dequeuer.batch.judge import Judge
from dequeuer.batch.summary import summary
from dequeuer.cleanup import Leftover
from dequeuer.container import NoAnswer, Outgoing
from dequeuer.racing import unless
from penstock import keys
from penstock.batch import moves, objects
from penstock.batch.commits import PartKind
from penstock.batch.job_ids import COMPLETE
from penstock.batch.jobs import Hook, JobStatus
from penstock.batch.manifest import manifest
from penstock.batch.spec import JobSpec
from penstock.batch.tallies import total
from penstock.outcomes import WORKER_LOST, End, GiveBack, Retry, Trouble
from penstock.ports import DependencyError, ObjectMissing
from penstock.records import PayloadRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dequeuer.batch.judge import Verdict
    from dequeuer.batch.run import Ends, Job, Ports
    from dequeuer.batch.turns import Turns
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.tallies import Tally
    from penstock.ports import Delivery

logger = logging.getLogger(__name__)

PATH = "/on-job-complete"

_NO_SPEC = "What was submitted is no longer in the bucket."


@dataclass(frozen=True, slots=True)
class _Called:
    verdict: Verdict
    status_code: int | None = None


class LastMessage:
    """Calls the hook and ends the job; retried like a batch, and like one given up in the end."""

    def __init__(self, job: Job, ports: Ports, *, turns: Turns, ends: Ends, bucket: str) -> None:
        self._job = job
        self._ports = ports
        self._turns = turns
        self._ends = ends
        self._bucket = bucket
        self._judge = Judge(job, ports)

    async def handle(self, delivery: Delivery) -> None:
        """See it through. After ``DependencyError`` the message comes back by itself."""
        with self._ports.holding.hold(delivery):
            record = await self._ports.patience.call(
                lambda: self._ports.jobs.get(self._job.key), action="complete"
            )
            if record is None or record.status is not JobStatus.COMPLETING:
                # Its job has ended, or is to end early; nobody is to be told by us.
                self._leave(delivery)
                return
            attempt = await self._turns.number(COMPLETE, delivery)
            if attempt > self._job.policy.attempts:
                if record.results:
                    # Perhaps nobody came as far as that.
                    await self._ports.patience.call(
                        lambda: self._list_parts(self._job.key), action="list_parts"
                    )
                await self._finish(record, delivery, _hook(attempt - 1, _Called(End(WORKER_LOST))))
                return
            called = await unless(self._ends.out_of_time, self._call(record, attempt))
            if called is not None:
                await self._settle(record, delivery, attempt, called)
            elif not self._ends.over.is_set():
                await self._turns.give_back(COMPLETE, delivery)

    async def _call(self, record: JobRecord, attempt: int) -> _Called:
        """Manifest, then the call; a store's fault gives the message back."""
        try:
            body = await self._told(record)
            return await self._answered(body, attempt)
        except ObjectMissing:
            return _Called(self._judge.unanswered(Trouble.PAYLOAD_MISSING, _NO_SPEC, attempt))
        except NoAnswer as error:
            return _Called(self._judge.unanswered(error.trouble, str(error), attempt))
        except DependencyError as error:
            context = {"action": "complete", "job": record.id, "error": str(error)}
            logger.warning("last message met a failing store", extra=context)
            return _Called(GiveBack())

    async def _told(self, record: JobRecord) -> bytes:
        """The call's body. Whoever is called may read the results, so their manifest is there by then."""
        if record.results:
            await self._list_parts(record.key)
        spec = PayloadRef(key=keys.job_object(record.key, objects.SPEC), size_bytes=0)
        async with self._ports.streams.open(spec) as stored:
            text = b"".join([chunk async for chunk in stored.chunks])
        return summary(record, await self._tally(), JobSpec.from_json(text), bucket=self._bucket)

    async def _list_parts(self, key: JobKey) -> None:
        manifest_key = keys.job_object(key, objects.MANIFEST)
        await self._ports.streams.write(manifest_key, self._manifest(key), content_type=objects.LINES)

    async def _manifest(self, key: JobKey) -> AsyncIterator[bytes]:
        """As ``manifest`` of all parts, of which there may be more than memory holds."""
        for kind in sorted(PartKind):
            async for page in self._ports.jobs.parts(key):
                yield manifest(part for part in page if part.kind is kind)

    async def _answered(self, body: bytes, attempt: int) -> _Called:
        outgoing = Outgoing(path=PATH, headers=self._job.headers(COMPLETE, attempt))
        async with self._ports.container.send(outgoing, bodies.in_memory(body)) as response:
            verdict = self._judge.answered(response, attempt)
            await answers.drained(response)
        if response.status_code == HTTPStatus.NOT_FOUND:
            # A container without the route does not want to be told.
            verdict = End(None)
        return _Called(verdict, response.status_code)

    async def _settle(self, record: JobRecord, delivery: Delivery, attempt: int, called: _Called) -> None:
        match called.verdict:
            case GiveBack():
                await self._turns.give_back_later(COMPLETE, delivery)
            case Retry(wait_seconds=wait_seconds):
                context = {"action": "retry", "job": record.id, "batch": COMPLETE, "attempt": attempt}
                logger.info("attempt failed, another follows", extra=context)
                await self._ports.source.release(delivery, delay_seconds=math.ceil(wait_seconds))
            case End():
                await self._finish(record, delivery, _hook(attempt, called))

    async def _finish(self, record: JobRecord, delivery: Delivery, hook: Hook) -> None:
        """End the job. Should it have been told to stop meanwhile, the finisher ends it."""
        tally = await self._ports.patience.call(self._tally, action="finish")
        move = moves.finish(
            tally=tally,
            hook=hook,
            now_ms=self._ports.clock(),
            retention_seconds=self._job.retention_seconds,
        )
        await self._ports.patience.call(lambda: self._ports.jobs.apply(record.key, move), action="finish")
        logger.info("job ended", extra={"action": "finish", "job": record.id, "failed": tally.failed})
        self._leave(delivery)

    def _leave(self, delivery: Delivery) -> None:
        self._ports.cleaner.add(Leftover(delivery))
        self._ends.over.set()

    async def _tally(self) -> Tally:
        return total(await self._ports.jobs.tallies(self._job.key))


def _hook(attempt: int, called: _Called) -> Hook:
    assert isinstance(called.verdict, End)
    return Hook(attempts=attempt, status_code=called.status_code, failure=called.verdict.failure)
