"""The containers that run together in one ECS task, and how requests reach them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from penstock import sizes
from penstock.config import identifiers
from penstock.config.container import Container
from penstock.config.disk import EphemeralStorage
from penstock.config.findings import Finding, each_once, entries, validate_with
from penstock.config.prefetch import SHARED_FOLDER, Prefetch
from penstock.config.quantities import format_duration
from penstock.config.section import Duration, Port, Section, WholeNumber
from penstock.sizes import Size

#: ECS allows so many containers in a task, and the dequeuer is one.
MOST_IN_A_TASK = 10
_DEQUEUER = "the dequeuer"
_PREFETCH = "what prefetches"
_NUMBERS = ("none", "one", "two", "three")

MOST_CONCURRENT = 100

#: All of them stand in one environment variable and in one policy.
MOST_PREFETCHED = 20
#: An idle dequeuer is in a long poll of 20 seconds, which is never cancelled (R18).
SHORTEST_STOP = timedelta(seconds=30)
#: On Fargate. Nothing is documented of instances that ECS manages, so they get no more.
LONGEST_STOP_OF_AWS = timedelta(minutes=2)
#: On instances of your own. No request runs longer (R20).
LONGEST_STOP = timedelta(hours=11, minutes=50)


class Pod(Section):
    """What one replica runs."""

    port: Port = 8080
    """Port on which the server listens on localhost. 1 to 65535, not 8888 or 15000."""

    max_concurrency: WholeNumber = Field(default=1, ge=1, le=MOST_CONCURRENT)
    """Requests, or batches, one replica works on at the same time. 1 to 100."""

    stop_timeout: Duration = timedelta(seconds=120)
    """From SIGTERM to SIGKILL for the dequeuer, which drains until 20s before its end; for the containers \
after it, up to 2m of it. 30s to 2m; with `capacity.kind: ec2` up to 11h50m."""

    prefetch: tuple[Prefetch, ...] = Field(default=(), json_schema_extra={"maxItems": MOST_PREFETCHED})
    """What is downloaded from S3 into the shared folder `/mnt` before the containers start. At most 20."""

    containers: tuple[Container, ...] = Field(
        json_schema_extra={"minItems": 1, "maxItems": MOST_IN_A_TASK - 1}
    )
    """The containers, 1 to 9. One of them serves the port."""

    dequeuer_image: Annotated[str, AfterValidator(identifiers.image_reference)] | None = None
    """Image of the dequeuer that runs beside them. Default: built from this repository. \
`penstock promote` writes it."""

    ephemeral_storage_gib: EphemeralStorage | None = Field(default=None, alias="ephemeral_storage")
    """Disk of a task on Fargate, for its images and files: 21Gi to 200Gi. Default: 20Gi."""

    @property
    def shares_folder(self) -> bool:
        """Whether the containers have the folder ``/mnt`` in common."""
        return len(self.containers) > 1 or bool(self.prefetch)

    @property
    def beside(self) -> tuple[str, ...]:
        """What else runs in the task, whatever kind of API it is for."""
        return _beside(prefetches=bool(self.prefetch))

    @field_validator("stop_timeout")
    @classmethod
    def _longer_than_a_poll(cls, value: timedelta) -> timedelta:
        if not SHORTEST_STOP <= value <= LONGEST_STOP:
            shortest, longest = format_duration(SHORTEST_STOP), format_duration(LONGEST_STOP)
            raise ValueError(f"must be from {shortest} to {longest}, not {format_duration(value)}")
        return value

    @property
    def needs(self) -> Size:
        """What containers and dequeuer ask for together; containers that state no memory count 0."""
        asked, beside = [each.compute for each in self.containers], sizes.dequeuer(self.max_concurrency)
        cpu_units = sum(sizes.cpu_units(compute.cpu_millicores) for compute in asked)
        memory_mib = sum(compute.mem_mib or 0 for compute in asked)
        return Size(cpu_units + beside.cpu_units, memory_mib + beside.memory_mib)

    @property
    def gpus(self) -> int:
        """GPUs of all containers together."""
        return sum(container.compute.gpu for container in self.containers)

    @property
    def neuron(self) -> bool:
        """Whether a container gets the Neuron devices."""
        return any(container.compute.neuron for container in self.containers)

    @field_validator("containers")
    @classmethod
    def _probe_the_port(cls, value: tuple[Container, ...], info: ValidationInfo) -> tuple[Container, ...]:
        port = info.data.get("port")
        if port is None:
            return value
        return tuple(container.with_port(port) for container in value)

    @field_validator("containers", mode="wrap")
    @classmethod
    def _distinct(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> tuple[Container, ...]:
        beside = _beside(prefetches=bool(info.data.get("prefetch")))
        return validate_with(_crowding(value, beside), value, handler=handler)

    @field_validator("prefetch")
    @classmethod
    def _apart(cls, value: tuple[Prefetch, ...]) -> tuple[Prefetch, ...]:
        if len(value) > MOST_PREFETCHED:
            raise ValueError(f"must list at most {MOST_PREFETCHED} sources, not {len(value)}")
        each_once((entry.place for entry in value), what="place")
        for file in (entry.place for entry in value if not entry.is_prefix):
            below = sorted(entry.place for entry in value if entry.place.startswith(f"{file}/"))
            if below:
                raise ValueError(
                    f"must not have a file, {SHARED_FOLDER}/{file}, "
                    f"where {SHARED_FOLDER}/{below[0]} needs a folder"
                )
        return value


def _beside(*, prefetches: bool) -> tuple[str, ...]:
    return (_DEQUEUER, _PREFETCH) if prefetches else (_DEQUEUER,)


def crowded(containers: int, beside: tuple[str, ...]) -> str | None:
    """What is wrong if so many containers run beside those others; None if there is room."""
    most = MOST_IN_A_TASK - len(beside)
    if containers <= most:
        return None
    *others, last = beside
    listed = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return (
        f"at most {most} containers: ECS allows {MOST_IN_A_TASK} in a task, and {listed} "
        f"{_NUMBERS[len(beside)]}"
    )


def _crowding(containers: object, beside: tuple[str, ...]) -> Iterator[Finding]:
    if isinstance(containers, list | tuple) and not containers:
        yield Finding((), "must list at least one container")
    if isinstance(containers, list | tuple) and (limit := crowded(len(containers), beside)):
        yield Finding((), f"must list {limit}")
    names = set()
    for index, container in entries(containers):
        name = container.get("name")
        if isinstance(name, str) and name in names:
            yield Finding((index, "name"), f'must be unique: another container of this pod is named "{name}"')
        names.add(name if isinstance(name, str) else None)
    yield from _contended(containers)


def _contended(containers: object) -> Iterator[Finding]:
    """ECS gives a task's accelerators out once: Neuron devices all to one container, and no GPUs besides."""
    asked = [(index, each["compute"]) for index, each in entries(containers) if _is_map(each.get("compute"))]
    neuron = [index for index, compute in asked if compute.get("neuron") is True]
    for index in neuron[1:]:
        place = (index, "compute", "neuron")
        yield Finding(place, "must be left out: another container gets all Neuron devices of the instance")
    for index, compute in asked:
        if neuron and compute.get("gpu"):
            place = (index, "compute", "gpu")
            yield Finding(place, "must be left out beside neuron: no instance has both")


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)
