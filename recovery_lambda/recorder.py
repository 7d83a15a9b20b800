"""What becomes of a message in a dead-letter queue (R14, J7)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock import keys
from penstock.kinds import Kind
from penstock.messages import MalformedMessage, Message
from penstock.ports import Applied, DependencyError
from penstock.recovery import Drop, Keep, on_dead_letter

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock, Objects, Records
    from penstock.records import RequestKey
    from recovery_lambda.job_recorder import JobRecorder
    from recovery_lambda.letters import DeadLetter

logger = logging.getLogger(__name__)


class StillOpen(Exception):
    """The dead letter must be looked at again later: a worker is at its request, or has just moved it."""


class Recorder:
    """Makes dead letters failed requests and batches, and keeps what is neither for somebody to look at."""

    def __init__(
        self,
        *,
        records: Records,
        objects: Objects,
        job_recorder: JobRecorder,
        clock: Clock,
        owner: Callable[[str], ApiEntry | None],
        on_malformed: Callable[[str], None],
        on_undeliverable: Callable[[str], None],
    ) -> None:
        """``owner`` finds the API of a dead-letter queue by its name; the callbacks count, by API."""
        self._records = records
        self._objects = objects
        self._job_recorder = job_recorder
        self._clock = clock
        self._owner = owner
        self._on_malformed = on_malformed
        self._on_undeliverable = on_undeliverable

    def record(self, letter: DeadLetter) -> None:
        """Deal with one dead letter for good; after that it may be deleted.

        ``StillOpen``, ``DependencyError``: it must be given out again.
        """
        api = self._owner(letter.queue)
        if api is None:
            raise DependencyError(f"no API is known whose dead-letter queue is {letter.queue}")
        try:
            if api.kind is Kind.BATCH:
                self._job_recorder.record(api, letter)
            else:
                self._end(api, Message.decode_for(api.name, letter.body).key)
        except MalformedMessage as error:
            self._keep(api, letter, error)

    def _keep(self, api: ApiEntry, letter: DeadLetter, error: MalformedMessage) -> None:
        kept = keys.malformed(api.name, message_id=letter.message_id)
        body = letter.body.encode(errors="surrogatepass")
        self._objects.put(kept, body, content_type="text/plain; charset=utf-8")
        context = {"action": "keep_malformed", "api": api.name, "key": kept, "group": letter.group}
        logger.error("malformed message", extra={**context, "error": str(error)})
        self._on_malformed(api.name)

    def _end(self, api: ApiEntry, key: RequestKey) -> None:
        found = self._records.get(key)
        decision = on_dead_letter(found, now_ms=self._clock(), retention_seconds=api.retention_seconds)
        context = {"action": "record", "api": key.api, "id": key.id}
        match decision:
            case Drop():
                logger.info("dead letter of an ended request", extra=context)
            case Keep():
                raise StillOpen(f"a worker is at request {key.id}")
            case transition:
                if not isinstance(self._records.apply(key, transition), Applied):
                    raise StillOpen(f"request {key.id} has moved on")
                logger.warning("request undeliverable", extra=context)
                self._on_undeliverable(api.name)
