"""One API: what clients call, and everything that runs behind it."""

import shlex
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from penstock.config import identifiers
from penstock.config.autoscaling import Autoscaling
from penstock.config.findings import rejection
from penstock.config.pod import Pod
from penstock.config.quantities import format_duration
from penstock.config.retries import Retries
from penstock.config.section import Duration, EnvironmentName, Section, WholeNumber
from penstock.config.webhook import Webhook
from penstock.config.wording import shown

#: SQS ends a message's invisibility 12 hours after its receipt; the run and a wait before the next
#: attempt must fit into that with a margin (R20).
LONGEST_HOLD = timedelta(hours=11, minutes=50)

SHORTEST_RETENTION = timedelta(hours=1)
LONGEST_RETENTION = timedelta(days=365)

#: A Lambda function answers with at most 6 MB, escaping and headers included.
MOST_INLINE_RESULT_BYTES = 4_000_000

_FOREIGN_KINDS = frozenset({"BatchAPI", "RealtimeAPI", "TaskAPI", "TrafficSplitter"})


class Kind(StrEnum):
    """What an API does with a request."""

    #: Answers 202 at once, runs the request later, keeps the result.
    ASYNC = "AsyncAPI"


def _known_kind(value: object) -> object:
    kinds = ", ".join(Kind)
    if not isinstance(value, str):
        raise ValueError(f"must be one of the kinds that exist, {kinds}, not {shown(value)}")  # noqa: TRY004 - pydantic reports ValueError only
    if value in _FOREIGN_KINDS:
        raise ValueError(f"{value} is a kind of Cortex's that Penstock does not have; the kinds are: {kinds}")
    if value not in list(Kind):
        near = next(iter(get_close_matches(value, list(Kind), n=1)), None)
        raise rejection(f"must be one of the kinds that exist, {kinds}, not {shown(value)}", suggestion=near)
    return value


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise ValueError("must be a command line whose quotes are closed") from error


def _program_first(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or not value[0]:
        raise ValueError("must start with the program to run")
    return value


class Networking(Section):
    """How clients reach the API, and what of a request reaches the container."""

    endpoint: (
        Annotated[
            str,
            AfterValidator(identifiers.path_segment),
            Field(json_schema_extra={"pattern": f"^{identifiers.PATH_SEGMENT_PATTERN}$"}),
        ]
        | None
    ) = None
    """Path segment in the URL, unique among the APIs; may have a leading slash. Default: the API's `name`."""

    forward_headers: tuple[Annotated[str, AfterValidator(identifiers.header_name)], ...] = ()
    """Request headers to store and to pass to the container, besides Content-Type. Credentials, cookies \
and headers of the connection are refused."""

    @field_validator("forward_headers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"must list each header once: {', '.join(twice)}")
        return value


class Local(Section):
    """How the server is started on a developer's machine, without containers."""

    command: Annotated[
        tuple[str, ...],
        BeforeValidator(_words),
        AfterValidator(_program_first),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                ]
            }
        ),
    ]
    """Command line, or a list of words. No shell takes part."""

    directory: Path = Path()
    """Folder to start in, relative to this file."""

    env: Mapping[EnvironmentName, str] = Field(default_factory=dict)
    """Environment variables. Values are text: write `"1"`, not `1`."""


class AsyncApi(Section):
    """An API that answers 202 at once, runs the request later and keeps the result."""

    name: Annotated[
        str,
        AfterValidator(identifiers.api_name),
        Field(
            json_schema_extra={
                "pattern": f"^{identifiers.DNS_LABEL_PATTERN}$",
                "maxLength": identifiers.LONGEST_API_CHARACTERS,
            }
        ),
    ]
    """Name, unique in the file. Lower-case letters, digits and dashes; at most 42 characters, not starting \
with `b-`."""

    kind: Annotated[Kind, BeforeValidator(_known_kind)]
    """`AsyncAPI`."""

    pod: Pod
    """What one replica runs."""

    autoscaling: Autoscaling = Field(default_factory=Autoscaling, validate_default=True)
    """How many replicas there are."""

    retries: Retries = Field(default_factory=Retries)
    """Which failed attempts are tried again."""

    timeout: Duration = timedelta(minutes=10)
    """How long one run of the container may take. Above 0; with `retries.max_wait` at most 11h50m. A call \
may ask for less with `X-Timeout-Seconds`."""

    retention: Duration = timedelta(days=7)
    """How long a finished request and its result are kept after it ended. 1h to 365d."""

    inline_result_bytes: WholeNumber = Field(default=262_144, ge=0, le=MOST_INLINE_RESULT_BYTES)
    """JSON results up to this many bytes are part of the status answer. 0 to 4000000."""

    input_buckets: tuple[
        Annotated[
            str,
            AfterValidator(identifiers.bucket_name),
            Field(json_schema_extra={"pattern": f"^{identifiers.BUCKET_NAME_PATTERN}$"}),
        ],
        ...,
    ] = ()
    """S3 buckets that requests may name their payloads from, with `X-Payload-Url`. Penstock reads there, \
and never deletes."""

    webhook: Webhook = Field(default_factory=Webhook)
    """Who is told of each end of a request."""

    networking: Networking = Field(default_factory=Networking)
    """How clients reach the API."""

    local: Local | None = None
    """How the server is started on a developer's machine."""

    @property
    def endpoint(self) -> str:
        """The path segment clients use, without slashes."""
        return self.networking.endpoint or self.name

    @field_validator("autoscaling")
    @classmethod
    def _aim_at_full_replicas(cls, value: Autoscaling, info: ValidationInfo) -> Autoscaling:
        pod: Pod | None = info.data.get("pod")
        if pod is None or "target_in_flight" in value.model_fields_set:
            return value
        return value.model_copy(update={"target_in_flight": float(pod.max_concurrency)})

    @field_validator("input_buckets")
    @classmethod
    def _each_bucket_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"must list each bucket once: {', '.join(twice)}")
        return value

    @field_validator("timeout")
    @classmethod
    def _fits_sqs(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        retries: Retries = info.data.get("retries") or Retries()
        longest = LONGEST_HOLD - retries.max_wait
        if not timedelta() < value <= longest:
            wait = format_duration(retries.max_wait)
            raise ValueError(
                f"must be above 0s and at most {format_duration(longest)}, not {format_duration(value)}: a "
                f"run and the longest wait for the next, {wait}, must end within the 12 hours that SQS hides "
                "a message"
            )
        return value

    @field_validator("retention")
    @classmethod
    def _within_a_year(cls, value: timedelta) -> timedelta:
        if not SHORTEST_RETENTION <= value <= LONGEST_RETENTION:
            shortest, longest = format_duration(SHORTEST_RETENTION), format_duration(LONGEST_RETENTION)
            raise ValueError(f"must be from {shortest} to {longest}, not {format_duration(value)}")
        return value
