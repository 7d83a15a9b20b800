"""Who is told when requests end, and what callbacks may call."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, Strict, field_validator

from penstock import records
from penstock.batch import jobs
from penstock.config import identifiers
from penstock.config.quantities import format_duration
from penstock.config.section import HIGHEST_PORT, Duration, Section, WholeNumber
from penstock.config.wording import shown
from penstock.webhooks import own, urls
from penstock.webhooks.errors import CallbackRefused
from penstock.webhooks.events import MOST_INLINE_BYTES
from penstock.webhooks.guard import Policy
from penstock.webhooks.job_events import STARTED
from penstock.webhooks.schedule import DEFAULT_WAITS_SECONDS

_REQUEST_EVENTS = sorted(status.value for status in records.TERMINAL)
_JOB_ENDS = sorted(status.value for status in jobs.TERMINAL)
_JOB_EVENTS = [STARTED, *_JOB_ENDS]

#: A message in SQS lives for 14 days, and no wait is longer than it takes to lose interest.
LONGEST_WAIT = timedelta(days=1)
MOST_ATTEMPTS = 20


def _url(value: str) -> str:
    try:
        if own.own_call(value) is None:
            urls.parse(value)
    except CallbackRefused as error:
        raise ValueError(f"is refused: {error}") from error
    return value


class Webhook(Section):
    """Who is told of what happens to requests or jobs."""

    url: Annotated[str, AfterValidator(_url)] | None = None
    """Where events are sent: an https URL that `callbacks` lets be called, or `/async/{api}` for another \
API of this deployment."""

    chain: tuple[
        Annotated[
            str,
            AfterValidator(identifiers.path_segment),
            Field(json_schema_extra={"pattern": f"^{identifiers.PATH_SEGMENT_PATTERN}$"}),
        ],
        ...,
    ] = ()
    """Endpoints of this deployment that the callbacks of this API's requests or jobs may call."""


def _one_of(events: Sequence[str]) -> AfterValidator:
    def _check(value: str) -> str:
        if value not in events:
            raise ValueError(f"must be one of {', '.join(events)}, not {shown(value)}")
        return value

    return AfterValidator(_check)


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("must list at least one event; leave the key out for the default")
    return value


class RequestWebhook(Webhook):
    """Who is told of each end of a request."""

    events: Annotated[
        tuple[
            Annotated[str, _one_of(_REQUEST_EVENTS), Field(json_schema_extra={"enum": [*_REQUEST_EVENTS]})],
            ...,
        ],
        AfterValidator(_some),
    ] = Field(default=tuple(_REQUEST_EVENTS), json_schema_extra={"minItems": 1})
    """Statuses that are sent to `url`: `completed`, `failed`, `cancelled`, `expired`. Default: all."""

    inline_result_bytes: WholeNumber = Field(default=0, ge=0, le=MOST_INLINE_BYTES)
    """JSON results up to this many bytes are part of the event. 0 to 16384."""


class JobWebhook(Webhook):
    """Who is told of the start and the end of a job."""

    events: Annotated[
        tuple[Annotated[str, _one_of(_JOB_EVENTS), Field(json_schema_extra={"enum": [*_JOB_EVENTS]})], ...],
        AfterValidator(_some),
    ] = Field(default=tuple(_JOB_ENDS), json_schema_extra={"minItems": 1})
    """What is sent to `url`: `started`, and the statuses that a job may end with. Default: all but \
`started`."""


def _host_pattern(value: str) -> str:
    if not identifiers.is_host_pattern(value):
        raise ValueError('must be a host in lower case, such as hooks.example.com, or "*.example.com"')
    return value


_Host = Annotated[
    str,
    AfterValidator(_host_pattern),
    Field(json_schema_extra={"pattern": f"^{identifiers.HOST_PATTERN}$"}),
]


class Callbacks(Section):
    """What callbacks and webhooks may call, and when they are tried again."""

    allow: tuple[_Host, ...] = ()
    """Hosts that may be called, and no others. Default: all that are public."""

    deny: tuple[_Host, ...] = ()
    """Hosts that are never called."""

    http: Annotated[bool, Strict()] = False
    """Whether plain `http://` is called too. Its port must be among `ports`."""

    ports: tuple[Annotated[WholeNumber, Field(ge=1, le=HIGHEST_PORT)], ...] = Field(
        default=(443,), json_schema_extra={"minItems": 1}
    )
    """Ports that may be called."""

    schedule: tuple[Duration, ...] = Field(
        default=tuple(timedelta(seconds=seconds) for seconds in DEFAULT_WAITS_SECONDS),
        json_schema_extra={
            "maxItems": MOST_ATTEMPTS - 1,
            "default": [format_duration(timedelta(seconds=seconds)) for seconds in DEFAULT_WAITS_SECONDS],
        },
    )
    """Waits before the second, third, … attempt of a delivery, each up to 1d; at most 19. They are \
lengthened by up to a fifth, at random."""

    @field_validator("ports")
    @classmethod
    def _one_at_least(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value:
            raise ValueError("must list at least one port")
        return value

    @field_validator("schedule")
    @classmethod
    def _within_reason(cls, value: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        if len(value) >= MOST_ATTEMPTS:
            raise ValueError(f"must have at most {MOST_ATTEMPTS - 1} waits, not {len(value)}")
        for wait in value:
            if not timedelta() < wait <= LONGEST_WAIT:
                raise ValueError(f"must have waits above 0s and up to 1d, not {format_duration(wait)}")
        return value

    def policy(self) -> Policy:
        """The same for the guard."""
        return Policy(allow=self.allow, deny=self.deny, http=self.http, ports=self.ports)
