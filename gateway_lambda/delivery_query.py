"""The query of a list of deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gateway_lambda import cursor
from gateway_lambda.list_query import DEFAULT_LIMIT, read_limit, single_values
from penstock.batch.job_ids import is_job_id
from penstock.errors import InvalidQuery
from penstock.ids import is_request_id
from penstock.webhooks.deliveries import State

if TYPE_CHECKING:
    from penstock.webhooks.deliveries import Delivery

PARAMETERS = ("state", "request", "job", "limit", "cursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryQuery:
    """What a caller wants to see of an API's deliveries; see ``ListQuery``."""

    #: A list of deliveries has no bounds in time.
    created_after_ms: ClassVar[None] = None
    created_before_ms: ClassVar[None] = None

    state: State | None
    #: Only those of this request.
    request: str | None
    #: Only those of this job.
    job: str | None
    limit: int
    #: The position below which the list goes on; None for its first page.
    below: str | None
    #: What a cursor must belong to.
    belongs_to: tuple[str, ...]

    @property
    def selective(self) -> bool:
        """Whether it passes deliveries over."""
        return self.state is not None

    def wants(self, delivery: Delivery) -> bool:
        """Whether the filter lets the delivery through."""
        return self.state in {None, delivery.state}

    @classmethod
    def parse(cls, text: str, *, api: str) -> DeliveryQuery:
        """Read a URL's query; ``InvalidQuery`` or ``InvalidCursor``."""
        given = single_values(text, PARAMETERS)
        state = _state(given.get("state"))
        request, job = given.get("request"), given.get("job")
        if request is not None and not is_request_id(request):
            raise InvalidQuery("request takes the id of a request.")
        if job is not None and (not is_job_id(job) or request is not None):
            raise InvalidQuery("job takes the id of a job, in place of request.")
        belongs_to = ("webhooks", api, state or "")
        return cls(
            state=state,
            request=request,
            job=job,
            limit=read_limit(given.get("limit", str(DEFAULT_LIMIT))),
            below=cursor.decode(given["cursor"], belongs_to=belongs_to) if "cursor" in given else None,
            belongs_to=belongs_to,
        )


def _state(text: str | None) -> State | None:
    if text is None:
        return None
    try:
        return State(text)
    except ValueError as error:
        raise InvalidQuery(f"There is no state {text[:64]!r}. Known: {', '.join(State)}.") from error
