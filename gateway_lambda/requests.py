"""Single requests, as a path names them: found, and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import transitions
from penstock.errors import AlreadyFinished, Unavailable, UnknownRequest
from penstock.ids import is_request_id
from penstock.ports import Applied, DependencyError
from penstock.records import RequestKey, RequestRecord

if TYPE_CHECKING:
    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock, Records


class Requests:
    """The records of requests, by id."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def find(self, api: ApiEntry, request_id: str) -> RequestRecord:
        """The record; ``UnknownRequest`` if there is none, or its retention is over."""
        key = _key(api, request_id)
        try:
            record = self._records.get(key)
        except DependencyError as error:
            raise Unavailable("The request's state could not be read just now. Try again.") from error
        if record is None or not record.retained(self._clock()):
            raise _unknown(key)
        return record

    def cancel(self, api: ApiEntry, request_id: str) -> RequestRecord:
        """End the request (R12); ``AlreadyFinished`` if it had ended in another way, or as ``find``."""
        key = _key(api, request_id)
        now_ms = self._clock()
        try:
            answer = self._records.apply(
                key, transitions.cancel(now_ms=now_ms, retention_seconds=api.retention_seconds)
            )
        except DependencyError as error:
            raise Unavailable("The request could not be cancelled just now. Try again.") from error
        found = answer.record if isinstance(answer, Applied) else answer.found
        if found is None or not found.retained(now_ms):
            raise _unknown(key)
        if isinstance(answer, Applied):
            return found
        raise AlreadyFinished(f"The request is {found.status} and can no longer be cancelled.")


def _key(api: ApiEntry, request_id: str) -> RequestKey:
    key = RequestKey(api=api.name, id=request_id)
    if not is_request_id(request_id):
        raise _unknown(key)
    return key


def _unknown(key: RequestKey) -> UnknownRequest:
    return UnknownRequest(f"API {key.api} has no request {key.id[:64]!r}, or its retention is over.")
