"""One container of a pod: where its image comes from, and what it gets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    Strict,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from penstock.config import identifiers
from penstock.config.findings import one_of, validate_with
from penstock.config.probe import LivenessProbe, Probe
from penstock.config.quantities import CPU_PATTERN, MEMORY_PATTERN, parse_cpu, parse_memory
from penstock.config.section import EnvironmentName, Section, WholeNumber
from penstock.image_references import ecr_image

SMALLEST_CPU_MILLICORES = 20
SMALLEST_MEMORY_MIB = 20


def _enough_cpu(millicores: int) -> int:
    if millicores < SMALLEST_CPU_MILLICORES:
        raise ValueError(f"must be at least {SMALLEST_CPU_MILLICORES}m")
    return millicores


def _enough_memory(mebibytes: int) -> int:
    if mebibytes < SMALLEST_MEMORY_MIB:
        raise ValueError(f"must be at least {SMALLEST_MEMORY_MIB}Mi")
    return mebibytes


Cpu = Annotated[
    int,
    BeforeValidator(parse_cpu),
    AfterValidator(_enough_cpu),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^({CPU_PATTERN})$"}, {"type": "number", "minimum": 0.02}]}
    ),
]
Memory = Annotated[
    int,
    BeforeValidator(parse_memory),
    AfterValidator(_enough_memory),
    WithJsonSchema({"type": "string", "pattern": f"^{MEMORY_PATTERN}$"}),
]


class Compute(Section):
    """What a container needs. The task is sized by the sum over its containers."""

    cpu_millicores: Cpu = Field(default=200, alias="cpu", json_schema_extra={"default": "200m"})
    """CPU: `200m`, `0.5` or `2`. At least `20m`."""

    mem_mib: Memory | None = Field(default=None, alias="mem")
    """Memory: `512Mi` or `2Gi`. At least `20Mi`. Default: what the size of the task leaves."""

    gpu: WholeNumber = Field(default=0, ge=0)
    """Number of GPUs, for this container alone. On instances."""

    neuron: Annotated[bool, Strict()] = False
    """Whether the container gets all Neuron devices (Inferentia, Trainium) of an instance. With \
`capacity.kind: managed_instances`."""

    shm_mib: Memory | None = Field(default=None, alias="shm")
    """Shared memory, `/dev/shm`: `8Gi`. With `capacity.kind: ec2`; elsewhere it has 64 MiB."""


class Container(Section):
    """One container. Exactly one of `image` and `build`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["image"]}, {"required": ["build"]}]})

    name: Annotated[
        str,
        AfterValidator(identifiers.container_name),
        Field(
            json_schema_extra={
                "pattern": f"^{identifiers.DNS_LABEL_PATTERN}$",
                "maxLength": identifiers.LONGEST_CONTAINER_CHARACTERS,
            }
        ),
    ]
    """Name, unique in the pod. Lower-case letters, digits and dashes; not `dequeuer`, `prefetch`, `proxy` \
or `spec`."""

    image: Annotated[str, AfterValidator(identifiers.image_reference)] | None = None
    """Image to pull, such as `python:3.12-slim`."""

    registry_credentials: Annotated[str, AfterValidator(identifiers.secret_arn)] | None = None
    """ARN of the Secrets Manager secret with user name and password for the image's registry. Not for ECR."""

    build: Path | None = None
    """Folder with a Dockerfile to build the image from, relative to this file."""

    command: tuple[str, ...] = ()
    """Replaces the image's ENTRYPOINT. Default: the image's."""

    args: tuple[str, ...] = ()
    """Replaces the image's CMD. Default: the image's."""

    env: Mapping[EnvironmentName, str] = Field(default_factory=dict)
    """Environment variables. Values are text: write `"1"`, not `1`."""

    secrets: Mapping[EnvironmentName, Annotated[str, AfterValidator(identifiers.secret_reference)]] = Field(
        default_factory=dict
    )
    """Environment variables whose values come from a Secrets Manager secret or an SSM parameter, by ARN, \
or from an SSM parameter in the same region, by name."""

    compute: Compute = Field(default_factory=Compute)
    """CPU and memory."""

    readiness_probe: Probe | None = None
    """How to see that the container is ready. Requests are taken only while all containers are."""

    liveness_probe: LivenessProbe | None = None
    """How to see that the container is alive. A task with one that is not is replaced."""

    def with_port(self, port: int) -> Self:
        """Return the container with this port in its probes where the file gave none."""
        probes = {"readiness_probe": self.readiness_probe, "liveness_probe": self.liveness_probe}
        return self.model_copy(
            update={name: probe.with_port(port) for name, probe in probes.items() if probe is not None}
        )

    @model_validator(mode="wrap")
    @classmethod
    def _one_source(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return validate_with(one_of(data, "image", "build"), data, handler=handler)

    @field_validator("registry_credentials")
    @classmethod
    def _for_a_foreign_registry(cls, value: str | None, info: ValidationInfo) -> str | None:
        image = info.data.get("image")
        if value is not None and image is None:
            raise ValueError(
                "must stand beside image: what is built here lies in your own ECR, which needs none"
            )
        if value is not None and image is not None and ecr_image(image) is not None:
            raise ValueError(
                "must not stand beside an image of ECR's: ECS pulls those with the task's own role"
            )
        return value

    @field_validator("secrets")
    @classmethod
    def _not_in_env_too(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        # ECS refuses a task definition that gives one variable twice, but only at deployment.
        twice = sorted(value.keys() & info.data.get("env", {}).keys())
        if twice:
            raise ValueError(f"must not name what env names too: {', '.join(twice)}")
        return value
