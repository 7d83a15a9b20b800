"""The containers that run together in one ECS task, and how requests reach them."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from penstock.config.container import Container
from penstock.config.findings import Finding, each_once, entries, validate_with
from penstock.config.prefetch import Prefetch
from penstock.config.section import Port, Section, WholeNumber

#: ECS allows so many containers in a task, and the dequeuer is one.
MOST_IN_A_TASK = 10
_DEQUEUER = "the dequeuer"
_PREFETCH = "what prefetches"
_NUMBERS = ("none", "one", "two", "three")

#: Fargate's largest task: 16 vCPU and 120 GB (Amazon ECS developer guide, "Task CPU and memory").
LARGEST_CPU_MILLICORES = 16_000
LARGEST_MEMORY_MIB = 120 * 1024

MOST_CONCURRENT = 100

#: All of them stand in one environment variable and in one policy.
MOST_PREFETCHED = 20


class Pod(Section):
    """What one replica runs."""

    port: Port = 8080
    """Port on which the server listens on localhost. 1 to 65535, not 8888 or 15000."""

    max_concurrency: WholeNumber = Field(default=1, ge=1, le=MOST_CONCURRENT)
    """Requests, or batches, one replica works on at the same time. 1 to 100."""

    prefetch: tuple[Prefetch, ...] = Field(default=(), json_schema_extra={"maxItems": MOST_PREFETCHED})
    """What is downloaded from S3 into the shared folder `/mnt` before the containers start. At most 20."""

    containers: tuple[Container, ...] = Field(
        json_schema_extra={"minItems": 1, "maxItems": MOST_IN_A_TASK - 1}
    )
    """The containers, 1 to 9. One of them serves the port."""

    @property
    def shares_folder(self) -> bool:
        """Whether the containers have the folder ``/mnt`` in common."""
        return len(self.containers) > 1 or bool(self.prefetch)

    @property
    def beside(self) -> tuple[str, ...]:
        """What else runs in the task, whatever kind of API it is for."""
        return _beside(prefetches=bool(self.prefetch))

    @property
    def cpu_millicores(self) -> int:
        """CPU of all containers together, without the dequeuer's."""
        return sum(container.compute.cpu_millicores for container in self.containers)

    @property
    def mem_mib(self) -> int:
        """Memory of all containers together in MiB, without the dequeuer's; those that state none count 0."""
        return sum(container.compute.mem_mib or 0 for container in self.containers)

    @field_validator("containers")
    @classmethod
    def _fit_fargate(cls, value: tuple[Container, ...]) -> tuple[Container, ...]:
        cpu = sum(container.compute.cpu_millicores for container in value)
        if cpu > LARGEST_CPU_MILLICORES:
            raise ValueError(
                f"ask for {cpu}m CPU together; Fargate's largest task has {LARGEST_CPU_MILLICORES}m"
            )
        memory = sum(container.compute.mem_mib or 0 for container in value)
        if memory > LARGEST_MEMORY_MIB:
            raise ValueError(
                f"ask for {memory}Mi together; Fargate's largest task has {LARGEST_MEMORY_MIB}Mi"
            )
        return value

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
        each_once((entry.path.removesuffix("/") for entry in value), what="place")
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
