"""From a delivery to a claimed request, or to the end of the delivery (R5, R6)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dequeuer.cleanup import Leftover
from dequeuer.run import Run
from penstock import ids, transitions
from penstock.claims import Discard, End, Hide, after_refused_claim
from penstock.messages import MalformedMessage, Message
from penstock.ports import Applied, DependencyError

if TYPE_CHECKING:
    from dequeuer.run import Ports
    from dequeuer.settings import Settings
    from penstock.ports import Delivery, Refused
    from penstock.records import RequestKey
    from penstock.transitions import Transition

logger = logging.getLogger(__name__)


class Claims:
    """Claims requests for this worker."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self._settings = settings
        self._ports = ports

    async def take(self, delivery: Delivery) -> Run | None:
        """Claim the delivery's request; None if there is nothing to run, and then all is settled.

        ``DependencyError`` leaves everything as it is for the next delivery.
        """
        try:
            key = Message.decode_for(self._settings.api, delivery.body).key
        except MalformedMessage as error:
            # The recorder keeps it for somebody to look at, and counts it.
            context = {"action": "reject", "message_id": delivery.message_id, "error": str(error)}
            logger.error("malformed message", extra=context)  # noqa: TRY400 - the text says it all
            await self._ports.source.reject(delivery)
            return None
        lease = ids.new_token()
        answer = await self._claim(key, lease)
        if isinstance(answer, Applied):
            self._ports.telemetry.started(answer.record)
            return Run(answer.record, lease, delivery)
        await self._settle(key, delivery, answer)
        return None

    def _transition(self, lease: str) -> Transition:
        return transitions.claim(
            lease=lease,
            now_ms=self._ports.clock(),
            lease_until_ms=self._ports.heartbeat.lease_end_ms(),
            max_attempts=self._settings.max_attempts,
        )

    async def _claim(self, key: RequestKey, lease: str) -> Applied | Refused:
        try:
            return await self._ports.ledger.apply(key, self._transition(lease))
        except DependencyError:
            # It may have taken effect, and then an attempt would be counted that nobody runs.
            # The same token finds its own claim (R10). If it is made only now, it is made as of now:
            # the deadline may have passed, and the lease must not begin near its end.
            return await self._ports.ledger.apply(key, self._transition(lease))

    async def _settle(self, key: RequestKey, delivery: Delivery, answer: Refused) -> None:
        decision = after_refused_claim(
            answer.found,
            now_ms=self._ports.clock(),
            max_attempts=self._settings.max_attempts,
            retention_seconds=self._settings.retention_seconds,
        )
        context = {"action": "settle", "api": key.api, "id": key.id, "decision": repr(decision)}
        logger.info("not claimed", extra=context)
        match decision:
            case Discard(payload_key=payload_key):
                self._ports.cleaner.add(Leftover(delivery, payload_key))
            case Hide(seconds):
                await self._ports.source.release(delivery, delay_seconds=seconds)
            case End(transition):
                ended = await self._ports.ledger.apply(key, transition)
                # Refused: somebody moved it along meanwhile, so the message is still needed.
                if isinstance(ended, Applied):
                    self._ports.cleaner.add(Leftover(delivery))
