"""One attempt, from its claim to its end (R5, R7, R8, R17)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dequeuer.claiming import Claims
from dequeuer.container import NoAnswer
from dequeuer.outcome import Ending, Outcomes
from penstock import headers, keys
from penstock.outcomes import Answered, Retry, Situation, Trouble, Unanswered, verdict_on
from penstock.ports import DependencyError, ObjectChanged, ObjectMissing
from penstock.records import ResultRef
from penstock.retry_after import retry_after_seconds
from penstock.tracing.ports import Kind

if TYPE_CHECKING:
    from dequeuer.container import Response
    from dequeuer.run import Ports, Run
    from dequeuer.settings import Settings
    from penstock.ports import Delivery, Stored
    from penstock.records import PayloadRef, RequestRecord

logger = logging.getLogger(__name__)


class Attempts:
    """Handles deliveries. ``out_of_time`` tells running attempts to give their requests back."""

    def __init__(self, settings: Settings, ports: Ports, *, out_of_time: asyncio.Event) -> None:
        self._policy = settings.retry_policy
        self._ports = ports
        self._out_of_time = out_of_time
        self._claims = Claims(settings, ports)
        self._outcomes = Outcomes(settings, ports)

    async def handle(self, delivery: Delivery) -> None:
        """Claim the request and see it through.

        ``DependencyError`` leaves everything as it is: lease and message run out, and the next
        delivery takes it from there.
        """
        run = await self._claims.take(delivery)
        if run is None:
            return
        with self._ports.tracer.span(
            "process", Kind.CONSUMER, parent=run.record.trace, about=run.traced_as
        ) as span:
            await self._see_through(replace(run, trace=span.context))

    async def put_back(self, delivery: Delivery) -> None:
        """Leave it to others: unclaimed, it has cost no attempt."""
        await self._ports.source.release(delivery, delay_seconds=0)

    async def _see_through(self, run: Run) -> None:
        logger.info("attempt started", extra=run.log_context("start"))
        beating = asyncio.create_task(
            self._ports.heartbeat.until_lost(run.record, run.lease, run.delivery), name="heartbeat"
        )
        working = asyncio.create_task(self._work(run), name="work")
        stopping = asyncio.create_task(self._out_of_time.wait(), name="out of time")
        try:
            await asyncio.wait({beating, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await self._conclude(run, working, beating=beating, stopping=stopping)
                return
            # The container must not go on with what somebody else may start on.
            await _end(working)
            if beating.done():
                await self._outcomes.abandon(run, beating.result())
            else:
                await self._outcomes.give_back(run, pause_seconds=0)
        finally:
            await _end(working, beating, stopping)

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
            await self._outcomes.give_back_later(run)
            return
        await self._outcomes.conclude(run, ending, beating=beating, stopping=stopping)

    async def _work(self, run: Run) -> Ending:
        """Payload to container, response to the result store."""
        try:
            async with self._ports.streams.open(run.record.payload) as payload:
                return await self._call(run, payload)
        except ObjectMissing:
            return self._unanswered(run, Trouble.PAYLOAD_MISSING, _missing(run.record.payload))
        except ObjectChanged:
            detail = "The payload was replaced after it had been submitted."
            return self._unanswered(run, Trouble.PAYLOAD_CHANGED, detail)
        except NoAnswer as error:
            return self._unanswered(run, error.trouble, str(error))

    async def _call(self, run: Run, payload: Stored) -> Ending:
        with self._ports.tracer.span("call", Kind.CLIENT, parent=run.trace, about=run.traced_as) as span:
            told = replace(run.record, trace=span.context)
            async with self._ports.container.call(told, payload) as response:
                span.note(status_code=response.status_code)
                return await self._take(run, response)

    async def _take(self, run: Run, response: Response) -> Ending:
        asked = retry_after_seconds(response.headers.get("retry-after", ""), now_ms=self._ports.clock())
        verdict = verdict_on(Answered(response.status_code, asked), self._situation(run))
        if isinstance(verdict, Retry):
            # Nobody will ask for this answer, but hanging up in the middle of it would be rude to
            # a server that is in trouble already.
            async for _ in response.chunks:
                pass
            return Ending(verdict)
        result_key = keys.result(run.key, lease=run.lease)
        content_type = response.headers.get("content-type")
        size = await self._ports.streams.write(result_key, response.chunks, content_type=content_type)
        result = ResultRef(
            key=result_key,
            size_bytes=size,
            status_code=response.status_code,
            content_type=content_type,
            headers=headers.allowed(response.headers, headers.RESPONSE_HEADERS),
        )
        return Ending(verdict, result)

    def _unanswered(self, run: Run, trouble: Trouble, detail: str) -> Ending:
        return Ending(verdict_on(Unanswered(trouble, detail), self._situation(run)))

    def _situation(self, run: Run) -> Situation:
        return Situation(
            policy=self._policy,
            attempt=run.record.attempt,
            remaining_seconds=(run.record.deadline_ms - self._ports.clock()) / 1000,
            jitter=self._ports.chance(),
        )


def _missing(payload: PayloadRef) -> str:
    if payload.bucket is None:
        return "The payload is no longer in the bucket."
    return f"The payload is no longer in the bucket {payload.bucket}, or may not be read there."


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
