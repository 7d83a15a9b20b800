"""Webhooks as callers of the API see them: callbacks asked for, deliveries shown and sent again."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda import delivery_views, replies
from gateway_lambda.callbacks import read_callback
from gateway_lambda.delivery_query import DeliveryQuery
from gateway_lambda.listing import Listing, Page
from penstock.batch.errors import UnknownJob
from penstock.batch.jobs import JobKey
from penstock.errors import InvalidBody, PenstockError, Unavailable, UnknownRequest
from penstock.ports import DependencyError
from penstock.records import RequestKey
from penstock.webhooks import deliveries as delivering
from penstock.webhooks import events, job_events
from penstock.webhooks.deliveries import Delivery, DeliveryKey, State, Target
from penstock.webhooks.errors import DeliveryPending, NoWebhook, UnknownDelivery
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway_lambda.callbacks import Callback
    from gateway_lambda.replies import Reply
    from penstock.batch.ports import Jobs
    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock, Records
    from penstock.webhooks.guard import Guard
    from penstock.webhooks.ports import Deliveries, Endpoints, Lanes

#: How long after its time an attempt that was not made is taken for lost.
_OVERDUE_MS = 30 * 60 * 1000

#: A replay keeps a delivery for as long again, and its place in the list stays where it was.
_SEEN_MS = 3 * delivering.RETENTION_SECONDS * 1000

#: Deliveries that one call sends again.
MAX_REPLAYS = 50


class Webhooks:
    """What the routes about webhooks do."""

    def __init__(
        self,
        *,
        deployment: str,
        records: Records,
        jobs: Jobs,
        deliveries: Deliveries,
        endpoints: Endpoints,
        lanes: Lanes,
        guard: Guard,
        clock: Clock,
    ) -> None:
        self._deployment = deployment
        self._records = records
        self._jobs = jobs
        self._deliveries = deliveries
        self._listing = Listing(deliveries, clock, key=_key_of, seen_ms=lambda _: _SEEN_MS)
        self._endpoints = endpoints
        self._lanes = lanes
        self._guard = guard
        self._clock = clock

    def callback(self, api: ApiEntry, headers: Mapping[str, str]) -> Callback:
        """What a submission asks for; a class of ``CallbackRefused``."""
        return read_callback(headers, api, self._guard)

    def page(self, api: ApiEntry, query: str) -> Reply:
        """A page of the API's deliveries, or those of one request or job."""
        wanted = DeliveryQuery.parse(query, api=api.name)
        try:
            found = self._of_one(api, wanted)
        except DependencyError as error:
            raise Unavailable("The deliveries could not be listed just now. Try again.") from error
        if found is None:
            page = self._listing.page(api, wanted)
        else:
            page = Page([*filter(wanted.wants, found)], None)
        content: dict[str, Any] = {
            "deliveries": [delivery_views.summary(delivery, api.endpoint) for delivery in page.records]
        }
        if page.next_cursor is not None:
            content["next_cursor"] = page.next_cursor
        return replies.document(content)

    def show(self, api: ApiEntry, name: str) -> Reply:
        """One delivery with its attempts."""
        return replies.document(delivery_views.whole(self._find(api, name), api.endpoint))

    def replay(self, api: ApiEntry, name: str) -> Reply:
        """Send one again, with all attempts of the schedule."""
        begun = self._begin_again(self._find(api, name))
        return replies.document(delivery_views.whole(begun, api.endpoint), status=HTTPStatus.ACCEPTED)

    def replay_many(self, api: ApiEntry, body: bytes) -> Reply:
        """Send several again; each is answered for."""
        answers = [self._replayed(api, name) for name in _names(body)]
        return replies.document({"replays": answers}, status=HTTPStatus.ACCEPTED)

    def test(self, api: ApiEntry) -> Reply:
        """Send an event that says nothing to the API's webhook."""
        if api.webhook_url is None:
            raise NoWebhook(f"API {api.name} has no webhook.url in its configuration.")
        now_ms = self._clock()
        event = events.trial(api.name, deployment=self._deployment, now_ms=now_ms)
        delivery = Delivery(
            event_id=event.id,
            target=Target.API,
            api=api.name,
            subject=event.subject,
            type=event.type,
            url=api.webhook_url,
            body=event.body,
            created_ms=now_ms,
            next_attempt_ms=now_ms,
            expires_at=delivering.expires_at(now_ms),
        )
        try:
            self._endpoints.enable(api.name, delivery.url)
            self._deliveries.create(delivery)
            self._lanes.send(Due(key=delivery.key, round=0, attempt=1), Lane.FIRST)
        except DependencyError as error:
            raise Unavailable("The test could not be sent just now. Try again.") from error
        return replies.document(delivery_views.whole(delivery, api.endpoint), status=HTTPStatus.ACCEPTED)

    def _of_one(self, api: ApiEntry, wanted: DeliveryQuery) -> Sequence[Delivery] | None:
        """Deliveries of the request or job that is asked for; None if neither is."""
        if wanted.request is not None:
            event_ids = self._events_of_request(api, wanted.request)
        elif wanted.job is not None:
            event_ids = self._events_of_job(api, wanted.job)
        else:
            return None
        keys = [DeliveryKey(event_id, target) for event_id in event_ids for target in Target]
        found = self._deliveries.read(keys) if keys else {}
        now_ms = self._clock()
        return [found[key] for key in keys if key in found and found[key].retained(now_ms)]

    def _events_of_request(self, api: ApiEntry, request_id: str) -> Sequence[str]:
        record = self._records.get(RequestKey(api=api.name, id=request_id))
        if record is None or not record.retained(self._clock()):
            raise UnknownRequest(f"API {api.name} has no request {request_id!r}, or its retention is over.")
        return [events.event_id(record, deployment=self._deployment)] if record.status.terminal else []

    def _events_of_job(self, api: ApiEntry, job_id: str) -> Sequence[str]:
        record = self._jobs.get(JobKey(api=api.name, id=job_id))
        if record is None or not record.retained(self._clock()):
            raise UnknownJob(f"API {api.name} has no job {job_id!r}, or its retention is over.")
        return job_events.event_ids(record, deployment=self._deployment)

    def _find(self, api: ApiEntry, name: str) -> Delivery:
        key = DeliveryKey.parse(name)
        try:
            delivery = self._deliveries.get(key) if key is not None else None
        except DependencyError as error:
            raise Unavailable("The delivery could not be read just now. Try again.") from error
        if delivery is None or delivery.api != api.name or not delivery.retained(self._clock()):
            raise UnknownDelivery(f"API {api.name} has no delivery {name[:64]!r}, or it was too long ago.")
        return delivery

    def _begin_again(self, delivery: Delivery) -> Delivery:
        now_ms = self._clock()
        try:
            if delivery.state is State.PENDING:
                self._send_lost(delivery, now_ms)
                return delivery
            # Who sends it again says that the receiver is there again.
            self._endpoints.enable(delivery.api, delivery.url)
            begun = self._deliveries.apply(delivery.key, delivering.replay(delivery, now_ms=now_ms))
            if begun is None:
                raise DeliveryPending("Somebody else has just sent the delivery again.")
            self._lanes.send(Due(key=begun.key, round=begun.round, attempt=1), Lane.FIRST)
        except DependencyError as error:
            raise Unavailable("The delivery could not be sent again just now. Try again.") from error
        return begun

    def _send_lost(self, delivery: Delivery, now_ms: int) -> None:
        """Send the message of an attempt that should have been made long ago: it must have been lost."""
        if now_ms < max(delivery.next_attempt_ms, delivery.lease_until_ms) + _OVERDUE_MS:
            raise DeliveryPending("The delivery is under way; it can be sent again once it has ended.")
        due = Due(key=delivery.key, round=delivery.round, attempt=delivery.attempt + 1)
        self._lanes.send(due, Lane.LATER)

    def _replayed(self, api: ApiEntry, name: str) -> dict[str, str]:
        try:
            begun = self._begin_again(self._find(api, name))
        except PenstockError as error:
            return {"id": name, "error": error.code}
        return {"id": name, "state": begun.state.value}


def _key_of(*, api: str, id: str) -> DeliveryKey:  # noqa: A002, ARG001 - as the keys of requests and jobs are made
    key = DeliveryKey.parse(id)
    assert key is not None, "the index has names of deliveries only"
    return key


def _names(body: bytes) -> Sequence[str]:
    wanted = InvalidBody(f'The body is JSON: {{"deliveries": [up to {MAX_REPLAYS} ids]}}.')
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise wanted from error
    match content:
        case {"deliveries": [*names]} if (
            len(content) == 1 and names and len(names) <= MAX_REPLAYS and all(map(_is_name, names))
        ):
            return list(dict.fromkeys(names))
        case _:
            raise wanted


def _is_name(value: object) -> bool:
    return isinstance(value, str) and DeliveryKey.parse(value) is not None
