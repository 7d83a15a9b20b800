"""Requests that ended badly: run again (R1), and as dead letters listed, redriven and purged (R14)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda import replies, views
from gateway_lambda.bulk import not_dead
from gateway_lambda.list_query import ListQuery
from gateway_lambda.selection import read_selection
from penstock.errors import EndedTooRecently, NotConfirmed, Unavailable
from penstock.ports import DependencyError
from penstock.records import RequestRecord, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway_lambda.bulk import Bulk, Done
    from gateway_lambda.incoming import Incoming
    from gateway_lambda.listing import Listing
    from gateway_lambda.replies import Reply
    from gateway_lambda.requests import Requests
    from gateway_lambda.retry import Retrier
    from penstock.catalogue import ApiEntry
    from penstock.overview import Directory
    from penstock.ports import Clock, Objects, Records
    from penstock.records import RequestKey

#: How long a request is kept after its end in any case. SQS remembers its id for five minutes, and
#: would swallow the message of a new request that an Idempotency-Key or a retry gives the same id.
QUIET_SECONDS = 6 * 60


class Recovery:
    """What the routes below ``/dead-letters`` do, and the one that retries.

    A dead letter is a failed request.
    """

    def __init__(
        self,
        *,
        requests: Requests,
        listing: Listing[RequestKey, RequestRecord],
        directory: Directory,
        bulk: Bulk,
        retrier: Retrier,
        records: Records,
        objects: Objects,
        clock: Clock,
        on_accepted: Callable[[ApiEntry, bool], None],
    ) -> None:
        self._requests = requests
        self._listing = listing
        self._directory = directory
        self._bulk = bulk
        self._retrier = retrier
        self._records = records
        self._objects = objects
        self._clock = clock
        self._on_accepted = on_accepted

    def retry(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``POST /async/{api}/{id}/retry``."""
        record = self._requests.find(api, incoming.path["id"])
        accepted = self._retrier.retry(record, caller=incoming.caller)
        self._on_accepted(api, accepted.replayed)
        return replies.document(
            views.accepted(accepted.record, api.endpoint),
            status=HTTPStatus.ACCEPTED,
            # Relative to /async/{api}/{id}/retry, whatever stage or domain stands before it.
            headers={"Location": f"../{accepted.record.id}"},
        )

    def page(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``GET /dead-letters/{api}``: failed requests, newest first."""
        page = self._listing.page(api, ListQuery.parse_dead_letters(incoming.query, api=api.name))
        content: dict[str, Any] = {"dead_letters": self._documents(api, page.records)}
        if page.next_cursor is not None:
            content["next_cursor"] = page.next_cursor
        return replies.document(content)

    def show(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``GET /dead-letters/{api}/{id}``."""
        record = self._requests.find(api, incoming.path["id"])
        if record.status is not Status.FAILED:
            raise not_dead(record)
        return replies.document(self._documents(api, [record])[0])

    def redrive(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``POST /dead-letters/{api}/redrive``: each runs again as a new request."""
        selection = read_selection(incoming.body, api)
        done = self._bulk.each(
            api, selection, lambda record: self._retrier.retry(record, caller=incoming.caller)
        )
        # Counted here, where one thread writes the lines.
        for _, accepted in done.results:
            self._on_accepted(api, accepted.replayed)
        return replies.document(
            {
                "redriven": sum(not accepted.replayed for _, accepted in done.results),
                "already_redriven": sum(accepted.replayed for _, accepted in done.results),
                "retries": [{"id": one, "retried_as": accepted.record.id} for one, accepted in done.results],
                **_remainder(done),
            }
        )

    def purge(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``POST /dead-letters/{api}/purge``: each is deleted, with all that was kept for it."""
        selection = read_selection(incoming.body, api)
        if selection.confirm != incoming.path["api"]:
            raise NotConfirmed(f'Purging cannot be undone: confirm with "confirm": "{incoming.path["api"]}".')
        done = self._bulk.each(api, selection, self._purge)
        return replies.document({"purged": len(done.results), **_remainder(done)})

    def _purge(self, record: RequestRecord) -> None:
        """Bodies first: the record is what finds them, so after a crash the purge can be done again."""
        if (record.finished_ms or 0) + QUIET_SECONDS * 1000 > self._clock():
            raise EndedTooRecently(f"It can be purged {QUIET_SECONDS // 60} minutes after its end.")
        try:
            if record.result is not None:
                self._objects.delete(record.result.key)
            if record.payload.bucket is None:
                self._objects.delete(record.payload.key)
            self._records.purge(record)
        except DependencyError as error:
            raise Unavailable("It could not be purged just now. Try again.") from error

    def _documents(self, api: ApiEntry, records: Sequence[RequestRecord]) -> list[dict[str, Any]]:
        """Status documents that also say which request runs each one again, if there is one."""
        retries = self._retries(records)
        return [
            views.status(record, api.endpoint, result_url=None)
            | ({"retried_as": retries[record.key].id} if record.key in retries else {})
            for record in records
        ]

    def _retries(self, records: Sequence[RequestRecord]) -> Mapping[RequestKey, RequestKey]:
        wanted = {record.key: self._retrier.key_of(record) for record in records}
        try:
            found = self._directory.read(list(wanted.values()))
        except DependencyError as error:
            raise Unavailable("The dead letters could not be read just now. Try again.") from error
        now_ms = self._clock()
        return {
            key: retry for key, retry in wanted.items() if retry in found and found[retry].retained(now_ms)
        }


def _remainder(done: Done[Any]) -> dict[str, Any]:
    """What failed, and what is left to do; members that say nothing are left out."""
    failures = [
        {"id": one, "code": error.code, "detail": str(error) or error.title} for one, error in done.failures
    ]
    content: dict[str, Any] = {"failures": failures}
    if done.not_tried:
        content["not_tried"] = done.not_tried
    if done.next_cursor is not None:
        content["next_cursor"] = done.next_cursor
    return content
