"""One delivery, from its claim to its outcome (R5 to R10)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dequeuer.cleanup import Leftover
from dequeuer.container import NoAnswer
from penstock import headers, ids, keys, transitions
from penstock.claims import Discard, End, Hide, after_refused_claim
from penstock.messages import MalformedMessage, Message
from penstock.outcomes import Answered, Trouble, Unanswered, failure_of
from penstock.ports import Applied, DependencyError, ObjectMissing
from penstock.records import ResultRef

if TYPE_CHECKING:
    from dequeuer.cleanup import Cleaner
    from dequeuer.container import Container
    from dequeuer.lease import Heartbeat
    from dequeuer.settings import Settings
    from dequeuer.telemetry import Telemetry
    from penstock.ports import Clock, Delivery, Ledger, Refused, Source, Streams
    from penstock.records import RequestKey, RequestRecord
    from penstock.transitions import Transition

logger = logging.getLogger(__name__)

#: Pause before a request whose attempt met a failing store is taken up again.
DEPENDENCY_PAUSE_SECONDS = 5

#: Pause between tries to write an outcome: the work is done, so it is tried for as long as it is ours.
COMMIT_PAUSE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Ports:
    """What an attempt works with."""

    ledger: Ledger
    source: Source
    streams: Streams
    container: Container
    cleaner: Cleaner
    heartbeat: Heartbeat
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True)
class Run:
    """An attempt in progress."""

    record: RequestRecord
    lease: str
    delivery: Delivery

    @property
    def key(self) -> RequestKey:
        """The request's key."""
        return self.record.key

    def log_context(self, action: str) -> dict[str, str | int]:
        """What a log line about this attempt may hold."""
        return {
            "action": action,
            "api": self.record.api,
            "id": self.record.id,
            "attempt": self.record.attempt,
        }


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

    async def handle(self, delivery: Delivery) -> None:
        """Claim the request and see it through.

        ``DependencyError`` leaves everything as it is: lease and message run out, and the next
        delivery takes it from there.
        """
        try:
            message = Message.decode(delivery.body)
        except MalformedMessage as error:
            # Left in the queue on purpose: its receive count takes it to the dead-letter queue.
            logger.error(  # noqa: TRY400 - the text says it all
                "malformed message",
                extra={"action": "decode", "message_id": delivery.message_id, "error": str(error)},
            )
            self._ports.telemetry.malformed()
            return
        run = await self._claim(message.key, delivery)
        if run is not None:
            await self._see_through(run)

    async def _claim(self, key: RequestKey, delivery: Delivery) -> Run | None:
        lease, now_ms = ids.new_token(), self._ports.clock()
        answer = await self._ports.ledger.apply(
            key,
            transitions.claim(
                lease=lease,
                now_ms=now_ms,
                lease_until_ms=self._ports.heartbeat.lease_end_ms(),
                max_attempts=self._settings.max_attempts,
            ),
        )
        if isinstance(answer, Applied):
            return Run(answer.record, lease, delivery)
        await self._leave(key, delivery, answer)
        return None

    async def _leave(self, key: RequestKey, delivery: Delivery, answer: Refused) -> None:
        decision = after_refused_claim(
            answer.found,
            now_ms=self._ports.clock(),
            max_attempts=self._settings.max_attempts,
            retention_seconds=self._settings.retention_seconds,
        )
        match decision:
            case Discard():
                self._ports.cleaner.add(Leftover(delivery))
            case Hide(seconds):
                await self._ports.source.release(delivery, delay_seconds=seconds)
            case End(transition):
                ended = await self._ports.ledger.apply(key, transition)
                # Refused: somebody moved it along meanwhile, so the message is still needed.
                if isinstance(ended, Applied):
                    self._ports.telemetry.finished(ended.record)
                    self._ports.cleaner.add(Leftover(delivery))
        logger.info(
            "not claimed",
            extra={"action": "leave", "api": key.api, "id": key.id, "decision": repr(decision)},
        )

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
                await self._conclude(run, working, until=(beating, stopping))
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
                self._ports.streams.open(run.record.payload.key) as payload,
                self._ports.container.call(run.record, payload) as response,
            ):
                result_key = keys.result(run.key, lease=run.lease)
                content_type = response.headers.get("content-type")
                size = await self._ports.streams.write(result_key, response.chunks, content_type=content_type)
        except ObjectMissing:
            return Ending(Unanswered(Trouble.PAYLOAD_MISSING, "The payload is no longer in the bucket."))
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
        self, run: Run, working: asyncio.Task[Ending], *, until: tuple[asyncio.Task[object], ...]
    ) -> None:
        try:
            ending = working.result()
        except DependencyError as error:
            logger.warning(
                "attempt met a failing store", extra={**run.log_context("work"), "error": str(error)}
            )
            await self._give_back(run, pause_seconds=DEPENDENCY_PAUSE_SECONDS)
            return
        answer = await self._commit(run, self._outcome(run, ending), until)
        if isinstance(answer, Applied):
            self._finish(run, answer.record)
        elif answer is not None:
            await self._abandon(run, answer.found)

    def _outcome(self, run: Run, ending: Ending) -> Transition:
        return transitions.conclude(
            lease=run.lease,
            now_ms=self._ports.clock(),
            retention_seconds=self._settings.retention_seconds,
            failure=failure_of(ending.answer),
            result=ending.result,
        )

    async def _commit(
        self, run: Run, outcome: Transition, until: tuple[asyncio.Task[object], ...]
    ) -> Applied | Refused | None:
        """Write the outcome; None if the request was lost, or time ran out, before that succeeded."""
        while True:
            try:
                return await self._ports.ledger.apply(run.key, outcome)
            except DependencyError as error:
                logger.warning(
                    "outcome not written", extra={**run.log_context("commit"), "error": str(error)}
                )
            done, _ = await asyncio.wait(
                until, timeout=COMMIT_PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return None

    def _finish(self, run: Run, record: RequestRecord) -> None:
        logger.info("request ended", extra={**run.log_context("finish"), "status": record.status.value})
        self._ports.telemetry.finished(record)
        # A failed request keeps its payload: whoever retries it needs it.
        payload_key = run.record.payload.key if record.failure is None else None
        self._ports.cleaner.add(Leftover(run.delivery, payload_key))

    async def _abandon(self, run: Run, found: RequestRecord | None) -> None:
        """The request is no longer ours, so neither is what we stored of its result.

        If it has ended, nobody needs its message any more.
        """
        logger.warning("request lost to somebody else", extra=run.log_context("abandon"))
        self._ports.telemetry.lost(run.record)
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
                releases=run.record.releases,
            ),
        )
        await self._ports.source.release(run.delivery, delay_seconds=pause_seconds)
        logger.info("request given back", extra=run.log_context("give_back"))


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
