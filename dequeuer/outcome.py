"""How an attempt ends for its request and its message (R7 to R11)."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dequeuer.cleanup import Leftover
from dequeuer.pauses import commit_pauses, give_back_pause
from penstock import keys, transitions
from penstock.outcomes import End, GiveBack, Retry
from penstock.ports import Applied, DependencyError
from penstock.transitions import all_hold

if TYPE_CHECKING:
    from dequeuer.run import Ports, Run
    from dequeuer.settings import Settings
    from penstock.ports import Refused
    from penstock.records import RequestRecord, ResultRef
    from penstock.transitions import Transition

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of the request, and the response that was stored, if there was one."""

    verdict: End | Retry | GiveBack
    result: ResultRef | None = None


class Outcomes:
    """Writes what became of requests, and settles their messages."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self._settings = settings
        self._ports = ports

    async def conclude(
        self,
        run: Run,
        ending: Ending,
        *,
        beating: asyncio.Task[RequestRecord | None],
        stopping: asyncio.Task[Any],
    ) -> None:
        """Bring an attempt to its end that ran to its own.

        The heartbeat goes on until the outcome is written, or the request was lost to somebody else.
        """
        if isinstance(ending.verdict, GiveBack):
            self._ports.on_unreachable()
            await self.give_back_later(run)
            return
        outcome = self._transition(run, ending.verdict, ending.result)
        answer = await self._commit(run, outcome, until=(beating, stopping))
        if isinstance(answer, Applied):
            await self._settle(run, answer.record)
        elif answer is not None:
            await self.abandon(run, answer.found)
        elif beating.done():
            await self._after_lost_answer(run, outcome, beating.result())

    async def abandon(self, run: Run, found: RequestRecord | None) -> None:
        """The request is no longer ours, so neither is what we stored of its result.

        If it has ended, nobody needs its message any more.
        """
        logger.warning("request lost to somebody else", extra=run.log_context("abandon"))
        self._ports.telemetry.lost()
        if found is None or found.status.terminal:
            self._ports.cleaner.add(Leftover(run.delivery))
        await self._ports.streams.delete([keys.result(run.key, lease=run.lease)])

    async def give_back_later(self, run: Run) -> None:
        """Put the request back after a fault that is not its own, with a pause that grows each time."""
        await self.give_back(run, pause_seconds=give_back_pause(run.record.releases))

    async def give_back(self, run: Run, *, pause_seconds: int) -> None:
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

    def _transition(self, run: Run, verdict: End | Retry, result: ResultRef | None) -> Transition:
        now_ms = self._ports.clock()
        if isinstance(verdict, Retry):
            return transitions.retry(
                lease=run.lease,
                not_before_ms=now_ms + math.ceil(verdict.wait_seconds * 1000),
                deadline_ms=run.record.deadline_ms,
                failure=verdict.failure,
            )
        return transitions.conclude(
            lease=run.lease,
            now_ms=now_ms,
            retention_seconds=self._settings.retention_seconds,
            failure=verdict.failure,
            result=result,
        )

    async def _commit(
        self, run: Run, outcome: Transition, *, until: tuple[asyncio.Task[Any], ...]
    ) -> Applied | Refused | None:
        """Write the outcome; None if the request was lost, or time ran out, before that succeeded.

        The work is done and may have been dear, so it is tried for long while it is ours.
        """
        for pause_seconds in commit_pauses():
            try:
                return await self._ports.ledger.apply(run.key, outcome)
            except DependencyError as error:
                context = {**run.log_context("commit"), "error": str(error)}
                logger.warning("outcome not written", extra=context)
            done, _ = await asyncio.wait(until, timeout=pause_seconds, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        return None

    async def _after_lost_answer(self, run: Run, outcome: Transition, found: RequestRecord | None) -> None:
        """The heartbeat was refused while the outcome was being written: perhaps by our own (R10)."""
        if found is not None and all_hold(outcome.achieved, found):
            await self._settle(run, found)
        else:
            await self.abandon(run, found)

    async def _settle(self, run: Run, record: RequestRecord) -> None:
        if not record.status.terminal:
            wait_seconds = max(0, record.not_before_ms - self._ports.clock()) / 1000
            logger.info("attempt failed, another follows", extra=run.log_context("retry"))
            self._ports.telemetry.retried()
            # SQS counts in whole seconds; a moment too early would only be refused.
            await self._ports.source.release(run.delivery, delay_seconds=math.ceil(wait_seconds))
            return
        logger.info("request ended", extra={**run.log_context("finish"), "status": record.status.value})
        # A failed request keeps its payload: whoever retries it needs it.
        self._ports.cleaner.add(Leftover(run.delivery, record.spent_payload_key))
