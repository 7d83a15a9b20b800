"""One attempt of a batch, from its delivery to its end (J1, J7)."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dequeuer.batch import answers, bodies
from dequeuer.batch.committer import Entry
from dequeuer.batch.judge import Judge
from dequeuer.batch.run import Run
from dequeuer.cleanup import Leftover
from dequeuer.container import NoAnswer, Outgoing
from dequeuer.racing import unless
from penstock.batch.commits import FinishedBatch
from penstock.batch.part_lines import error_line, result_line
from penstock.outcomes import WORKER_LOST, End, GiveBack, Retry, Trouble
from penstock.ports import DependencyError, ObjectMissing
from penstock.tracing.ports import TRACEPARENT, Kind

if TYPE_CHECKING:
    from dequeuer.batch.committer import Committer
    from dequeuer.batch.judge import Verdict
    from dequeuer.batch.run import Ends, Job, Ports
    from dequeuer.batch.turns import Turns
    from dequeuer.container import Response
    from penstock.batch.messages import BatchMessage
    from penstock.batch.part_lines import Answer
    from penstock.ports import Delivery, Stored

logger = logging.getLogger(__name__)

_BODY_GONE = "The batch's body is no longer in the bucket."


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of the batch, what the container answered, and how long that took."""

    verdict: Verdict
    answer: Answer | None = None
    duration_ms: int = 0


class Attempts:
    """Runs batches; their ends go to the committer."""

    def __init__(self, job: Job, ports: Ports, *, turns: Turns, committer: Committer, ends: Ends) -> None:
        self._job = job
        self._ports = ports
        self._turns = turns
        self._committer = committer
        self._ends = ends
        self._judge = Judge(job, ports)

    async def handle(self, message: BatchMessage, delivery: Delivery) -> None:
        """See the batch through. After ``DependencyError`` its message comes back by itself."""
        with self._ports.holding.hold(delivery) as hold:
            if delivery.receive_count > 1 and await self._ended(message):
                self._ports.cleaner.add(Leftover(delivery))
                return
            number = await self._turns.number(message.batch, delivery)
            run = Run(message=message, delivery=delivery, attempt=number, hold=hold)
            if number > self._job.policy.attempts:
                await self._end(run, Ending(End(WORKER_LOST)))
                return
            logger.info("attempt started", extra=run.log_context("start"))
            ending = await unless(self._ends.out_of_time, self._work(run))
            if ending is not None:
                await self._settle(run, ending)
            elif not self._ends.over.is_set():
                await self._turns.give_back(message.batch, delivery)

    async def _ended(self, message: BatchMessage) -> bool:
        return await self._ports.patience.call(
            lambda: self._ports.jobs.ended(message.job, message.batch), action="ended"
        )

    async def _work(self, run: Run) -> Ending:
        """Body to container, and its answer read; a store's fault gives the batch back."""
        started_ms = self._ports.clock()
        try:
            verdict, answer = await self._run(run)
        except DependencyError as error:
            context = {**run.log_context("work"), "error": str(error)}
            logger.warning("attempt met a failing store", extra=context)
            verdict, answer = GiveBack(), None
        return Ending(verdict, answer, max(0, self._ports.clock() - started_ms))

    async def _run(self, run: Run) -> tuple[Verdict, Answer | None]:
        try:
            async with bodies.opened(run.message, self._ports.streams) as body:
                return await self._call(run, body)
        except ObjectMissing:
            return self._judge.unanswered(Trouble.PAYLOAD_MISSING, _BODY_GONE, run.attempt), None
        except NoAnswer as error:
            return self._judge.unanswered(error.trouble, str(error), run.attempt), None

    async def _call(self, run: Run, body: Stored) -> tuple[Verdict, Answer]:
        # A trace of its own for each batch: one of ten million spans could be read by nobody.
        with self._ports.tracer.span(
            "process", Kind.CONSUMER, link=self._job.trace, about=run.traced_as
        ) as span:
            told = {TRACEPARENT: span.context} if span.context else {}
            outgoing = Outgoing(headers=self._job.headers(run.message.batch, run.attempt) | told)
            async with self._ports.container.send(outgoing, body) as response:
                span.note(status_code=response.status_code)
                return await self._take(run, response)

    async def _take(self, run: Run, response: Response) -> tuple[Verdict, Answer]:
        verdict = self._judge.answered(response, run.attempt)
        if not self._job.results or not isinstance(verdict, End):
            return verdict, await answers.drained(response)
        if verdict.failure is not None:
            return verdict, await answers.of_failure(response)
        key, batch, streams = run.message.job, run.message.batch, self._ports.streams
        return verdict, await answers.of_success(response, key=key, batch=batch, streams=streams)

    async def _settle(self, run: Run, ending: Ending) -> None:
        match ending.verdict:
            case GiveBack():
                await self._turns.give_back_later(run.message.batch, run.delivery)
            case Retry(wait_seconds=wait_seconds):
                logger.info("attempt failed, another follows", extra=run.log_context("retry"))
                self._ports.telemetry.retried()
                self._committer.count_attempt()
                await self._ports.source.release(run.delivery, delay_seconds=math.ceil(wait_seconds))
            case End():
                await self._end(run, ending)

    async def _end(self, run: Run, ending: Ending) -> None:
        assert isinstance(ending.verdict, End)
        failure, answer, message = ending.verdict.failure, ending.answer, run.message
        attempt = min(run.attempt, self._job.policy.attempts)
        body_key = None
        if failure is not None:
            # First of all: the queue will be gone when somebody runs it again (J7).
            body_key = await self._ports.patience.call(
                lambda: bodies.kept(message, self._ports.streams), action="keep_body"
            )
        finished = FinishedBatch(
            id=message.batch,
            failure=failure,
            attempt=attempt,
            duration_ms=ending.duration_ms,
            items=message.items,
            finished_ms=self._ports.clock(),
            status_code=answer.status_code if answer else None,
            body_key=body_key,
        )
        run.hold.pass_on()
        await self._committer.take(Entry(run=run, batch=finished, line=self._line(finished, answer)))

    def _line(self, finished: FinishedBatch, answer: Answer | None) -> bytes | None:
        if not self._job.results:
            return None
        if finished.failure is not None:
            return error_line(finished.id, finished.failure, answer, attempt=finished.attempt)
        assert answer is not None
        return result_line(finished.id, answer)
