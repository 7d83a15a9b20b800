"""What becomes of a message in a dead-letter queue (R14)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import keys
from penstock.messages import MalformedMessage, Message
from penstock.ports import Applied
from penstock.recovery import Drop, Keep, on_dead_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock, Objects, Records
    from penstock.records import RequestKey

logger = logging.getLogger(__name__)


class StillOpen(Exception):
    """The dead letter must be looked at again later: a worker is at its request, or has just moved it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message as a dead-letter queue gives it out."""

    #: Name of the dead-letter queue.
    queue: str
    message_id: str
    #: The request's id, or for a rejected message the id that it had before.
    group: str
    body: str


class Recorder:
    """Makes dead letters failed requests, and keeps what is no request for somebody to look at."""

    def __init__(
        self,
        *,
        records: Records,
        objects: Objects,
        clock: Clock,
        apis: Mapping[str, ApiEntry],
        on_malformed: Callable[[str], None],
        on_undeliverable: Callable[[str], None],
    ) -> None:
        """``apis`` is by name of the dead-letter queue; the callbacks count, by API."""
        self._records = records
        self._objects = objects
        self._clock = clock
        self._apis = apis
        self._on_malformed = on_malformed
        self._on_undeliverable = on_undeliverable

    def record(self, letter: DeadLetter) -> None:
        """Deal with one dead letter for good; after that it may be deleted.

        ``StillOpen``, ``DependencyError``: it must be given out again.
        """
        api = self._apis[letter.queue]
        try:
            key = Message.decode_for(api.name, letter.body).key
        except MalformedMessage as error:
            self._keep(api, letter, error)
            return
        self._end(api, key)

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
