"""What both kinds of APIs have: a name, what runs behind it, and how clients reach it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from penstock import names
from penstock.config import identifiers
from penstock.config.capacity import AnyCapacity, CapacityKind, FargateCapacity
from penstock.config.findings import each_once, rejected
from penstock.config.fit import misfits
from penstock.config.pod import Pod
from penstock.config.quantities import format_duration
from penstock.config.retries import Retries
from penstock.config.section import Duration, EnvironmentName, Section, WholeNumber
from penstock.kinds import Kind

#: SQS ends a message's invisibility 12 hours after its receipt; the run and a wait before the next
#: attempt must fit into that with a margin (R20).
LONGEST_HOLD = timedelta(hours=11, minutes=50)

SHORTEST_RETENTION = timedelta(hours=1)
LONGEST_RETENTION = timedelta(days=365)


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
    """How clients reach the API."""

    endpoint: (
        Annotated[
            str,
            AfterValidator(identifiers.path_segment),
            Field(json_schema_extra={"pattern": f"^{identifiers.PATH_SEGMENT_PATTERN}$"}),
        ]
        | None
    ) = None
    """Path segment in the URL, unique among the APIs; may have a leading slash. Default: the API's `name`."""


#: Each is a process of the user's and one of ours.
MOST_LOCAL_REPLICAS = 20


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

    max_replicas: WholeNumber = Field(default=1, ge=1, le=MOST_LOCAL_REPLICAS)
    """Most replicas on that machine, where `autoscaling.max_replicas` would be too many. 1 to 20."""


@dataclass(frozen=True, slots=True)
class _Written:
    """An entry of the file; two APIs that are spelt differently are still equal."""

    entry: Mapping[str, Any] = field(compare=False)


class Api(Section):
    """One API: what clients call, and everything that runs behind it."""

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

    kind: Kind
    """What it does with what is sent to it."""

    pod: Pod
    """What one replica runs."""

    capacity: AnyCapacity = Field(default_factory=FargateCapacity)
    """Where its tasks run. Default: on Fargate."""

    retries: Retries = Field(default_factory=Retries)
    """Which failed attempts are tried again."""

    timeout: Duration = timedelta(minutes=10)
    """How long one run of the container may take, for a request or a batch. Above 0; with \
`retries.max_wait` at most 11h50m."""

    retention: Duration = timedelta(days=7)
    """How long a request or job and its results are kept after it ended. 1h to 365d."""

    input_buckets: tuple[
        Annotated[
            str,
            AfterValidator(identifiers.bucket_name),
            Field(json_schema_extra={"pattern": f"^{identifiers.BUCKET_NAME_PATTERN}$"}),
        ],
        ...,
    ] = ()
    """S3 buckets that requests may name their payloads from, or jobs their files. Penstock reads there, and \
never deletes."""

    networking: Networking = Field(default_factory=Networking)
    """How clients reach the API."""

    local: Local | None = None
    """How the server is started on a developer's machine."""

    _written: _Written = PrivateAttr(default_factory=lambda: _Written({}))

    @property
    def written(self) -> Mapping[str, Any]:
        """Its entry as the file has it, with folders made absolute; empty if it was made otherwise."""
        return self._written.entry

    @property
    def endpoint(self) -> str:
        """The path segment clients use, without slashes."""
        return self.networking.endpoint or self.name

    @property
    def own_cluster(self) -> str | None:
        """What its tasks run on, if they have an ECS cluster of their own: a kind of instances."""
        kind = self.capacity.kind
        return None if kind is CapacityKind.FARGATE else kind.value

    def cluster(self, deployment: str) -> str:
        """ECS cluster that its tasks run in."""
        return names.cluster_of(deployment, self.name, own=self.own_cluster)

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(data)
        if isinstance(data, dict):
            made._written = _Written(data)  # noqa: SLF001 - of the same class
        return made

    @field_validator("input_buckets")
    @classmethod
    def _each_bucket_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        each_once(value, what="bucket")
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

    @model_validator(mode="after")
    def _fits(self) -> Self:
        rejected(misfits(self.pod, self.capacity, kind=self.kind))
        return self
