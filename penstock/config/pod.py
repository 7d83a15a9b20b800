"""The containers that run together in one ECS task, and how requests reach them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from penstock.config.container import Container
from penstock.config.findings import Finding, entries, validate_with
from penstock.config.quantities import format_duration
from penstock.config.section import Duration, Port, Section, WholeNumber

#: ECS allows ten containers in a task, and the dequeuer is one.
MOST_CONTAINERS = 9

#: Fargate's largest task: 16 vCPU and 120 GB (Amazon ECS developer guide, "Task CPU and memory").
LARGEST_CPU_MILLICORES = 16_000
LARGEST_MEMORY_MIB = 120 * 1024

MOST_CONCURRENT = 100

#: An idle dequeuer is in a long poll of 20 seconds, which is never cancelled (R18).
SHORTEST_STOP = timedelta(seconds=30)
LONGEST_STOP = timedelta(minutes=2)


class Pod(Section):
    """What one replica runs."""

    port: Port = 8080
    """Port on which the server listens on localhost. 1 to 65535, not 8888 or 15000."""

    max_concurrency: WholeNumber = Field(default=1, ge=1, le=MOST_CONCURRENT)
    """Requests, or batches, one replica works on at the same time. 1 to 100."""

    stop_timeout: Duration = timedelta(seconds=120)
    """From SIGTERM to SIGKILL, for each container. The dequeuer drains until 20s before its end. 30s to \
120s."""

    containers: tuple[Container, ...] = Field(json_schema_extra={"minItems": 1, "maxItems": MOST_CONTAINERS})
    """The containers, 1 to 9. One of them serves the port."""

    @field_validator("stop_timeout")
    @classmethod
    def _within_fargates_limit(cls, value: timedelta) -> timedelta:
        if not SHORTEST_STOP <= value <= LONGEST_STOP:
            shortest, longest = format_duration(SHORTEST_STOP), format_duration(LONGEST_STOP)
            raise ValueError(
                f"must be from {shortest} to {longest}, Fargate's limit and that of an interruption of Spot, "
                f"not {format_duration(value)}"
            )
        return value

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
        return tuple(
            container.model_copy(update={"readiness_probe": container.readiness_probe.with_port(port)})
            if container.readiness_probe
            else container
            for container in value
        )

    @field_validator("containers", mode="wrap")
    @classmethod
    def _distinct(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> tuple[Container, ...]:
        return validate_with(_crowding(value), value, handler=handler)


def _crowding(containers: object) -> Iterator[Finding]:
    if isinstance(containers, list | tuple) and not containers:
        yield Finding((), "must list at least one container")
    if isinstance(containers, list | tuple) and len(containers) > MOST_CONTAINERS:
        limit = f"at most {MOST_CONTAINERS} containers: ECS allows 10 in a task, and the dequeuer is one"
        yield Finding((), f"must list {limit}")
    names = set()
    for index, container in entries(containers):
        name = container.get("name")
        if isinstance(name, str) and name in names:
            yield Finding((index, "name"), f'must be unique: another container of this pod is named "{name}"')
        names.add(name if isinstance(name, str) else None)
