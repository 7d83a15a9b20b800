"""An end of a request, a start or an end of a job: an event for SNS, a delivery for each receiver (N1 to N3).

Everything here may happen twice: the stream delivers at least once. Ids are always the same, a delivery
that exists is left as it is, and a second message for the same attempt finds it made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import inlining
from penstock.batch.jobs import JobRecord
from penstock.ports import ObjectMissing
from penstock.webhooks import events, job_events
from penstock.webhooks.answers import answer_of
from penstock.webhooks.deliveries import Delivery, State, Target, expires_at
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.catalogue import ApiEntry, Catalogue
    from penstock.ports import Clock, Objects
    from penstock.records import RequestRecord
    from penstock.webhooks.answers import FunctionAnswer
    from penstock.webhooks.events import Event
    from penstock.webhooks.ports import Deliveries, Lanes, Topic


class Announcer:
    """Tells of requests' ends, and of jobs."""

    def __init__(
        self,
        *,
        deployment: str,
        base_url: str,
        catalogue: Catalogue,
        objects: Objects,
        deliveries: Deliveries,
        lanes: Lanes,
        topic: Topic,
        clock: Clock,
    ) -> None:
        self._deployment = deployment
        self._base_url = base_url
        self._catalogue = catalogue
        self._objects = objects
        self._deliveries = deliveries
        self._lanes = lanes
        self._topic = topic
        self._clock = clock

    def announce(self, record: RequestRecord | JobRecord) -> None:
        """Begin the deliveries and publish; ``DependencyError`` if any of it is not sure to have happened.

        The request has ended; the job has, or has just started.
        """
        # An API that is deployed no more has no webhook, but its last events are published.
        api = self._catalogue.named(record.api)
        event = self._event(record, api)
        for target, url in _receivers(record, event, api):
            answer = self._answer(record, api) if target is Target.CALLBACK else None
            self._begin(record, event, target, url, answer=answer)
        self._topic.publish(event)

    def _event(self, record: RequestRecord | JobRecord, api: ApiEntry | None) -> Event:
        endpoint = api.endpoint if api else record.api
        if isinstance(record, JobRecord):
            return job_events.told(
                record, deployment=self._deployment, endpoint=endpoint, base_url=self._base_url
            )
        return events.ended(
            record,
            deployment=self._deployment,
            endpoint=endpoint,
            base_url=self._base_url,
            result=self._inline(record, api),
        )

    def _answer(self, record: RequestRecord | JobRecord, api: ApiEntry | None) -> FunctionAnswer | None:
        if isinstance(record, JobRecord):
            return None
        endpoint = api.endpoint if api else record.api
        own_url = events.url_of(record, endpoint=endpoint, base_url=self._base_url)
        return answer_of(record, function=endpoint, link=f"{own_url}/result")

    def _begin(
        self,
        record: RequestRecord | JobRecord,
        event: Event,
        target: Target,
        url: str,
        *,
        answer: FunctionAnswer | None,
    ) -> None:
        now_ms = self._clock()
        stored = self._deliveries.create(
            Delivery(
                event_id=event.id,
                target=target,
                api=event.api,
                subject=event.subject,
                type=event.type,
                url=url,
                body=event.body,
                answer=answer,
                created_ms=now_ms,
                depth=record.depth,
                trace=record.trace,
                next_attempt_ms=now_ms,
                expires_at=expires_at(now_ms),
            )
        )
        # Also if it was there before: its message may have been lost with the function.
        if stored.state is State.PENDING and stored.attempt == stored.round == 0:
            self._lanes.send(Due(key=stored.key, round=0, attempt=1), Lane.FIRST)

    def _inline(self, record: RequestRecord, api: ApiEntry | None) -> str | None:
        if api is None or record.result is None:
            return None
        if not api.webhook_inline_bytes or not inlining.may_inline(
            record, limit_bytes=api.webhook_inline_bytes
        ):
            return None
        try:
            return inlining.json_text(self._objects.read(record.result.key))
        except ObjectMissing:
            return None


def _receivers(
    record: RequestRecord | JobRecord, event: Event, api: ApiEntry | None
) -> Iterator[tuple[Target, str]]:
    # Who submits wants to know of the end.
    callback = record.callback if record.status.terminal else None
    if callback is not None:
        yield Target.CALLBACK, callback
    if api is None or api.webhook_url is None or event.status not in api.webhook_events:
        return
    if api.webhook_url != callback:
        yield Target.API, api.webhook_url
