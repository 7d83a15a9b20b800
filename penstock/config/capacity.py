"""Where an API's tasks run: on Fargate, on instances that ECS manages, or on an Auto Scaling group's."""

import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)

from penstock import instance_types
from penstock.config.disk import Disk
from penstock.config.findings import Finding, each_once, rejected, rejection
from penstock.config.quantities import DURATION_PATTERN, format_duration, parse_duration
from penstock.config.requirements import Requirements
from penstock.config.section import Section, WholeNumber
from penstock.config.wording import shown
from penstock.instance_types import Architecture

#: The base that ECS takes of a capacity provider, and more than an account has of instances.
MOST_ON_DEMAND = 100_000
MOST_INSTANCES = 5_000

LONGEST_IDLE_HOLD = timedelta(hours=1)
#: As ECS has it in ``scaleInAfter``: whatever is idle stays.
NEVER = timedelta(seconds=-1)

_INSTANCE_TYPE_PATTERN = r"[a-z][a-z0-9-]*\.[a-z0-9-]+"
_AMI_PATTERN = "ami-[0-9a-f]{8,17}"


class CapacityKind(StrEnum):
    """The kinds of capacity."""

    FARGATE = "fargate"
    MANAGED_INSTANCES = "managed_instances"
    EC2 = "ec2"


class PoolState(StrEnum):
    """What instances of a warm pool do until they are needed."""

    #: They cost their disks.
    STOPPED = "stopped"
    #: They cost as much as at work.
    RUNNING = "running"


def _instance_type(value: str) -> str:
    if not re.fullmatch(_INSTANCE_TYPE_PATTERN, value):
        raise ValueError(f'must be an instance type such as "g5.xlarge", not {shown(value)}')
    return value


def _ami(value: str) -> str:
    if not re.fullmatch(_AMI_PATTERN, value):
        raise ValueError(f'must be the id of an image such as "ami-0123456789abcdef0", not {shown(value)}')
    return value


def _idle_hold(value: object) -> timedelta:
    if value == "never":
        return NEVER
    hold = parse_duration(value)
    if hold > LONGEST_IDLE_HOLD:
        raise ValueError(f'must be at most 1h, or "never", not {format_duration(hold)}')
    return hold


IdleHold = Annotated[
    timedelta,
    BeforeValidator(_idle_hold),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^({DURATION_PATTERN}|never)$", "minLength": 2},
                {"type": "integer", "minimum": 0, "maximum": 3600},
            ]
        }
    ),
]
InstanceTypes = tuple[
    Annotated[
        str,
        AfterValidator(_instance_type),
        Field(json_schema_extra={"pattern": f"^{_INSTANCE_TYPE_PATTERN}$"}),
    ],
    ...,
]


class _Capacity(Section):
    """What all kinds have in common."""

    architecture: Architecture = Architecture.X86_64
    """Processors of the tasks, and platform that images are built for: `x86_64` or `arm64`."""

    spot_percent: WholeNumber = Field(default=0, ge=0, le=100)
    """How much of the capacity is Spot: cheaper, and taken back with two minutes' notice. 0 to 100."""

    on_demand_base: WholeNumber = Field(default=0, ge=0, le=MOST_ON_DEMAND)
    """Tasks, or instances with `kind: ec2`, that are On-Demand before `spot_percent` counts. 0 to 100000."""

    @field_validator("on_demand_base")
    @classmethod
    def _beside_spot(cls, value: int, info: ValidationInfo) -> int:
        if value and info.data.get("spot_percent") == 0:
            raise ValueError(
                "is the part of a mix that is not Spot, and with spot_percent: 0 nothing is: "
                "set spot_percent, or leave this out"
            )
        return value


class FargateCapacity(_Capacity):
    """Tasks without instances: AWS has a machine for each."""

    kind: Literal[CapacityKind.FARGATE] = CapacityKind.FARGATE
    """`fargate`: tasks on Fargate or Fargate Spot. No GPUs."""


class _Instances(_Capacity):
    """What both kinds with instances have."""

    instance_types: InstanceTypes = ()
    """Instance types that tasks may run on."""

    @field_validator("instance_types")
    @classmethod
    def _of_the_architecture(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        each_once(value, what="instance type")
        wanted = info.data.get("architecture")
        foreign = [
            Finding((index,), f"is of architecture {found.architecture}, and the tasks are {wanted}")
            for index, name in enumerate(value)
            if wanted and (found := instance_types.find(name)) and found.architecture is not wanted
        ]
        rejected(foreign)
        return value


class ManagedInstances(_Instances):
    """Instances that ECS chooses, starts, patches and ends."""

    kind: Literal[CapacityKind.MANAGED_INSTANCES]
    """`managed_instances`: instances that ECS chooses, starts, patches and ends. GPUs and Neuron devices."""

    requirements: Requirements | None = None
    """What instances must have, instead of `instance_types`. Default: what a task asks for."""

    idle_hold: IdleHold | None = None
    """How long an idle instance is kept for the next task: up to `1h`, or `never` to keep it for good. \
Default: AWS's own choice."""

    disk_gib: Disk = Field(default=80, alias="disk", json_schema_extra={"default": "80Gi"})
    """Disk of an instance, for images and files of its tasks. 30Gi to 16Ti."""

    @field_validator("requirements")
    @classmethod
    def _one_way_to_choose(cls, value: Requirements | None, info: ValidationInfo) -> Requirements | None:
        if value is not None and info.data.get("instance_types"):
            raise ValueError("must not stand beside instance_types: name types, or say what they must have")
        return value


class WarmPool(Section):
    """Instances that have started once and wait beside the group."""

    min_size: WholeNumber = Field(ge=1, le=MOST_INSTANCES)
    """Instances that wait, at least. 1 to 5000."""

    state: PoolState = PoolState.STOPPED
    """`stopped`: they cost their disks, and take a minute or so. `running`: they cost as much as at work."""

    max_prepared_capacity: Annotated[WholeNumber, Field(ge=1, le=MOST_INSTANCES)] | None = None
    """Instances that wait or work, at most; the pool shrinks as the group grows. Default: `min_size`, so \
that always as many wait."""

    @field_validator("max_prepared_capacity")
    @classmethod
    def _not_below_the_least(cls, value: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min_size")
        if value is not None and least is not None and value < least:
            raise ValueError(f"must be at least min_size, {least}, not {value}")
        return value


class Ec2(_Instances):
    """Instances of an Auto Scaling group in your account, which ECS sizes."""

    kind: Literal[CapacityKind.EC2]
    """`ec2`: instances of an Auto Scaling group in your account. GPUs, shared memory, own images, warm \
pools."""

    instance_types: InstanceTypes = Field(json_schema_extra={"minItems": 1})
    """Instance types of the group, the preferred one first. A task must fit into each."""

    ami: (
        Annotated[str, AfterValidator(_ami), Field(json_schema_extra={"pattern": f"^{_AMI_PATTERN}$"})] | None
    ) = None
    """Image of the instances, with Docker, the ECS agent and, for GPUs, NVIDIA's runtime. Default: the \
latest ECS-optimized Amazon Linux 2023 at the time of the deployment."""

    disk_gib: Disk = Field(default=100, alias="disk", json_schema_extra={"default": "100Gi"})
    """Disk of an instance, for its system, images and files of its tasks. 30Gi to 16Ti."""

    min_instances: WholeNumber = Field(default=0, ge=0, le=MOST_INSTANCES)
    """Fewest instances, whether there is work or not. 0 to 5000."""

    max_instances: WholeNumber = Field(default=100, ge=1, le=MOST_INSTANCES)
    """Most instances. 1 to 5000."""

    warm_pool: WarmPool | None = None
    """Instances that have started once and wait beside the group. With one instance type, without Spot."""

    @field_validator("instance_types")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must list at least one instance type")
        return value

    @field_validator("max_instances")
    @classmethod
    def _not_below_the_fewest(cls, value: int, info: ValidationInfo) -> int:
        fewest = info.data.get("min_instances")
        if fewest is not None and value < fewest:
            raise ValueError(f"must be at least min_instances, {fewest}, not {value}")
        return value

    @field_validator("warm_pool")
    @classmethod
    def _poolable(cls, value: WarmPool | None, info: ValidationInfo) -> WarmPool | None:
        if value is None:
            return value
        if info.data.get("spot_percent"):
            raise ValueError(
                "must not stand beside Spot: an instance that was stopped may find no capacity when it is "
                "needed; set spot_percent: 0, or leave the pool out"
            )
        if len(info.data.get("instance_types", ())) > 1:
            raise ValueError(
                "takes one instance type: Auto Scaling has long refused warm pools for groups of several; "
                "list one, or leave the pool out"
            )
        most = info.data.get("max_instances")
        if most is not None and value.min_size > most:
            raise ValueError(f"must have a min_size of at most max_instances, {most}, not {value.min_size}")
        return value


#: Pydantic puts the kind behind ``capacity`` in the place of each error in it.
CAPACITIES: Mapping[str, type[FargateCapacity | ManagedInstances | Ec2]] = MappingProxyType(
    {
        CapacityKind.FARGATE: FargateCapacity,
        CapacityKind.MANAGED_INSTANCES: ManagedInstances,
        CapacityKind.EC2: Ec2,
    }
)


def _of_a_kind(value: Any, handler: ValidatorFunctionWrapHandler) -> FargateCapacity | ManagedInstances | Ec2:
    """Report a kind that does not exist, and nothing else: what is right depends on it."""
    if isinstance(value, Mapping):
        value = {"kind": CapacityKind.FARGATE, **value}
        if (kind := value["kind"]) not in list(CapacityKind):
            rejected([Finding(("kind",), *_no_kind(kind))])
    elif not isinstance(value, _Capacity):
        raise rejection(f"must be a map of keys and values, not {shown(value)}")
    found: FargateCapacity | ManagedInstances | Ec2 = handler(value)
    return found


def _no_kind(kind: object) -> tuple[str, str | None]:
    near = get_close_matches(kind, list(CapacityKind), n=1) if isinstance(kind, str) else []
    kinds = ", ".join(CapacityKind)
    return f"must be one of {kinds}, not {shown(kind)}", near[0] if near else None


AnyCapacity = Annotated[
    FargateCapacity | ManagedInstances | Ec2, Field(discriminator="kind"), WrapValidator(_of_a_kind)
]
