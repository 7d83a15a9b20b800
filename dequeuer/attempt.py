"""One attempt, from its claim to its outcome (R7 to R10, R17)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dequeuer.claiming import Claims
from dequeuer.cleanup import Leftover
from dequeuer.container import NoAnswer
from penstock import headers, keys, transitions
from penstock.outcomes import WORKER_LOST, Answered, GiveBack, Trouble, Unanswered, verdict_on
from penstock.ports import Applied, DependencyError, ObjectChanged, ObjectMissing
from penstock.records import ResultRef, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dequeuer.run import Ports, Run
    from dequeuer.settings import Settings
    from penstock.ports import Delivery, Refused
    from penstock.records import PayloadRef, RequestRecord
    from penstock.transitions import Transition

logger = logging.getLogger(__name__)

#: First and longest pause before a request is taken up again whose attempt a store or an
#: unreachable container ended. Doubled each time: twenty of them cover an hour's outage.
MIN_PAUSE_SECONDS = 5
MAX_PAUSE_SECONDS = 300

#: Tries to write an outcome, with pauses of 1, 2, 4 … 30 s between them: about ten minutes.
COMMIT_TRIES = 24
MAX_COMMIT_PAUSE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ending:
    """How the container's part ended, and the response that was stored, if there was one."""

    answer: Answered | Unanswered
    result: ResultRef | None = None


class Attempts:
    """Handles deliveries. ``out_of_time`` tells running attempts to give their requests back."""

    def __init__(self, settings: Settings, ports: Ports, *, out_of_time: asyncio.Event) -> None:
        self._settings = settings
        self._ports = ports
        self._out_of_time = out_of_time
        self._claims = Claims(settings, ports)

    async def handle(self, delivery: Delivery) -> None:
        """Claim the request and see it through.

        ``DependencyError`` leaves everything as it is: lease and message run out, and the next
        delivery takes it from there.
        """
        run = await self._claims.take(delivery)
        if run is not None:
            await self._see_through(run)

    async def _see_through(self, run: Run) -> None:
        logger.info("attempt started", extra=run.log_context("start"))
        beating = asyncio.create_task(
            self._ports.heartbeat.until_lost(run.key, run.lease, run.delivery), name="heartbeat"
        )
        working = asyncio.create_task(self._work(run), name="work")
        stopping = asyncio.create_task(self._out_of_time.wait(), name="out of time")
        try:
            await asyncio.wait({beating, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                # The heartbeat goes on until the outcome is written.
                await self._conclude(run, working, beating=beating, stopping=stopping)
                return
            # The container must not go on with what somebody else may start on.
            await _end(working)
            if beating.done():
                await self._abandon(run, beating.result())
            else:
                await self._give_back(run, pause_seconds=0)
        finally:
            await _end(working, beating, stopping)

    async def _work(self, run: Run) -> Ending:
        """Payload to container, response to the result store."""
        try:
            async with (
                self._ports.streams.open(run.record.payload) as payload,
                self._ports.container.call(run.record, payload) as response,
            ):
                result_key = keys.result(run.key, lease=run.lease)
                content_type = response.headers.get("content-type")
                size = await self._ports.streams.write(result_key, response.chunks, content_type=content_type)
        except ObjectMissing:
            return Ending(Unanswered(Trouble.PAYLOAD_MISSING, _missing(run.record.payload)))
        except ObjectChanged:
            return Ending(
                Unanswered(Trouble.PAYLOAD_CHANGED, "The payload was replaced after it had been submitted.")
            )
        except NoAnswer as error:
            return Ending(Unanswered(error.trouble, str(error)))
        return Ending(
            Answered(response.status_code),
            ResultRef(
                key=result_key,
                size_bytes=size,
                status_code=response.status_code,
                content_type=content_type,
                headers=headers.allowed(response.headers, headers.RESPONSE_HEADERS),
            ),
        )

    async def _conclude(
        self,
        run: Run,
        working: asyncio.Task[Ending],
        *,
        beating: asyncio.Task[RequestRecord | None],
        stopping: asyncio.Task[Any],
    ) -> None:
        try:
            ending = working.result()
        except DependencyError as error:
            context = {**run.log_context("work"), "error": str(error)}
            logger.warning("attempt met a failing store", extra=context)
            await self._give_back(run, pause_seconds=_pause_after(run.record.releases))
            return
        verdict = verdict_on(ending.answer)
        if isinstance(verdict, GiveBack):
            self._ports.on_unreachable()
            await self._give_back(run, pause_seconds=_pause_after(run.record.releases))
            return
        outcome = transitions.conclude(
            lease=run.lease,
            now_ms=self._ports.clock(),
            retention_seconds=self._settings.retention_seconds,
            failure=verdict.failure,
            result=ending.result,
        )
        answer = await self._commit(run, outcome, until=(beating, stopping))
        if isinstance(answer, Applied):
            self._finish(run, answer.record)
        elif answer is not None:
            await self._abandon(run, answer.found)
        elif beating.done():
            await self._abandon(run, beating.result())

    async def _commit(
        self, run: Run, outcome: Transition, *, until: tuple[asyncio.Task[Any], ...]
    ) -> Applied | Refused | None:
        """Write the outcome; None if the request was lost, or time ran out, before that succeeded.

        The work is done and may have been dear, so it is tried for long while it is ours.
        """
        for pause_seconds in _commit_pauses():
            try:
                return await self._ports.ledger.apply(run.key, outcome)
            except DependencyError as error:
                context = {**run.log_context("commit"), "error": str(error)}
                logger.warning("outcome not written", extra=context)
            done, _ = await asyncio.wait(until, timeout=pause_seconds, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        return None

    def _finish(self, run: Run, record: RequestRecord) -> None:
        logger.info("request ended", extra={**run.log_context("finish"), "status": record.status.value})
        self._ports.telemetry.finished(record)
        # A failed request keeps its payload: whoever retries it needs it.
        self._ports.cleaner.add(Leftover(run.delivery, record.spent_payload_key))

    async def _abandon(self, run: Run, found: RequestRecord | None) -> None:
        """The request is no longer ours, so neither is what we stored of its result.

        Unless it is our own outcome that was met, after its answer was lost. If the request has
        ended, nobody needs its message any more.
        """
        if found is not None and _is_our_outcome(found, run.lease):
            self._finish(run, found)
            return
        logger.warning("request lost to somebody else", extra=run.log_context("abandon"))
        self._ports.telemetry.lost()
        if found is None or found.status.terminal:
            self._ports.cleaner.add(Leftover(run.delivery))
        await self._ports.streams.delete([keys.result(run.key, lease=run.lease)])

    async def _give_back(self, run: Run, *, pause_seconds: int) -> None:
        """Put the request back for others: record first, then the message (R7)."""
        await self._ports.ledger.apply(
            run.key,
            transitions.release(
                lease=run.lease,
                not_before_ms=self._ports.clock() + pause_seconds * 1000,
                deadline_ms=run.record.deadline_ms,
                releases=run.record.releases,
            ),
        )
        await self._ports.source.release(run.delivery, delay_seconds=pause_seconds)
        logger.info("request given back", extra=run.log_context("give_back"))


def _is_our_outcome(found: RequestRecord, lease: str) -> bool:
    # A request that was given up keeps the lease of its last worker, but not that worker's outcome.
    concluded = found.status in {Status.COMPLETED, Status.FAILED} and found.failure != WORKER_LOST
    return concluded and found.lease == lease


def _missing(payload: PayloadRef) -> str:
    if payload.bucket is None:
        return "The payload is no longer in the bucket."
    return f"The payload is no longer in the bucket {payload.bucket}, or may not be read there."


def _pause_after(releases: int) -> int:
    return int(min(MIN_PAUSE_SECONDS * 2**releases, MAX_PAUSE_SECONDS))


def _commit_pauses() -> Iterator[float]:
    for number in range(COMMIT_TRIES):
        yield min(2**number, MAX_COMMIT_PAUSE_SECONDS)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
